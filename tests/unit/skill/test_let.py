"""Names that skill.yaml defines: their order, their values, and conditions without them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions.describe import describe
from skill_runner.errors import SkillFileError
from skill_runner.hooks.context import Context
from skill_runner.plan import ImageChoice, Installation, Plan, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.plan.wanted import wanted_images, wanted_requirements
from skill_runner.progress import silent
from skill_runner.skill.let import Circle, expanded, in_order, names_read
from skill_runner.skill.loader import load_skill
from skill_runner.skill.model import Skill
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm
from tests.support.paths import ECHO

LET = """let:
  url: "http://{{ server }}.{{ namespace }}.svc"
  server: "{{ installation.name ~ '-server' }}"
  large: "{{ size == 'large' and replicas > 1 }}"
  folder: {sizes: ["{{ replicas + 1 }}"], at: "{{ url }}/pages"}
requires:
  - {skill: other, when: large, with: {clients: ["{{ server }}"]}}
images:
"""
Echo = Callable[..., Skill]


@pytest.fixture
def echo(tmp_path: Path) -> Echo:
    folder = Path(shutil.copytree(ECHO, tmp_path / "echo"))

    def skill(**texts: tuple[str, str]) -> Skill:
        file = folder / "skill.yaml"
        text = file.read_text()
        text = text if LET in text else text.replace("images:\n", LET, 1)
        for old, new in texts.values():
            assert old in text
            text = text.replace(old, new, 1)
        file.write_text(text)
        return load_skill(folder)

    return skill


def plan_of(skill: Skill, **inputs: Any) -> Plan:
    values = resolve_values(skill, inputs)
    ref = skill.images["server"].ref
    images = {"server": ImageChoice(name="server", ref=ref, source="pull", official=ref)}
    return make_plan(skill, Installation("echo", "mine"), values, images, {"other": {}})


def test_each_name_comes_after_those_that_it_reads() -> None:
    let = {"c": "{{ b }}{{ a }}", "a": 1, "b": ["{{ a }}"], "d": {"x": "{{ c[b] }}"}}
    assert list(in_order(let)) == ["a", "b", "c", "d"]
    assert in_order(let) == let


def test_names_that_need_each_other_are_named_from_reader_to_read() -> None:
    with pytest.raises(Circle) as circle:
        in_order({"free": 1, "a": "{{ b }}", "b": "{{ free if c else 1 }}", "c": "{{ a }}"})
    names = circle.value.names
    assert names[0] == names[-1]
    assert {*pairwise(names)} == {("a", "b"), ("b", "c"), ("c", "a")}
    with pytest.raises(Circle, match=r"^own → own$"):
        in_order({"own": "{{ own }}"})


def test_an_attribute_and_a_text_are_no_names() -> None:
    assert names_read("{{ a.b ~ 'c' if d['e'] }} f {% set g = h %}") == {"a", "d", "h"}
    assert names_read(["{{ broken", 3, None]) == set()


def test_a_name_is_a_value_of_its_type_everywhere(echo: Echo) -> None:
    skill = echo(
        release=('release: "{{ installation.name }}"', 'release: "{{ server }}"'),
        when=("when: pages | length > 0", "when: large and pages | length > 0"),
        output=('replicas: "{{ replicas }}"', 'replicas: "{{ folder }}"'),
    )
    file = skill.folder / "values" / "echo.yaml.j2"
    file.write_text(file.read_text() + "\nat: {{ url }}\nsizes: {{ folder.sizes }}\n")
    plan = plan_of(load_skill(skill.folder), size="large", replicas=3, pages=["a"])
    assert plan.let == {
        "server": "mine-server",
        "url": "http://mine-server.echo.svc",
        "large": True,
        "folder": {"sizes": [4], "at": "http://mine-server.echo.svc/pages"},
    }
    server, pages, _ = plan.steps
    assert (server.release, pages.id) == ("mine-server", "pages")  # type: ignore[union-attr]
    assert server.values["sizes"] == [4]  # type: ignore[union-attr]
    assert plan.outputs["replicas"] == plan.let["folder"]


def test_what_is_required_may_depend_on_names(echo: Echo) -> None:
    skill, here = echo(), Installation("echo", "mine")
    values = resolve_values(skill, {"size": "large", "replicas": 2})
    (wanted,) = wanted_requirements(skill, here, values)
    assert wanted.inputs == {"clients": ["mine-server"]}
    assert wanted_requirements(skill, here, resolve_values(skill, {})) == ()
    assert set(wanted_images(skill, here, values)) == {"server"}


def test_hooks_read_them(echo: Echo) -> None:
    plan, cluster = plan_of(echo()), MemoryCluster()
    ctx = Context.of(
        plan, cluster=cluster, helm=MemoryHelm(cluster), clock=FakeClock(), report=silent
    )
    assert ctx.let["server"] == "mine-server"


def test_what_hooks_read_is_part_of_the_digest(echo: Echo) -> None:
    first = plan_of(echo())
    again = plan_of(echo(name=('"{{ replicas + 1 }}"', '"{{ replicas + 2 }}"')))
    assert first.digest != again.digest


def test_a_value_that_cannot_be_had_names_its_place(echo: Echo) -> None:
    skill = echo(name=("{{ replicas + 1 }}", "{{ replicas // extra.port }}"))
    with pytest.raises(SkillFileError, match=r"skill\.yaml: let\.folder\.sizes\[0\]: .*zero"):
        plan_of(skill, extra={"port": 0})


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("published", "gateway is mapping"),
        ("published and not x.published", "(gateway is mapping) and not x.published"),
        ("guarded or mode == 'published'", "((gateway is mapping) and key) or mode == 'published'"),
        ("named == 'a' or both", "named == 'a' or both"),
    ],
)
def test_a_condition_is_told_in_the_words_of_the_inputs(expression: str, told: str) -> None:
    let = {
        "published": "{{ gateway is mapping }}",
        "guarded": "{{ published and key }}",
        "named": "{{ a }}-{{ b }}",
        "both": ["{{ a }}"],
    }
    assert expanded(expression, let) == told


def test_describe_says_the_conditions_and_the_names(echo: Echo) -> None:
    told = describe(echo(when=("when: pages | length > 0", "when: large")))
    assert told["requires"][0]["when"] == "size == 'large' and replicas > 1"
    assert told["effects"][1].endswith("when size == 'large' and replicas > 1")
    assert told["let"]["server"] == "{{ installation.name ~ '-server' }}"
