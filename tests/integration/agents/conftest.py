"""Two agents on the session's cluster, one with a shell and one with MCP, for one tiny skill."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from evals.contracts import Contract, Mcp, Shell, install_client
from tests.support.paths import TINY
from tests.support.testcluster import TestCluster

Connect = Callable[[], Contract]


@pytest.fixture(scope="module", params=["shell", "mcp"])
def connect(
    request: pytest.FixtureRequest,
    test_cluster: TestCluster,
    busybox: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Connect]:
    """Make another agent of one kind: those of a module share their state directory."""
    state = tmp_path_factory.mktemp(f"state-{request.param}")
    environment = {**os.environ, "SKILL_PATH": str(TINY), "SKILL_STATE_DIR": str(state)}
    kubeconfig = f"--kubeconfig={test_cluster.kubeconfig}"
    made: list[Contract] = []

    def make() -> Contract:
        if request.param == "shell":
            made.append(Shell([kubeconfig, f"--context={test_cluster.context}"], environment))
        else:
            install_client()
            allow = f"--allow-context={test_cluster.context}"
            made.append(Mcp([kubeconfig, allow, "--allow=purge"], environment))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def agent(connect: Connect) -> Contract:
    return connect()


@pytest.fixture(scope="module")
def place(connect: Connect) -> str:
    """The namespace in which the agent installs; the agents are there one after the other."""
    return "agents"
