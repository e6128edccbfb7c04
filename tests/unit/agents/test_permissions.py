"""Every tool by every permit: what the server's owner forbids, no agent can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from skill_runner.agents.permissions import RULES, Permits
from skill_runner.agents.server import Agents, make_server
from skill_runner.agents.tools import tools
from skill_runner.backends.clock import SystemClock
from skill_runner.errors import Refused
from skill_runner.outcome import Outcome, to_json
from skill_runner.runs.folder import OUTCOME, Run, start_run
from skill_runner.scope import Scope
from skill_runner.skill.library import Library
from tests.support.paths import SKILLS
from tests.unit.runs.test_detached import dead

NOW = 1_700_000_000.0
PURGING = Permits(allow_purge=True)

# A call of each tool, about the skill echo and the namespace web.
ASKED: Mapping[str, dict[str, Any]] = {
    "list_skills": {},
    "describe_skill": {"skill": "echo"},
    "plan": {"skill": "echo", "namespace": "web"},
    "status": {},
    "why": {"name": "echo", "namespace": "web"},
    "run": {"skill": "echo", "namespace": "web"},
    "verify": {"name": "echo", "namespace": "web"},
    "remove": {"name": "echo", "confirm": "echo", "namespace": "web"},
    "cancel": {"run_id": "echo-0000"},
}
ALL = set(ASKED)
BY_SKILL = {"describe_skill", "plan", "run"}
BY_NAMESPACE = {"plan", "why", "run", "verify", "remove"}
WRITING = {"run", "verify", "remove", "cancel"}
BY_CONTEXT = ALL - {"list_skills", "describe_skill", "cancel"}

# The permits, what every call says besides, and the tools that are refused then.
CASES: Mapping[str, tuple[Permits, dict[str, Any], set[str]]] = {
    "no limits": (Permits(), {}, set()),
    "read only": (Permits(read_only=True), {}, WRITING),
    "no changes": (Permits(allow_changes=False), {}, {"remove"}),
    "the skill": (Permits(skills=("echo",)), {}, set()),
    "another skill": (Permits(skills=("other",)), {}, BY_SKILL),
    "the namespace": (Permits(namespaces=("web",)), {}, set()),
    "another namespace": (Permits(namespaces=("shop",)), {}, BY_NAMESPACE),
    "the context": (Permits(contexts=("dev",)), {"context": "dev"}, set()),
    "another context": (Permits(contexts=("dev",)), {"context": "prod"}, BY_CONTEXT),
    "a context, none allowed": (Permits(), {"context": "prod"}, BY_CONTEXT),
    "several contexts, none named": (Permits(contexts=("a", "b")), {}, ALL),
    "purge": (PURGING, {"purge": True}, set()),
    "purge, not allowed": (Permits(), {"purge": True}, {"remove"}),
    "purge, no changes": (
        Permits(allow_purge=True, allow_changes=False),
        {"purge": True},
        {"remove"},
    ),
}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))


class Workers:
    """Take the place of processes: each run is ready at once, and kept with its scope."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    def start(self, arguments: Any, *, label: str, scope: Scope, **more: Any) -> Run:
        self.scopes.append(scope)
        run = start_run(label, now=NOW)
        run.keep(OUTCOME, to_json(Outcome(status="ready", run=run.id)))
        return run


async def no_records(context: str | None) -> list[dict[str, Any]]:
    return []


def client(permits: Permits, workers: Workers | None = None) -> Client:
    agents = Agents(
        library=Library([SKILLS]),
        permits=permits,
        clock=SystemClock(),
        records=no_records,
        start=(workers or Workers()).start,
    )
    return Client(make_server(agents))


def said(answer: types.CallToolResult) -> str:
    (block,) = answer.content
    assert isinstance(block, types.TextContent)
    return block.text


