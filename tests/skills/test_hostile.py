"""No input changes what is created: every skill, in every mode, at every place of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skill_runner.errors import SkillError
from skill_runner.skill.library import default_library
from skill_runner.skill.model import Skill
from tests.support.charts import HELM
from tests.support.hostile.bases import Base, bases, skill_of
from tests.support.hostile.made import Made, harmless, make
from tests.support.hostile.places import Path, positions, with_text
from tests.support.hostile.texts import HOSTILE

BASES = bases()
# A text there is the name of an object, or of a namespace: it is what it was asked to be.
NAMES = (
    "topics",
    "clients",
    "components",
    "secret_readers",
    "namespace",
    "subscribe",
    "delivers",
)
MODES = {"bundled", "strimzi", "cnpg", "neon", "install", "adopt"}


def places(base: Base) -> list[Path]:
    skill = skill_of(base.skill)
    return [
        place
        for each in skill.inputs.values()
        for place in positions(each.schema, base.inputs.get(each.name), (each.name,))
    ]


def once(base: Base) -> list[Path]:
    """The places of a base that no richer one of the same skill and mode has."""
    later = BASES[BASES.index(base) + 1 :]
    same = [b for b in later if _kind(b) == _kind(base)]
    tried = {place for each in same for place in places(each)}
    return [place for place in places(base) if place not in tried]


def _kind(base: Base) -> tuple[str, str]:
    default = skill_of(base.skill).inputs.get("mode")
    return base.skill, str(base.inputs.get("mode", default.default if default else ""))


def fault(base: Base, place: Path, text: str, good: Made | None) -> str:
    """How a text at a place changed what is made; empty when it did not, or was refused."""
    where = f"{base} {'.'.join(map(str, place))} = {text[:60]!r}"
    try:
        made = make(base, with_text(base.inputs, place, text), text)
    except SkillError as error:
        return "" if error.exit_code == 2 else f"{where}: {type(error).__name__}: {error}"
    if good is None:
        return f"{where}: accepted, and none of the harmless texts is"
    if made.kinds != good.kinds:
        return f"{where}: makes {made.kinds}, not {good.kinds}"
    if place[0] not in NAMES and made.names != good.names:
        return f"{where}: makes {made.names - good.names}"
    if made.shape != good.shape:
        return f"{where}: changes the structure"
    return ""


def test_every_skill_is_here_in_every_mode() -> None:
    library = default_library()
    assert {base.skill for base in BASES} == set(library.names())
    for name in library.names():
        mode = skill_of(name).inputs.get("mode")
        if mode is not None:
            tried = {base.inputs.get("mode", mode.default) for base in BASES if base.skill == name}
            assert tried == set(mode.schema["enum"])


@pytest.mark.heavy
@pytest.mark.parametrize("base", BASES, ids=str)
def test_no_hostile_text_changes_what_is_made(base: Base) -> None:
    found = []
    for place in once(base):
        good = harmless(base, place)
        found += [fault(base, place, text, good[1] if good else None) for text in HOSTILE]
    assert [each for each in found if each] == []


RICH = {base.skill: base for base in BASES}  # the last, which has the most
PLACES = [(base, place) for base in RICH.values() for place in places(base)]
NASTY = st.text(
    st.one_of(st.sampled_from("\n\r\t-:#{}[]&*!|>'\"%@`\\,?~ \u0085\u2028a1"), st.characters()),
    min_size=1,
    max_size=200,
)


@pytest.mark.heavy
@settings(max_examples=150)
@given(where=st.sampled_from(PLACES), text=NASTY)
def test_no_text_changes_what_is_made(where: tuple[Base, Path], text: str) -> None:
    base, place = where
    good = harmless(base, place)
    assert fault(base, place, text, good[1] if good else None) == ""


@pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")
@pytest.mark.parametrize("base", BASES, ids=str)
def test_the_charts_were_rendered(base: Base) -> None:
    """Or all of the above would say nothing of them."""
    skill = skill_of(base.skill)
    if any(getattr(step, "chart", "").endswith(("chart/", "web-service")) for step in skill.steps):
        kinds = make(base, base.inputs).kinds
        usual = skill.inputs["mode"].default if "mode" in skill.inputs else "bundled"
        if base.inputs.get("mode", usual) == "bundled":
            assert {"apps/v1 StatefulSet", "apps/v1 Deployment"} & kinds.keys()


def inputs_of(skill: Skill) -> Mapping[str, Any]:
    return {each.name: each.schema for each in skill.inputs.values()}


@pytest.mark.parametrize("name", default_library().names())
def test_each_input_that_is_a_name_has_its_pattern_and_says_what_it_expects(name: str) -> None:
    schemas = inputs_of(skill_of(name))
    for each in (
        "namespace",
        "storage_class",
        "image",
        "host",
        "ingress_class",
        "tls_secret",
        "gateway",
        "registry",
    ):
        if each in schemas:
            assert schemas[each]["pattern"].startswith("^")
            assert schemas[each]["pattern"].endswith("$")
            assert len(schemas[each]["x-message"]) > 10


def test_one_name_has_one_pattern_in_every_skill() -> None:
    library = default_library()
    for each in ("namespace", "storage_class", "host", "ingress_class", "tls_secret", "gateway"):
        found = [inputs_of(skill_of(name)).get(each) for name in library.names()]
        assert len({schema["pattern"] for schema in found if schema}) == 1
