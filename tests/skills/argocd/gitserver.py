"""A Git repository that the cluster serves to itself, filled from a folder of the test's."""

from __future__ import annotations

import base64
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.objects import Object, Ref
from tests.support.driver import Driver

SPACE: Final = "git"
URL: Final = f"git://repository.{SPACE}.svc/srv/platform"
POD: Final = Ref("v1", "Pod", "repository", SPACE)
SERVE: Final = """
set -e
git init --quiet --initial-branch=main /srv/platform
cd /srv/platform
git config user.name test
git config user.email test@localhost
git commit --quiet --allow-empty --message start
exec tini -- git daemon --export-all --reuseaddr
"""
COMMIT: Final = """
set -e
cd /srv/platform
git rm --quiet -r --ignore-unmatch . >&2
base64 -d | tar xz
git add --all
git commit --quiet --allow-empty --message change
git rev-parse HEAD
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository in its pod."""

    driver: Driver

    def commit(self, folder: Path) -> str:
        """Let the branch hold a folder's files, and nothing else; the commit in full."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(folder, arcname=".")
        text = base64.encodebytes(packed.getvalue()).decode()
        done = self.driver.exec(POD, "git", ["bash", "-c", COMMIT], text)
        assert done.exit_code == 0, done.stderr
        return done.stdout.strip()


def serve(driver: Driver, image: str) -> Repository:
    """Start it; its namespace is the test's to delete."""
    driver.make_namespace(SPACE)
    driver.apply(_service(), _pod(image))
    driver.until_ready(POD)
    return Repository(driver)


def _service() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": POD.name, "namespace": SPACE},
        "spec": {"selector": {"app": POD.name}, "ports": [{"name": "git", "port": 9418}]},
    }


def _pod(image: str) -> Object:
    container = {
        "name": "git",
        "image": image,
        "command": ["bash", "-c", SERVE],
        "env": [{"name": "HOME", "value": "/srv"}],
        "readinessProbe": {"tcpSocket": {"port": 9418}, "periodSeconds": 1},
        "volumeMounts": [{"name": "srv", "mountPath": "/srv"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD.name, "namespace": SPACE, "labels": {"app": POD.name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{"name": "srv", "emptyDir": {}}],
            "securityContext": {"fsGroup": 999},
        },
    }