def arguments(tool: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's call with what else is said, where the tool has an argument of that name."""
    known = next(each for each in tools(PURGING) if each.name == tool).properties
    return ASKED[tool] | {key: value for key, value in more.items() if key in known}


def test_every_tool_has_a_row_and_a_call() -> None:
    assert {tool.name for tool in tools(PURGING)} == set(RULES) == ALL


@pytest.mark.parametrize("case", CASES)
async def test_what_is_refused_and_what_is_not(case: str) -> None:
    permits, more, refused = CASES[case]
    workers = Workers()
    over = start_run("echo", now=NOW, token=lambda _: "0000")
    over.introduce("run", "echo", "echo", dead(), permits.scope)
    over.keep(OUTCOME, to_json(Outcome(status="ready", run=over.id)))
    async with client(permits, workers) as agent:
        answers = {each: await agent.call_tool(each, arguments(each, more)) for each in ASKED}
    assert {each for each, answer in answers.items() if answer.is_error} == refused
    for tool in refused:
        assert '"REFUSED"' in said(answers[tool])
    works = ALL - refused - {"list_skills", "describe_skill", "status", "cancel"}
    assert workers.scopes == [permits.scope] * len(works)  # and nothing was started for the rest


@pytest.mark.parametrize("case", CASES)
async def test_what_can_never_be_used_is_not_offered(case: str) -> None:
    permits = CASES[case][0]
    async with client(permits) as agent:
        offered = {tool.name: tool for tool in (await agent.list_tools()).tools}
    assert set(offered) == {each for each in ALL if permits.offers(each)}
    if "remove" in offered:
        properties = offered["remove"].input_schema["properties"]
        assert ("purge" in properties) == permits.allow_purge


def test_a_tool_without_a_row_is_refused() -> None:
    with pytest.raises(Refused, match="no tool 'exec'"):
        Permits().check("exec", {})


@pytest.mark.parametrize(
    ("allowed", "asked", "used"),
    [((), None, None), (("prod",), None, "prod"), (("prod", "dev"), "dev", "dev")],
)
def test_the_context_that_is_used(
    allowed: tuple[str, ...], asked: str | None, used: str | None
) -> None:
    assert Permits(contexts=allowed).context(asked) == used


# A run by its scope, its installations and its context, and the permits of who asks.
ECHO = [{"event": "Concerns", "at": 1.0, "installation": "web/echo", "skill": "echo"}]
BOTH = [*ECHO, {"event": "Concerns", "at": 1.0, "installation": "shop/db", "skill": "postgres"}]
PROD = [{"event": "Connected", "at": 1.0, "context": "prod", "server": "https://prod"}]
RUNS: Mapping[str, tuple[Scope, list[dict[str, Any]], Permits, bool]] = {
    "no limits": (Scope(), [], Permits(), True),
    "of the server itself": (Scope(("echo",)), [], Permits(skills=("echo",)), True),
    "of a narrower server": (Scope(("echo",), ("web",)), [], Permits(skills=("echo",)), True),
    "of a wider server": (Scope(("echo", "x")), [], Permits(skills=("echo",)), False),
    "of a shell": (Scope(), [], Permits(skills=("echo",)), False),
    "of a shell, the skill": (Scope(), ECHO, Permits(skills=("echo",)), True),
    "of a shell, the namespace": (Scope(), ECHO, Permits(namespaces=("web",)), True),
    "of a shell, another skill": (Scope(), ECHO, Permits(skills=("other",)), False),
    "of a shell, another namespace": (Scope(), ECHO, Permits(namespaces=("shop",)), False),
    "of a shell, one of two": (Scope(), BOTH, Permits(skills=("echo",)), False),
    "the context": (Scope(), PROD, Permits(contexts=("prod",)), True),
    "another context": (Scope(), PROD, Permits(contexts=("dev",)), False),
}


@pytest.mark.parametrize("tool", ["status", "cancel"])
@pytest.mark.parametrize("case", RUNS)
async def test_whose_run_is_shown_and_ended(case: str, tool: str) -> None:
    scope, events, permits, shown = RUNS[case]
    run = start_run("echo", now=NOW)
    run.introduce("run", "echo", "echo", dead(), scope)
    run.keep("events.jsonl", "".join(f"{e}\n".replace("'", '"') for e in events))
    run.keep(OUTCOME, to_json(Outcome(status="ready", run=run.id)))
    async with client(permits) as agent:
        answer = await agent.call_tool(tool, {"run_id": run.id})
    assert answer.is_error != shown
    assert ("not allowed here" in said(answer)) != shown
