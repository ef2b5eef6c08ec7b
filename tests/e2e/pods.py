"""An executor that runs each task in a simulated pod, as KubernetesExecutor does, without Kubernetes.

A pod is a separate process that runs the command of KubernetesExecutor's pods.  It has a separate host name, and its
home, temporary folder and cache start empty and are deleted with it.  A test puts this file on the path of Airflow.
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
    """Start a pod for every task, and monitor it."""

    def start(self):
        """Start without pods."""
        self.pods = {}

    def _process_workloads(self, workload_items):
        for workload in workload_items:
            del self.queued_tasks[workload.key]
            self.running.add(workload.key)
            self.pods[workload.key] = _pod(workload)

    def sync(self):
        """Report the result of each pod that has ended."""
        for key, pod in list(self.pods.items()):
            if pod.poll() is not None:
                del self.pods[key]
                (self.fail if pod.returncode else self.success)(key)

    def end(self):
        """Wait for the pods."""
        for pod in self.pods.values():
            pod.wait()

    def terminate(self):
        """Terminate the pods."""
        for pod in self.pods.values():
            pod.kill()


def _pod(workload):
    folders = [str(Path(os.environ["AIRFLOW_HOME"]).parent / name) for name in EMPTY]
    enter = ["unshare", "--mount", "--uts", "--", "sh", "-ec", ENTER, "enter", f"pod-{workload.ti.id}", *folders, "--"]
    task = ["-m", "airflow.sdk.execution_time.execute_workload", "--json-string", workload.model_dump_json()]
    return subprocess.Popen([*enter, sys.executable, "-P", *task])
