"""One cluster for every skill: an embedded one of our own, or the one SKILL_TEST_CONTEXT names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skill_runner import clusters
from skill_runner.backends.kubeconfig import default_path
from skill_runner.objects import Ref
from tests.support.driver import Driver
from tests.support.reaper import reaped


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    state = tmp_path_factory.mktemp("state")
    named = os.environ.get("SKILL_TEST_CONTEXT")
    if named:
        ours = clusters.find(named)
        yield Driver(Path(default_path()), named, ours.audit_log if ours else None, state)
        return
    if os.geteuid() != 0:
        pytest.skip("the embedded cluster needs root; name another with SKILL_TEST_CONTEXT")
    name = f"skills-{os.getpid()}"
    with reaped(name):
        _skill("cluster", "up", "--name", name)
        info = clusters.find(name)
        assert info is not None
        assert info.kubeconfig is not None
        yield Driver(info.kubeconfig, info.context, info.audit_log, state)


@pytest.fixture(scope="session")
def learnflow(driver: Driver) -> Iterator[str]:
    """A namespace of applications, with what the cluster itself puts into each."""
    yield driver.make_namespace("learnflow")
    driver.delete(Ref("v1", "Namespace", "learnflow"))


def _skill(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "skill_runner", *arguments], check=True)
