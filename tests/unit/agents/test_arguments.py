"""A tool call as a command: nothing an agent says becomes an option."""

from __future__ import annotations

from typing import Any

import click
import pytest

from skill_runner.agents.arguments import call_of
from skill_runner.agents.permissions import Permits
from skill_runner.cli.main import skill as group
from skill_runner.errors import Refused, UsageError

OPEN = Permits()
HOSTILE = [
    "--purge",
    "-y",
    "a b",
    "a;rm -rf /",
    "$(id)",
    "`id`",
    "a\nb",
    "{{ 7*7 }}",
    "!!python/none x",
    "../../etc",
    "name=--yes",
    "'",
    '"',
    "\\",
    "\u2028",
    "x" * 200,
]


def parsed(argv: tuple[str, ...]) -> dict[str, Any]:
    """What the command itself makes of the arguments."""
    context = click.Context(group, info_name="skill", **group.context_settings)
    command = group.get_command(context, argv[0])
    assert command is not None
    return command.make_context(argv[0], list(argv[1:]), parent=context).params


def test_a_run() -> None:
    asked = {"skill": "kafka", "name": "events", "namespace": "bus", "inputs": {"topics": ["a"]}}
    call = call_of("run", asked, Permits(contexts=("dev",)), ["--kubeconfig=/k"])
    assert call.argv == (
        "run",
        "--name=events",
        '--inputs={"topics": ["a"]}',
        "--namespace=bus",
        "--kubeconfig=/k",
        "--context=dev",
        "--output=json",
        "--",
        "kafka",
    )
    assert call.installation == "events"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_stays_the_value(text: str) -> None:
    call = call_of("run", {"skill": "kafka", "inputs": {text: text}}, OPEN, [])
    made = parsed(call.argv)
    assert (made["given"], made["skill"], made["no_change"]) == ({text: text}, "kafka", False)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_stays_a_name(text: str) -> None:
    call = call_of("remove", {"name": text, "confirm": text}, OPEN, [])
    made = parsed(call.argv)
    assert (made["name"], made["purge"], made["yes"]) == (text, False, True)


@pytest.mark.parametrize("name", ["./kafka", "../kafka", "/etc/skill", "a\\b", "."])
def test_a_path_is_no_skill(name: str) -> None:
    with pytest.raises(UsageError, match="is a path"):
        call_of("run", {"skill": name}, OPEN, [])


def test_removal_is_confirmed_by_the_exact_name() -> None:
    with pytest.raises(Refused, match="nothing was removed"):
        call_of("remove", {"name": "kafka", "confirm": "kafka "}, OPEN, [])


def test_a_server_without_changes_says_so_to_the_runner() -> None:
    call = call_of("run", {"skill": "kafka"}, Permits(allow_changes=False), [])
    assert "--no-change" in call.argv
    assert "--no-change" not in call_of("run", {"skill": "kafka"}, OPEN, []).argv


def test_inputs_keep_their_types() -> None:
    inputs = {"n": 3, "flag": True, "none": None, "text": "3", "deep": {"a": [1, "x"]}}
    call = call_of("run", {"skill": "kafka", "inputs": inputs}, OPEN, [])
    assert parsed(call.argv)["given"] == inputs
