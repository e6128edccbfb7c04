"""Every command of every page exists, takes what it is given, and is run or says why not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import click
import pytest

from skill_runner.cli import main as cli
from skill_runner.errors import SkillError
from skill_runner.plan.inputs import read_sets
from skill_runner.skill.library import Library
from skill_runner.skill.model import Skill
from tests.support.documents import UNRUN, is_followed, runs_offline
from tests.support.pages import (
    ROOT,
    Line,
    blocks,
    inline_commands,
    shell_lines,
    written_pages,
)

LIBRARY = Library([ROOT / "skills"])
SKILLS = {name: LIBRARY.find(name) for name in LIBRARY.names()}
LANGUAGES = {"sh", "text", "json", "yaml", "python", "dockerfile", "nginx", "toml"}
WRITTEN = [line for page in written_pages() for line in shell_lines(page)]
INLINE = [line for page in written_pages() for line in inline_commands(page)]


def _ids(lines: Sequence[Line]) -> list[str]:
    return [line.where for line in lines]


def test_every_block_says_its_language() -> None:
    wrong = [
        f"{block.where}: {block.language!r}"
        for page in written_pages()
        for block in blocks(page)
        if block.language not in LANGUAGES
    ]
    assert not wrong


def test_no_command_hides_in_an_indented_block() -> None:
    for page in written_pages():
        outside = page.read_text("utf-8")
        for block in re.findall(r"^ *```.*?^ *```$", outside, re.MULTILINE | re.DOTALL):
            outside = outside.replace(block, "")
        hidden = re.findall(r"^ {4,}(?:skill|kubectl|docker|helm) .*$", outside, re.MULTILINE)
        assert not hidden, page


@pytest.mark.parametrize("line", WRITTEN, ids=_ids(WRITTEN))
def test_a_written_command_takes_what_it_is_given(line: Line) -> None:
    for words in line.programs():
        if words[0] == "skill":
            _check(words[1:])


@pytest.mark.parametrize("line", INLINE, ids=_ids(INLINE))
def test_a_command_in_prose_takes_what_it_is_given(line: Line) -> None:
    if "…" in line.text or "[=" in line.text:
        return
    for words in line.programs():
        if words[0] == "skill":
            _check(words[1:], whole=False)


def _check(words: Sequence[str], *, whole: bool = True) -> None:
    """Fail for a command, option, skill or input that does not exist."""
    command: click.Command = cli.skill
    context = click.Context(command, info_name="skill", **command.context_settings)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"{context.command_path} has no command {name}"
        command = found
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
    try:
        given, left, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        pytest.fail(f"{context.command_path}: {error.format_message()}")
    assert not left or context.allow_extra_args or isinstance(command, click.Group), left
    for parameter in command.params:
        _check_parameter(parameter, given.get(parameter.name or ""), context, whole=whole)
    _check_inputs(given)


def _check_parameter(
    parameter: click.Parameter, value: Any, context: click.Context, *, whole: bool
) -> None:
    if whole and isinstance(parameter, click.Argument) and parameter.required:
        assert isinstance(value, str | list | tuple), f"{context.command_path}: {parameter.name}?"
    if isinstance(parameter.type, click.Choice) and isinstance(value, str):
        parameter.type.convert(value, parameter, context)


def _check_inputs(given: dict[str, Any]) -> None:
    """Hold `--set` and `--with` against the inputs of the skill, if it is one of ours."""
    name = given.get("skill")
    if not isinstance(name, str) or name not in SKILLS:
        return
    skill = SKILLS[name]
    try:
        read_sets(skill, list(given.get("sets") or ()), "--set")
        for alias, assignments in _passed(given.get("passed") or ()):
            read_sets(_required(skill, alias), assignments, "--with")
    except SkillError as error:
        pytest.fail(str(error))


def _passed(assignments: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for each in assignments:
        alias, _, rest = each.partition(".")
        yield alias, [rest]


def _required(skill: Skill, alias: str) -> Skill:
    (required,) = [each for each in skill.requires if each.alias == alias]
    return SKILLS[required.skill]


# What is run, and what is not


def test_every_command_is_run_or_says_why_not() -> None:
    """No row of the table without a command, no command without a row or a test that runs it."""
    used = set()
    missing = []
    for line in WRITTEN:
        if is_followed(line) or runs_offline(line):
            continue
        rows = [row for row in UNRUN if row.fits(line)]
        used.update(rows[:1])
        if not rows:
            missing.append(line.where)
    assert not missing, "run it, or give the reason in tests/support/documents.py"
    assert not [row for row in UNRUN if row not in used], "no page has such a command any more"


def test_a_reason_names_tests_that_exist() -> None:
    for row in UNRUN:
        for test in row.tests:
            assert (ROOT / test).exists(), row
