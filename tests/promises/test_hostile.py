"""Hostile inputs: what a caller types is data, all the way through YAML, Jinja and Helm values."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from skill_runner.cli import main
from skill_runner.errors import InputError, UsageError
from skill_runner.plan import ImageChoice, Installation, Plan, PlannedApply, PlannedRelease
from skill_runner.plan import make_plan as plan_it
from skill_runner.plan.inputs import resolve_inputs, resolve_values
from skill_runner.runs.folder import runs_folder, start_run
from skill_runner.skill.library import Library
from skill_runner.skill.plaintext import input_faults
from tests.support.paths import SKILLS

ECHO = Library((SKILLS,)).find("echo")
IMAGE = ImageChoice(name="server", ref="r.example/nginx:1", source="pull", official="nginx:1")

TEXTS = [
    "--kubeconfig=/etc/passwd",
    "-n",
    "a\nkind: Secret\nmetadata: {name: injected}",
    "a\r\n---\napiVersion: v1",
    "$(touch /tmp/never) `id` ; rm -rf / | cat && true",
    "../../../../etc/passwd",
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "!!python/object/apply:os.system ['id']",
    "!!binary aGVsbG8=",
    "&anchor *anchor",
    "'\"\\",
    "no",
    "null",
    "0x1F",
    "\u202egnp.exe\u200b",
    "\x1b[2J\x1b]0;title\x07",
    "ä" * 50_000,
]


def plan_of(greeting: str, name: str = "shop", namespace: str = "echo") -> Plan:
    # Past the check of inputs: templates hold whatever comes.
    inputs = {**resolve_inputs(ECHO, sets=["pages=[one]"]), "greeting": greeting}
    return plan_it(ECHO, Installation(namespace, name), inputs, {"server": IMAGE}, {})


def values_of(plan: Plan) -> Any:
    return next(step.values for step in plan.steps if isinstance(step, PlannedRelease))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
def test_a_text_arrives_as_it_was_typed(text: str) -> None:
    """Whatever it looks like: nothing evaluates it, and it changes no document's structure."""
    plain, hostile = plan_of("hello"), plan_of(text)
    assert values_of(hostile)["greeting"] == f"{text}, from shop"
    assert _shape(values_of(hostile)) == _shape(values_of(plain))
    assert [s.id for s in hostile.steps] == [s.id for s in plain.steps]
    for one, other in zip(plain.steps, hostile.steps, strict=True):
        if isinstance(one, PlannedApply) and isinstance(other, PlannedApply):
            assert [m["kind"] for m in one.manifests] == [m["kind"] for m in other.manifests]
            assert [m["metadata"] for m in one.manifests] == [
                m["metadata"] for m in other.manifests
            ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("standard\n---\nkind: ClusterRoleBinding", "a line break at position 9"),
        ("a\rb", "a carriage return at position 2"),
        ("\ta", "a tab at position 1"),
        ("a\x00", "the control character U+0000 at position 2"),
        ("\x1b[2J", "the control character U+001B at position 1"),
        ("a\x7f", "the control character U+007F at position 2"),
        ("a\u0085b", "the control character U+0085 at position 2"),
        ("a\u2028b", "the control character U+2028 at position 2"),
        ("\ud800", "the control character U+D800 at position 1"),
        ("\ufeffa", "the control character U+FEFF at position 1"),
    ],
)
def test_a_control_character_is_refused_wherever_it_is(text: str, found: str) -> None:
    for given, where in (
        ({"greeting": text}, "greeting"),
        ({"pages": ["one", text]}, r"pages\[1\]"),
        ({"extra": {"host": text}}, r"extra\.host"),
    ):
        with pytest.raises(InputError, match=f"{where} holds {re.escape(found)}; expected plain"):
            resolve_values(ECHO, given)
        with pytest.raises(InputError, match=re.escape(found)):
            resolve_inputs(ECHO, given=given)


def test_a_secret_with_a_control_character_is_refused_and_not_shown() -> None:
    with pytest.raises(InputError, match="password holds a line break") as refused:
        resolve_inputs(ECHO, given={"password": "hunter2\n"})
    assert "hunter2" not in str(refused.value)


