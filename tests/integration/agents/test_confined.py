"""A confined MCP server on a cluster: what is foreign by its record is not shown, not touched."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.support.paths import TINY
from tests.support.testcluster import TestCluster

NAME, PLACE = "tiny-web", "confined"


class Servers:
    """Servers for one cluster and one state directory, each with options of its own."""

    def __init__(self, cluster: TestCluster, state: Path) -> None:
        self._connection = (
            f"--kubeconfig={cluster.kubeconfig}",
            f"--allow-context={cluster.context}",
        )
        self._environ = {**os.environ, "SKILL_PATH": str(TINY), "SKILL_STATE_DIR": str(state)}

    def start(self, *options: str) -> Client:
        return Client(
            StdioServerParameters(
                command=sys.executable,
                env=self._environ,
                args=["-P", "-m", "skill_runner", "mcp", *self._connection, *options],
            )
        )


async def ask(agent: Client, tool: str, **asked: Any) -> dict[str, Any]:
    answer = await agent.call_tool(tool, asked)
    found: dict[str, Any] = answer.structured_content
    return found


@pytest.mark.usefixtures("busybox")
async def test_what_is_foreign_stays_so(test_cluster: TestCluster, tmp_path: Path) -> None:
    servers = Servers(test_cluster, tmp_path)
    async with servers.start("--allow=purge") as owner:
        made = await ask(owner, "run", skill=NAME, namespace=PLACE, wait_seconds=300)
        assert made["status"] == "ready", made
        for options in (["--allow-skill=kafka-k8s-setup"], ["--namespace=elsewhere"]):
            async with servers.start(*options, "--allow=purge") as confined:
                assert (await ask(confined, "status"))["installations"] == []
                calls: dict[str, dict[str, Any]] = {
                    "status": {"run_id": made["run"]},
                    "verify": {"name": NAME},
                    "why": {"name": NAME},
                    "plan": {"skill": NAME},
                    "run": {"skill": NAME},
                    "remove": {"name": NAME, "confirm": NAME, "purge": True},
                }
                for tool, asked in calls.items():
                    refused = await ask(confined, tool, **asked)
                    assert refused["problem"]["code"] == "REFUSED", (tool, refused)
                    assert "not allowed here" in refused["problem"]["cause"]
        async with servers.start("--no-changes", "--allow=purge") as reader:
            kept = await ask(reader, "remove", name=NAME, confirm=NAME)
            assert "not allowed here" in kept["problem"]["cause"]
        async with servers.start() as plain:
            kept = await ask(plain, "remove", name=NAME, confirm=NAME, purge=True)
            assert "purge is not allowed here" in kept["problem"]["cause"]
        async with servers.start(f"--allow-skill={NAME}", f"--namespace={PLACE}") as allowed:
            assert (await ask(allowed, "verify", name=NAME, namespace=PLACE))["status"] == "ready"
        gone = await ask(owner, "remove", name=NAME, confirm=NAME, purge=True, wait_seconds=300)
        assert gone["status"] == "removed", gone
