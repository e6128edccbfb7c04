"""Inputs and files that several skills share, in any skill's folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from skill_runner.errors import SkillFileError
from skill_runner.plan import ImageChoice, Installation, PlannedApply, PlannedRelease, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.skill.loader import load_skill, skill_schema
from skill_runner.skill.shipped import shipped
from tests.support.paths import ECHO, ROOT

SHARED = sorted((shipped("templates") / "shared" / "inputs").glob("*.yaml"))
OLD = (
    "  storage: {type: string, default: 1Gi, change: grow, description: The size of the volume.}\n"
)


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A stranger's skill, far from those that ship."""
    return Path(shutil.copytree(ECHO, tmp_path / "echo"))


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "skill.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))


def test_an_input_is_that_of_the_file_with_its_own_keys_before(echo: Path) -> None:
    own = "  storage: {from: shared:inputs/volume.yaml, default: 2Gi, description: Of the data.}\n"
    change(echo, OLD, own)
    storage = load_skill(echo).inputs["storage"]
    assert (storage.default, storage.change, storage.description) == ("2Gi", "grow", "Of the data.")
    assert storage.schema["pattern"] == "^[1-9][0-9]*(Mi|Gi|Ti)$"
    assert "from" not in storage.schema


def test_a_skill_may_have_files_of_its_own(echo: Path) -> None:
    (echo / "inputs").mkdir()
    (echo / "inputs" / "port.yaml").write_text("type: integer\nminimum: 1\n")
    more = "  port: {from: inputs/port.yaml, minimum: 1024, default: 8080, description: Of it.}\n"
    change(echo, OLD, OLD + more)
    assert load_skill(echo).inputs["port"].schema["minimum"] == 1024


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "skill.yaml:11:13: 'own.yaml' does not exist (there: chart, hooks.py"),
        ("- a\n", "'own.yaml' is no mapping, as an input is"),
        ("a: [\n", "skill.yaml:11:13: own.yaml:2:1: "),
        ("type: string\ntype: string\n", "own.yaml:2:1: the key 'type' is there already (line 1)"),
        ("from: other.yaml\n", "'own.yaml' is from another file itself; name that one"),
        ("type: string\nsize: 3\n", "inputs.storage: unknown key 'size'"),
        ("default: a\n", "inputs.storage: an input needs `type` or `enum`, or `from`"),
        ("type: string\n", "inputs.storage: 'description' is missing"),
        (
            "type: string\ndescription: Some.\ndefault: 3\n",
            "skill.yaml:11:3: the default of storage",
        ),
    ],
)
def test_a_mistake_is_named_where_the_input_names_the_file(
    echo: Path, text: str, says: str
) -> None:
    change(echo, OLD, "  storage: {from: own.yaml}\n")
    if text:
        (echo / "own.yaml").write_text(text)
    with pytest.raises(SkillFileError) as caught:
        load_skill(echo)
    assert says in str(caught.value)


def test_a_file_that_does_not_ship_is_named_with_those_that_do(echo: Path) -> None:
    change(echo, OLD, "  storage: {from: shared:inputs/volumes.yaml}\n")
    change(echo, "apply: manifests/pages.yaml.j2", "apply: shared:../skill/skill.yaml")
    with pytest.raises(SkillFileError) as caught:
        load_skill(echo)
    assert "'shared:inputs/volumes.yaml' does not exist (there: " in str(caught.value)
    assert "must be a path inside" in str(caught.value)


def test_a_shared_file_reads_names_of_the_skill_that_uses_it(echo: Path) -> None:
    change(echo, "apply: manifests/pages.yaml.j2", "apply: shared:gateway/way.yaml.j2")
    with pytest.raises(SkillFileError) as caught:
        load_skill(echo)
    assert "skill.yaml:29:5: shared:gateway/way.yaml.j2:8: 'way' is undefined" in str(caught.value)


def test_values_and_manifests_that_ship_are_rendered_for_any_skill(echo: Path) -> None:
    change(echo, "apply: manifests/pages.yaml.j2", "apply: shared:gateway/key.yaml.j2")
    change(echo, "values: values/echo.yaml.j2", "values: shared:gateway/way.yaml.j2")
    change(echo, "images:\n", "requires: [{skill: kong-k8s-setup, as: front}]\nimages:\n")
    change(echo, "images:\n", "let: {gateway: {}, way: {path: /api, strip: true}}\nimages:\n")
    skill = load_skill(echo)
    assert "v1 Secret" in skill.makes
    values = resolve_values(skill, {"pages": ["a"]})
    ref = skill.images["server"].ref
    images = {"server": ImageChoice(name="server", ref=ref, source="pull", official=ref)}
    front = {"front": {"class": "kong", "gateway": "", "url": "http://kong"}}
    server, key, _ = make_plan(skill, Installation("a", "mine"), values, images, front).steps
    assert isinstance(server, PlannedRelease)
    assert (server.values["path"], server.values["strip"]) == ("/api", True)
    assert isinstance(key, PlannedApply)
    assert key.manifests[0]["metadata"]["name"] == "mine-gateway-key"


@pytest.mark.parametrize("file", SHARED, ids=[file.stem for file in SHARED])
def test_a_shared_input_is_used_by_several_skills(file: Path) -> None:
    name = f"shared:inputs/{file.name}"
    users = [p for p in ROOT.glob("skills/*/skill.yaml") if f"from: {name}" in p.read_text()]
    assert len(users) >= 2


def test_no_skill_repeats_what_a_shared_input_says() -> None:
    shared = {json.dumps(yaml.safe_load(file.read_text()), sort_keys=True) for file in SHARED}
    assert shared
    for name in default_library().names():
        written = yaml.safe_load((default_library().find(name).folder / "skill.yaml").read_text())
        own = {json.dumps(entry, sort_keys=True) for entry in written["inputs"].values()}
        assert not own & shared


def test_an_editor_takes_an_input_from_a_file_by_the_published_schema() -> None:
    written = yaml.safe_load((ROOT / "skills" / "redis-k8s-setup" / "skill.yaml").read_text())
    assert written["inputs"]["storage_class"] == {"from": "shared:inputs/storage-class.yaml"}
    jsonschema.validate(written, dict(skill_schema()))