def test_an_input_may_say_that_it_takes_several_lines() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string", "multiline": True}}
    assert input_faults({"CERT": "-----\n\tabc\r\n"}, schema) == ()
    assert [fault.path for fault in input_faults({"CERT": "a\x00"}, schema)] == [("CERT",)]
    assert [fault.path for fault in input_faults({"CE\nRT": "a"}, schema)] == [()]


def _named(step: PlannedApply) -> list[Any]:
    return [(manifest["kind"], manifest["metadata"]) for manifest in step.manifests]


def _shape(value: Any) -> Any:
    """The structure of a document: keys and types, without the texts."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__


@pytest.mark.parametrize(
    "name",
    [
        "-x",
        "--yes",
        "a b",
        "a/b",
        "../a",
        "a;b",
        "a\nb",
        "{{a}}",
        "A",
        "a_b",
        "ä",
        "",
        "a" * 41,
        "$(id)",
        "a.b",
        "a-",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("which", ["name", "namespace"])
def test_a_name_is_a_dns_label_or_refused(name: str, which: str) -> None:
    name = name * 2 if which == "namespace" and len(name) == 41 else name
    with pytest.raises(UsageError, match=r"is not allowed|characters, at most"):
        plan_of("hello", **{which: name})


@pytest.mark.parametrize(
    "assignment",
    [
        "extra=!!python/object/apply:os.system ['id']",
        "pages=&a [*a]",
        "extra={a: 1, a: 2}",
        "extra={<<: {port: 1}}",
        "pages=[{{ 7 }}]",
    ],
)
def test_yaml_that_does_more_than_data_is_refused(assignment: str) -> None:
    with pytest.raises(InputError):
        resolve_inputs(ECHO, sets=[assignment])


def test_a_yaml_bomb_is_refused_before_it_grows() -> None:
    bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    bomb += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with pytest.raises(InputError):
        resolve_inputs(ECHO, sets=["extra={" + ", ".join(bomb) + "}"])


@pytest.mark.parametrize("label", ["../../x", "/etc", "", "..", "a\0b", "-rf", "x" * 500])
def test_a_run_s_folder_is_below_the_others(
    label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))
    run = start_run(label, now=0.0)
    assert run.folder.resolve().parent == runs_folder().resolve()
    assert len(run.id) < 30


@pytest.mark.parametrize("run", ["../../etc", "/etc/passwd", "..", ".", "-o", "a/../../b"])
@pytest.mark.parametrize("command", ["status", "logs", "cancel"])
def test_a_run_s_id_names_no_other_file(
    command: str,
    run: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path))
    (tmp_path / "log.txt").write_text("not of a run")
    assert main.run([command, "--", run]) == 2
    assert "not of a run" not in capsys.readouterr().out


def test_hooks_of_the_folder_one_stands_in_are_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A skill in the working folder, or below it, is found only by its path."""
    for folder in (tmp_path, tmp_path / "skills"):
        (folder / "mine").mkdir(parents=True)
        (folder / "mine" / "skill.yaml").write_text("schema: 1\n")
        (folder / "mine" / "hooks.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SKILL_PATH", raising=False)
    for command in ("run", "plan", "describe", "render"):
        assert main.run([command, "mine"]) == 2
    assert "there is no skill 'mine'" in capsys.readouterr().err
    assert main.run(["list"]) == 0
    assert "mine" not in capsys.readouterr().out.split()


def test_describing_and_planning_run_no_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "ran"
    folder = tmp_path / "echo"
    os.makedirs(folder)
    for file in SKILLS.joinpath("echo").rglob("*"):
        if file.is_file():
            target = folder / file.relative_to(SKILLS / "echo")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    hooks = folder / "hooks.py"
    hooks.write_text(f"open({str(mark)!r}, 'w').close()\n" + hooks.read_text())
    monkeypatch.setenv("SKILL_PATH", str(tmp_path))
    for command in (
        ["describe", "echo"],
        ["validate", "echo"],
        ["list"],
        ["run", "echo", "--dry-run", "--kubeconfig", "/nowhere"],
    ):
        main.run(command)
    assert not mark.exists()
