"""An executor that gives each task a pod, as KubernetesExecutor does, where there is no Kubernetes.

A pod is a process of its own that runs the very command KubernetesExecutor gives its pods.  It has a name of its own,
and an empty home, temporary folder and cache that are gone with it.  The scheduler of a test loads this file by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from airflow.executors.base_executor import BaseExecutor

EMPTY = ("home", "tmp", "cache")
ENTER = """
hostname "$1"; shift
while [ "$1" != -- ]; do mount -t tmpfs none "$1"; shift; done; shift
exec "$@"
"""


class PodExecutor(BaseExecutor):
    """Starts a pod for every task, and looks after it."""

    def start(self):
        """Begin without pods."""
        self.pods = {}

    def _process_workloads(self, workload_items):
        for workload in workload_items:
            del self.queued_tasks[workload.key]
            self.running.add(workload.key)
            self.pods[workload.key] = _pod(workload)

    def sync(self):
        """Say of each pod that has ended how it did."""
        for key, pod in list(self.pods.items()):
            if pod.poll() is not None:
                del self.pods[key]
                (self.fail if pod.returncode else self.success)(key)

    def end(self):
        """Wait for the pods."""
        for pod in self.pods.values():
            pod.wait()

    def terminate(self):
        """End the pods."""
        for pod in self.pods.values():
            pod.kill()


def _pod(workload):
    folders = [str(Path(os.environ["AIRFLOW_HOME"]).parent / name) for name in EMPTY]
    enter = ["unshare", "--mount", "--uts", "--", "sh", "-ec", ENTER, "enter", f"pod-{workload.ti.id}", *folders, "--"]
    task = ["-m", "airflow.sdk.execution_time.execute_workload", "--json-string", workload.model_dump_json()]
    return subprocess.Popen([*enter, sys.executable, "-P", *task])
