"""The services of the Compose override for `astro dev start`, tested without containers."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from demo import aws

ROOT = Path(__file__).parents[2]


def test_the_one_shot_service_makes_the_bucket_that_the_reports_go_to(tmp_path):
    services = yaml.safe_load((ROOT / "docker-compose.override.yml").read_text())["services"]
    one_shot = services["reports-bucket"]
    _, *command = one_shot["entrypoint"]
    local = aws.start(tmp_path)
    try:
        env = {**os.environ, **one_shot["environment"], "AWS_ENDPOINT_URL": local.url}
        subprocess.run([sys.executable, *command], env=env, check=True, timeout=60)
        bucket = services["scheduler"]["environment"]["SCHEDULED_REPORTS__BUCKET"]

        assert local.keys(bucket) == {}  # raises if there is no bucket
    finally:
        local.child.stop()
