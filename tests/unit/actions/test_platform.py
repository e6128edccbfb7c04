"""A platform file: what a good one becomes, and every mistake of a bad one at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions.platform import read_platform
from skill_runner.errors import SkillFileError, UsageError
from skill_runner.skill.library import Library, default_library
from tests.support.graph import write_skill
from tests.support.paths import ROOT

GOOD = """\
schema: 1
name: shop
installations:
  - skill: bus
    inputs: {topics: [orders]}
  - skill: app
    name: order-service
    inputs: {namespace: shop, source: ./services/order}
    use: {bus: bbb/bus}
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write_skill(tmp_path / "skills", "bus")
    text = {"type": "string", "description": "A text."}
    namespace = {**text, "default": "apps"}
    inputs = {
        "namespace": namespace,
        "source": {**text, "format": "path"},
        "token": {**text, "writeOnly": True, "default": ""},
    }
    write_skill(
        tmp_path / "skills",
        "app",
        inputs=inputs,
        requires=[{"skill": "bus"}],
        outputs={},
        steps=[{"id": "act", "hook": "act"}],
    )
    return Library((tmp_path / "skills",))


def _file(folder: Path, text: str) -> Path:
    file = folder / "platform.yaml"
    file.write_text(text)
    return file


def test_a_platform_is_its_installations(tmp_path: Path, library: Library) -> None:
    platform = read_platform(_file(tmp_path, GOOD), library)
    bus, app = platform.wanted
    assert platform.name == "shop"
    assert (bus.name, bus.namespace, dict(bus.inputs)) == ("bus", "bbb", {"topics": ["orders"]})
    assert (app.name, app.namespace, dict(app.use)) == ("order-service", "shop", {"bus": "bbb/bus"})
    assert app.where.endswith("platform.yaml:6")


def test_paths_are_relative_to_the_file(tmp_path: Path, library: Library) -> None:
    app = read_platform(_file(tmp_path, GOOD), library).wanted[1]
    assert app.inputs["source"] == str(tmp_path / "services" / "order")


def test_an_installation_of_a_profile_is_for_those_who_ask(
    tmp_path: Path, library: Library
) -> None:
    text = GOOD.replace(
        "    name: order-service\n", "    name: order-service\n    profile: extra\n"
    )
    platform = read_platform(_file(tmp_path, text), library)
    assert [each.name for each in platform.of(()).wanted] == ["bus"]
    assert [each.name for each in platform.of(["extra"]).wanted] == ["bus", "order-service"]
    with pytest.raises(UsageError, match="no profile 'extr'; did you mean 'extra'"):
        platform.of(["extr"])


BAD = """\
schema: 1
installations:
  - skill: buss
  - skill: bus
    inputs: {topics: orders, sise: 2}
  - skill: app
    inputs: {token: hunter2}
    use: {db: x}
  - {skill: bus}
  - {skill: bus, inputs: {namespace: bbb}, extra: 1}
"""


def test_every_mistake_is_named_at_once_with_its_line(tmp_path: Path, library: Library) -> None:
    with pytest.raises(SkillFileError) as caught:
        read_platform(_file(tmp_path, BAD), library)
    found = [line.removeprefix(f"{tmp_path}/platform.yaml:") for line in caught.value.listed]
    expected = [
        ("3:", "there is no skill 'buss'; did you mean 'bus'?"),
        ("5:", "topics: expected a list"),
        ("5:", "bus has no input 'sise'; did you mean 'size'?"),
        ("7:", "source is missing"),
        ("7:", "token is a secret"),
        ("8:", "app requires no 'db' (it requires: bus)"),
        ("9:", "the installation bus is listed on line 4"),
        ("10:", "the installation bus is listed on line 4"),
        ("10:", "unknown key 'extra'"),
    ]
    assert len(found) == len(expected)
    for line, words in expected:
        assert any(each.startswith(line) and words in each for each in found), (line, words)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [("- a", "1:1"), ("schema: 2\ninstallations: []", "1:1: must be 1"), ("schema: [", "2:1")],
)
def test_what_is_no_platform(tmp_path: Path, library: Library, text: str, words: str) -> None:
    with pytest.raises(SkillFileError, match=words):
        read_platform(_file(tmp_path, text + "\n"), library)


def test_the_example_is_right() -> None:
    file = ROOT / "examples" / "learnflow" / "platform.yaml"
    platform = read_platform(file, default_library({}))
    assert {each.skill.name for each in platform.wanted} >= {
        "kafka-k8s-setup",
        "postgres-k8s-setup",
    }


def test_a_file_that_is_not_there(tmp_path: Path, library: Library) -> None:
    with pytest.raises(SkillFileError, match="cannot be read: No such file"):
        read_platform(tmp_path / "none.yaml", library)
