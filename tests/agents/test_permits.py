"""What the server's owner forbids, no agent can ask for."""

from __future__ import annotations

import pytest

from skill_runner.agents.permits import Permits
from skill_runner.errors import Refused


def test_a_reading_server_writes_nothing() -> None:
    for tool in ("run", "verify", "remove"):
        with pytest.raises(Refused, match="only reads"):
            Permits(read_only=True).check_tool(tool)
    Permits(read_only=True).check_tool("plan")


def test_only_the_allowed_skills() -> None:
    Permits(skills=("a",)).check_skill("a")
    Permits().check_skill("b")
    with pytest.raises(Refused, match="'b' is not allowed"):
        Permits(skills=("a",)).check_skill("b")


@pytest.mark.parametrize(
    ("allowed", "asked", "used"),
    [((), None, None), (("prod",), None, "prod"), (("prod", "dev"), "dev", "dev")],
)
def test_the_context_that_is_used(
    allowed: tuple[str, ...], asked: str | None, used: str | None
) -> None:
    assert Permits(contexts=allowed).context(asked) == used


@pytest.mark.parametrize(
    ("allowed", "asked"), [((), "prod"), (("dev",), "prod"), (("dev", "test"), None)]
)
def test_a_context_that_is_refused(allowed: tuple[str, ...], asked: str | None) -> None:
    with pytest.raises(Refused):
        Permits(contexts=allowed).context(asked)


def test_namespaces_are_confined() -> None:
    Permits().check_installations(["any/thing"])
    Permits(namespaces=("kafka",)).check_installations(["kafka/events"])
    with pytest.raises(Refused, match="payments/db"):
        Permits(namespaces=("kafka",)).check_installations(["kafka/events", "payments/db"])
