"""What the caller gives: precedence, types, and messages that a person understands."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from skill_runner.errors import InputError
from skill_runner.plan.inputs import (
    inputs_schema,
    read_sets,
    read_values,
    resolve_inputs,
    secret_values,
    without_secrets,
)
from skill_runner.skill.library import default_library
from skill_runner.skill.loader import load_skill
from skill_runner.skill.model import MISSING, Skill
from tests.support.paths import ECHO


@pytest.fixture(scope="module")
def echo() -> Skill:
    return load_skill(ECHO)


def test_defaults_then_recorded_then_files_then_sets(echo: Skill, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("greeting: from the file\nreplicas: 2\nextra: {host: a}\n")
    values = resolve_inputs(
        echo,
        values_files=[file],
        sets=["replicas=3", "extra.port=9090"],
        recorded={"greeting": "recorded", "size": "large", "gone": 1},
    )
    assert list(values) == list(echo.inputs)
    assert values["greeting"] == "from the file"
    assert values["size"] == "large"
    assert values["replicas"] == 3
    assert values["extra"] == {"port": 9090, "host": "a"}
    assert values["namespace"] == "echo"


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ("greeting=1.10", "greeting", "1.10"),
        ("greeting=no", "greeting", "no"),
        ("greeting=", "greeting", ""),
        ("greeting=a=b: c", "greeting", "a=b: c"),
        ("greeting={{ evil }}", "greeting", "{{ evil }}"),
        ("size=large", "size", "large"),
        ("replicas=2", "replicas", 2),
        ("pages=[a, b]", "pages", ["a", "b"]),
        ("pages=[]", "pages", []),
        ("extra={port: 1}", "extra", {"port": 1}),
        ("extra.host='1'", "extra", {"port": 8080, "host": "1"}),
    ],
)
def test_a_set_is_typed_by_yaml_but_text_is_taken_as_written(
    echo: Skill, given: str, name: str, value: Any
) -> None:
    assert resolve_inputs(echo, sets=[given])[name] == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("replcas=2", "--set: there is no input 'replcas'; did you mean 'replicas'?"),
        ("colour=red", "there is no input 'colour' (inputs: namespace, greeting,"),
        ("replicas=two", 'replicas is wrong: expected a whole number; got "two"'),
        ("replicas=true", "replicas is wrong: expected a whole number; got true"),
        ("replicas=6", "replicas must be at most 5; got 6"),
        ("replicas=0", "replicas must be at least 1; got 0"),
        ("size=larg", 'must be one of "small", "large"; got "larg"; did you mean \'large\'?'),
        ("pages=a", 'pages is wrong: expected a list; got "a"'),
        ("pages=[a, 1]", "pages[1] is wrong: expected text; got 1"),
        ("extra.prt=1", "extra.prt is wrong: unknown key 'prt'; did you mean 'port'?"),
        ("pages=[a", '--set pages: the value "[a" is not YAML'),
        ("pages=!!python/x y", "is not allowed"),
        ("replicas", "--set takes NAME=VALUE"),
        ("=1", "--set takes NAME=VALUE"),
        ("extra..port=1", "--set takes NAME=VALUE"),
    ],
)
def test_a_wrong_set_says_what_was_expected(echo: Skill, given: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve_inputs(echo, sets=[given])
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_mistake_is_reported_at_once(echo: Skill) -> None:
    with pytest.raises(InputError) as caught:
        resolve_inputs(echo, sets=["replicas=9", "colour=red", "size=huge"])
    assert len(caught.value.listed) == 3
    assert "skill describe echo" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("a: [1\n", "mine.yaml:2:1: did not find expected"),
        ("replicas: 1\nreplicas: 2\n", "mine.yaml:2:1: the key 'replicas' is there already"),
        ("- 1\n", "mine.yaml:1:1: expected a mapping of inputs"),
        ("replcas: 1\n", "mine.yaml: there is no input 'replcas'; did you mean 'replicas'?"),
    ],
)
def test_a_wrong_values_file_is_named(
    echo: Skill, tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError) as caught:
        resolve_inputs(echo, values_files=[file])
    assert message in str(caught.value)


def test_an_empty_values_file_changes_nothing(echo: Skill, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# nothing\n")
    assert resolve_inputs(echo, values_files=[file]) == resolve_inputs(echo)


def _with_secret(echo: Skill) -> Skill:
    password = echo.inputs["password"]
    schema = {**password.schema, "minLength": 12}
    strict = replace(password, schema=schema, default=MISSING)
    return replace(echo, inputs={**echo.inputs, "password": strict})


def test_a_missing_input_is_described(echo: Skill) -> None:
    with pytest.raises(InputError, match="password is missing: A secret"):
        resolve_inputs(_with_secret(echo))


def test_a_secret_is_in_no_message_and_in_no_record(echo: Skill) -> None:
    with pytest.raises(InputError) as caught:
        resolve_inputs(_with_secret(echo), given={"password": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "password must have at least 12 characters; got a hidden value" in str(caught.value)
    values = resolve_inputs(_with_secret(echo), given={"password": "correct horse"})
    assert secret_values(echo, values) == ("correct horse",)
    assert "password" not in without_secrets(echo, values)


def test_a_secret_is_not_taken_from_the_command_line(echo: Skill) -> None:
    with pytest.raises(InputError, match="every user of this machine") as caught:
        resolve_inputs(echo, sets=["password=hunter2"])
    assert "hunter2" not in str(caught.value)
    assert "--values -" in caught.value.hint


def test_values_are_read_from_any_text() -> None:
    assert read_values(io.StringIO("a: 1\n"), "--values -") == {"a": 1}
    with pytest.raises(InputError, match="--values -:1:1: expected a mapping"):
        read_values(io.StringIO("- a\n"), "--values -")


def test_a_pattern_means_the_whole_text_even_before_a_newline(echo: Skill) -> None:
    schema = {"type": "string", "pattern": "^[a-z]+$"}
    strict = replace(echo.inputs["greeting"], schema=schema)
    skill = replace(echo, inputs={**echo.inputs, "greeting": strict})
    with pytest.raises(InputError, match="must match"):
        resolve_inputs(skill, sets=["greeting=evil\n"])


def test_the_schema_of_all_inputs_is_a_flat_object(echo: Skill) -> None:
    schema = inputs_schema(echo)
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["replicas"]["maximum"] == 5
    assert schema["additionalProperties"] is False
    assert not {"anyOf", "oneOf", "allOf"} & set(schema)
    Draft202012Validator(schema).validate(resolve_inputs(echo))


def test_assignments_that_come_by_another_option_are_told_of_by_it() -> None:
    skill = default_library().find("kafka-k8s-setup")
    assert read_sets(skill, ["brokers=3", "resources.memory=2Gi"], "--with kafka") == {
        "brokers": 3,
        "resources": {"memory": "2Gi"},
    }
    for given, words in (
        ("brokrs=3", "--with kafka: there is no input 'brokrs'"),
        ("brokers=2", "brokers"),
    ):
        with pytest.raises(InputError, match=words):
            read_sets(skill, [given], "--with kafka")
