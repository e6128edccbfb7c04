"""The schema registry's hooks without a cluster: what they refuse, and what they register."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import PodResult
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted
from tests.support.registry import Registry, played, running, violation

SKILL = default_library().find("schema-registry-k8s-setup")
STRING: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "required": ["id"],
}


@pytest.fixture
def registry() -> Iterator[type[Registry]]:
    with played() as one:
        yield one


async def call(hook: str, *answers: PodResult, there: bool = True, **inputs: Any) -> Any:
    cluster = await running() if there else MemoryCluster()
    ctx = scripted(SKILL, *answers, cluster=cluster, **inputs)
    return await call_hook(SKILL, hook, ctx, timeout=30)


def folder(tmp_path: Path, **files: Any) -> str:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name.replace("__", ".")).write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"orders__json": STRING}, "does not say which topic"),
        ({"orders-value__json": "{"}, "is not JSON"),
        ({"a-value__json": STRING, "a-value__avsc": STRING}, "a-value is given twice"),
    ],
)
async def test_files_that_are_refused(files: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(HookFailed, match=words):
        await call("check_schemas", there=False, schemas=folder(tmp_path, **files))


async def test_a_folder_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HookFailed, match="is not a folder here"):
        await call("check_schemas", there=False, schemas=str(tmp_path / "gone"))


async def test_files_of_other_kinds_are_left_alone(
    tmp_path: Path, registry: type[Registry]
) -> None:
    given = folder(tmp_path, README__md="words", **{"a-value__json": STRING})
    said = await call("ensure_schemas", schemas=given)
    assert said == "1 of 1 schemas registered: a-value"
    assert set(registry.subjects) == {"a-value"}


AVRO = {
    "type": "record",
    "name": "A",
    "fields": [
        {"name": "id", "type": "string"},
        {
            "name": "inner",
            "type": {"type": "record", "name": "B", "fields": [{"name": "n", "type": "int"}]},
        },
    ],
}


@pytest.mark.parametrize(
    ("old", "new", "cause", "words"),
    [
        (
            STRING,
            {**STRING, "properties": {"id": {"type": "integer"}}},
            ("Subschema type changed", "/properties/id"),
            "id: Subschema type changed",
        ),
        (
            STRING,
            {**STRING, "required": ["id", "score"]},
            ("A new required property was added", "/required"),
            "score: A new required property",
        ),
        (
            STRING,
            {**STRING, "properties": {**STRING["properties"], "b": {}}},
            ("Object type property schemas narrowed", "/propertySchemasAdded"),
            "b: Object type",
        ),
        (
            STRING,
            {**STRING, "properties": {"type": {"type": "integer"}}},
            ("Subschema type changed", "/properties/type"),
            "type: Subschema type changed",
        ),
        (
            {"properties": {"a": STRING}},
            {"properties": {"a": {**STRING, "required": ["id", "x"]}}},
            ("A new required property was added", "/properties/a/required"),
            "a.x: A new required",
        ),
        (AVRO, AVRO, ("reader type: LONG", "/fields/1/type/fields/0/type"), "inner.n: reader type"),
        (STRING, STRING, ("something else", "/"), "/: something else"),
    ],
)
async def test_subject_field_and_rule_are_named(
    old: Any, new: Any, cause: tuple[str, str], words: str, registry: type[Registry], tmp_path: Path
) -> None:
    registry.subjects["a-value"] = [json.dumps(old)]
    registry.refuses["a-value"] = violation(cause)
    name = "a-value__avsc" if new is AVRO else "a-value__json"
    with pytest.raises(HookFailed) as failed:
        await call("check_schemas", schemas=folder(tmp_path, **{name: new}))
    assert failed.value.problem is not None
    assert failed.value.problem.code == "CHECK_FAILED"
    assert failed.value.problem.resource == "Subject a-value"
    assert failed.value.problem.cause.startswith(f"a-value breaks BACKWARD: “{words}")


async def test_an_open_schema_is_told_how_to_be_closed(registry: type[Registry]) -> None:
    registry.subjects["a-value"] = [json.dumps(STRING)]
    registry.refuses["a-value"] = violation(
        ("Object type property schemas narrowed", "/propertySchemasAdded")
    )
    with pytest.raises(HookFailed) as failed:
        await call("check_schemas", subjects={"a-value": STRING})
    assert "extra='forbid'" in failed.value.hint


async def test_a_schema_that_the_registry_cannot_read_is_named(registry: type[Registry]) -> None:
    registry.subjects["a-value"] = [json.dumps(STRING)]
    registry.refuses["a-value"] = {"name": "SchemaException", "title": "#: unknown type: [x]"}
    with pytest.raises(HookFailed, match=r"a-value is no valid schema: .*unknown type"):
        await call("check_schemas", subjects={"a-value": STRING})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objject", "properties": {}}, r"subjects.a-value is no JSON Schema: .*\$.type"),
        ({"type": "object"}, r'neither "\$schema" nor "properties"'),
    ],
)
async def test_a_document_that_is_no_schema_is_refused_before_there_is_a_registry(
    schema: dict[str, Any], words: str
) -> None:
    with pytest.raises(HookFailed, match=words):
        await call("check_schemas", there=False, subjects={"a-value": schema})


@pytest.mark.parametrize(
    ("there", "level"), [(False, "BACKWARD"), (True, "NONE")], ids=["not there", "another rule"]
)
async def test_what_cannot_be_known_yet_is_not_refused(
    there: bool, level: str, registry: type[Registry]
) -> None:
    registry.level = level
    registry.subjects["a-value"] = [json.dumps(STRING)]
    registry.refuses["a-value"] = violation(("Subschema type changed", "/properties/id"))
    await call("check_schemas", there=there, subjects={"a-value": STRING})


async def test_only_what_is_new_is_registered(registry: type[Registry], tmp_path: Path) -> None:
    given = folder(tmp_path, **{"a-value__json": STRING, "b-value__avsc": AVRO})
    assert await call("ensure_schemas", schemas=given) == (
        "2 of 2 schemas registered: a-value, b-value"
    )
    (tmp_path / "a-value.json").write_text(json.dumps(STRING, indent=4))
    assert await call("ensure_schemas", schemas=given) == ""
    assert [len(versions) for versions in registry.subjects.values()] == [1, 1]


async def test_nothing_is_registered_where_one_is_refused(registry: type[Registry]) -> None:
    registry.subjects["b-value"] = [json.dumps(STRING)]
    registry.refuses["b-value"] = violation(("Subschema type changed", "/properties/id"))
    with pytest.raises(HookFailed, match="b-value breaks BACKWARD"):
        await call("ensure_schemas", subjects={"a-value": STRING, "b-value": STRING})
    assert set(registry.subjects) == {"b-value"}


async def test_the_proof_is_the_last_line_of_the_client() -> None:
    good = PodResult(0, "noise\na schema was registered\n")
    assert await call("prove_evolution", good) == "a schema was registered"
    asked = json.loads(Scripted.asked[0]["env"]["GIVEN"])
    assert asked["url"].endswith("/apis/ccompat/v7")
    assert asked["topic"].startswith("skill-proof-")


async def test_a_client_that_fails_says_why_first() -> None:
    with pytest.raises(HookFailed, match="reads work, writes do not"):
        await call("prove_evolution", PodResult(1, "Traceback\nreads work, writes do not\n"))
