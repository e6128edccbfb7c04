"""The MCP server through a client in this process; the rest of it is in tests/skills."""

from __future__ import annotations

from typing import Any

import jsonschema
import mcp_types as types
import pytest
from mcp import Client

from skill_runner.agents.permissions import Permits
from skill_runner.agents.server import Agents, make_server
from skill_runner.agents.tools import tools
from skill_runner.backends.clock import SystemClock
from skill_runner.outcome import Outcome, Problem, to_dict
from skill_runner.skill.library import PATH_VARIABLE, Library
from tests.support.paths import SKILLS

KAFKA = {"installation": "kafka/events", "skill": "kafka-k8s-setup"}
SHOP = {"installation": "shop/db", "skill": "postgres-k8s-setup"}


async def installations(context: str | None) -> list[dict[str, Any]]:
    return [KAFKA, SHOP]


def client(permits: Permits | None = None) -> Client:
    agents = Agents(
        library=Library([SKILLS]),
        permits=permits or Permits(),
        clock=SystemClock(),
        records=installations,
        connection=("--kubeconfig=/nowhere/at/all",),
    )
    return Client(make_server(agents))


def said(answer: types.CallToolResult) -> str:
    """The text of an answer, for clients that read only that."""
    (block,) = answer.content
    assert isinstance(block, types.TextContent)
    return block.text


async def test_the_tools_and_what_they_claim() -> None:
    async with client() as agent:
        offered = {tool.name: tool for tool in (await agent.list_tools()).tools}
    claims = {
        name: (a.read_only_hint, a.destructive_hint, a.idempotent_hint)
        for name, tool in offered.items()
        if (a := tool.annotations)
    }
    assert claims == {
        "list_skills": (True, False, True),
        "describe_skill": (True, False, True),
        "plan": (True, False, True),
        "status": (True, False, True),
        "why": (True, False, True),
        "run": (False, True, True),
        "verify": (False, False, True),
        "remove": (False, True, True),
        "cancel": (False, True, True),
    }
    for tool in offered.values():
        assert tool.input_schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf"} & set(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema or {})


async def test_a_server_that_only_reads_offers_only_that() -> None:
    async with client(Permits(read_only=True)) as agent:
        names = [tool.name for tool in (await agent.list_tools()).tools]
        refused = await agent.call_tool("remove", {"name": "a", "confirm": "a"})
    assert names == ["list_skills", "describe_skill", "plan", "status", "why"]
    assert refused.is_error


def test_run_is_not_destructive_where_it_may_not_change() -> None:
    offered = {tool.name: tool for tool in tools(Permits(allow_changes=False))}
    assert not offered["run"].destructive
    assert "remove" not in offered


async def test_listing_and_describing() -> None:
    async with client() as agent:
        listed = (await agent.call_tool("list_skills", {})).structured_content
        described = (await agent.call_tool("describe_skill", {"skill": "echo"})).structured_content
    assert [row["name"] for row in listed["skills"]] == ["echo"]
    assert described["inputs"]["properties"]["replicas"]["maximum"] == 5
    assert "folder" not in described


@pytest.mark.parametrize(
    ("tool", "asked", "cause"),
    [
        ("describe_skill", {"skill": "ecko"}, "echo"),
        ("describe_skill", {}, "'skill' is a required property"),
        ("run", {"skill": "../echo"}, "is a path"),
        ("run", {"skill": "echo", "shell": "x"}, "'shell' was unexpected"),
        ("run", {"skill": "echo", "context": "prod"}, "not allowed here"),
        ("remove", {"name": "a", "confirm": "b"}, "nothing was removed"),
        ("status", {"run_id": "../../etc"}, "no run"),
        ("shell", {}, "no tool 'shell'"),
    ],
)
async def test_what_cannot_be_asked_is_answered_with_a_problem(
    tool: str, asked: dict[str, Any], cause: str
) -> None:
    async with client() as agent:
        answer = await agent.call_tool(tool, asked)
    assert answer.is_error
    assert cause in said(answer)


async def test_a_command_that_fails_is_an_error_with_its_outcome(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(SKILLS))  # the work is done in a process of its own
    told: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with client() as agent:
        answer = await agent.call_tool("plan", {"skill": "echo"}, progress_callback=note)
    assert answer.is_error
    outcome = answer.structured_content
    assert (outcome["exit_code"], outcome["problem"]["code"]) == (4, "CLUSTER_UNREACHABLE")
    assert told[0].endswith("has started")  # however soon it ends


async def test_status_shows_only_the_allowed_namespaces() -> None:
    async with client(Permits(namespaces=("kafka",))) as agent:
        answer = await agent.call_tool("status", {})
        other = await agent.call_tool("why", {"name": "db", "namespace": "shop"})
    assert answer.structured_content == {"installations": [KAFKA]}
    assert "not allowed here" in said(other)


def test_every_outcome_conforms_to_the_tools_shorter_schema() -> None:
    problem = Problem(code="CAPACITY", resource="Pod a/b", cause="too large")
    schema = next(tool.output for tool in tools(Permits()) if tool.name == "run")
    for outcome in (Outcome(status="ready"), Outcome(status="failed", problem=problem)):
        jsonschema.validate(to_dict(outcome), schema)
