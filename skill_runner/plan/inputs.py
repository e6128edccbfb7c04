"""Turn what the caller gives into inputs of a run: defaults < recorded < values files < --set.

Types are checked by each input's JSON Schema; every mistake is reported at once, and the values of
secrets (`writeOnly`) appear in no message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

from skill_runner.errors import InputError
from skill_runner.skill.model import MISSING, Input, Skill
from skill_runner.skill.plaintext import RULE, input_faults, published
from skill_runner.skill.schema import Fault, shown
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.yaml_source import YamlFault, read_one
from skill_runner.text.redact import texts_of

_MAX_SHOWN: Final = 20


def resolve_inputs(
    skill: Skill,
    *,
    values_files: Sequence[Path | str] = (),
    sets: Sequence[str] = (),
    recorded: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The value of every input, in the skill's order. InputError with every mistake at once.

    `sets` are "a.b=value" with the value in YAML; the value of a text input is taken as written.
    `given` are values that are data already: of a platform file, or asked for by a dependent.
    Recorded inputs that the skill no longer has are left out.
    """
    problems: list[str] = []
    values = {i.name: i.default for i in skill.inputs.values() if i.default is not MISSING}
    values.update({k: v for k, v in (recorded or {}).items() if k in skill.inputs})
    asked = _asked(skill, values_files, sets, given or {}, problems)
    return _checked(skill, _merged(values, asked), problems)


def check_given(
    skill: Skill,
    values_files: Sequence[Path | str],
    sets: Sequence[str],
    given: Mapping[str, Any],
) -> None:
    """InputError for what is wrong whatever an installation's record holds.

    An object that is given in parts, to be merged with what is recorded, is left for later.
    """
    problems: list[str] = []
    _check_each(skill, _asked(skill, values_files, sets, given, problems), problems)


def read_sets(skill: Skill, sets: Sequence[str], where: str) -> Mapping[str, Any]:
    """Read what assignments (INPUT=VALUE) alone give; InputError for what is wrong in any case.

    `where` is the option that they come from, for messages.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for assignment in sets:
        values = _merged(values, _known(skill, _parse_set(skill, assignment), where, problems))
    _check_each(skill, values, problems)
    return values


def _check_each(skill: Skill, asked: Mapping[str, Any], problems: list[str]) -> None:
    for name, value in asked.items():
        if not isinstance(value, dict):
            problems.extend(_problems(skill.inputs[name], asked))
    if problems:
        raise _wrong(skill, problems)


def _asked(
    skill: Skill,
    values_files: Sequence[Path | str],
    sets: Sequence[str],
    given: Mapping[str, Any],
    problems: list[str],
) -> Mapping[str, Any]:
    """Merge what a caller gives, the later over the earlier; unknown names become problems."""
    values: dict[str, Any] = {}
    values = _merged(values, _known(skill, given, "inputs", problems))
    for file in values_files:
        values = _merged(values, _known(skill, _read_file(Path(file)), str(file), problems))
    for assignment in sets:
        values = _merged(values, _known(skill, _parse_set(skill, assignment), "--set", problems))
    return values


def resolve_values(skill: Skill, given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every input where the caller gives a mapping: an agent, or a case of a skill."""
    problems: list[str] = []
    defaults = {i.name: i.default for i in skill.inputs.values() if i.default is not MISSING}
    return _checked(skill, _merged(defaults, _known(skill, given, "inputs", problems)), problems)


def _checked(skill: Skill, values: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    for each in skill.inputs.values():
        problems.extend(_problems(each, values))
    if problems:
        raise _wrong(skill, problems)
    return {name: _whole(values[name]) for name in skill.inputs}


def _whole(value: Any) -> Any:
    """The value with whole floats as integers: JSON Schema takes 3.0 for one, and a program that
    reads 3.0 or 6.048e+08 where it expects an integer does not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value


def _wrong(skill: Skill, problems: Sequence[str]) -> InputError:
    return InputError(
        f"the inputs of {skill.name} are wrong",
        listed=problems[:_MAX_SHOWN],
        hint=f"`skill describe {skill.name}` shows every input.",
    )


def inputs_schema(skill: Skill) -> dict[str, Any]:
    """The JSON Schema (2020-12) of all inputs as one flat object, for agents."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Inputs of {skill.name} {skill.version}",
        "type": "object",
        "properties": {each.name: published(each.schema) for each in skill.inputs.values()},
        "required": [each.name for each in skill.inputs.values() if each.required],
        "additionalProperties": False,
    }


def secret_values(skill: Skill, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts in secret inputs, for whoever redacts."""
    return tuple(
        text
        for each in skill.inputs.values()
        if each.secret and each.name in inputs
        for text in texts_of(inputs[each.name])
    )


def given_secrets(
    skill: Skill,
    values_files: Sequence[Path | str],
    sets: Sequence[str],
    given: Mapping[str, Any],
) -> tuple[str, ...]:
    """The texts in what a caller gives for secret inputs, right or wrong, for whoever redacts."""
    names = {each.name for each in skill.inputs.values() if each.secret}
    found = [given.get(name) for name in names]
    for assignment in sets:
        name, _, text = assignment.partition("=")
        if name.strip().split(".")[0] in names:
            found.append(text)
    for file in values_files:
        with suppress(InputError):  # it is told in time
            found += [v for k, v in _read_file(Path(file)).items() if k in names]
    return tuple(texts_of(found))


def without_secrets(skill: Skill, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that may be recorded and shown."""
    return {
        name: value
        for name, value in inputs.items()
        if not (name in skill.inputs and skill.inputs[name].secret)
    }


def _problems(each: Input, values: Mapping[str, Any]) -> Iterable[str]:
    if each.name not in values:
        yield f"{each.name} is missing: {each.description} (--set {each.name}=…)"
        return
    found = input_faults(values[each.name], each.schema, hidden=each.secret)
    yield from (f"{_dotted(each.name, fault)} {_verb(fault)}" for fault in found)


def _verb(fault: Fault) -> str:
    plain = fault.message.startswith("must ") or fault.rule == RULE
    return fault.message if plain else f"is wrong: {fault.message}"


def _dotted(name: str, fault: Fault) -> str:
    return name + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault.path)


def _known(
    skill: Skill, values: Mapping[str, Any], where: str, problems: list[str]
) -> Mapping[str, Any]:
    for name in values:
        if name not in skill.inputs:
            mean = did_you_mean(name, skill.inputs, known="inputs")
            problems.append(f"{where}: there is no input '{name}'{mean}")
    return {name: value for name, value in values.items() if name in skill.inputs}


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        with file.open(encoding="utf-8") as text:
            return read_values(text, str(file))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(
            f"the values file {file} cannot be read: {why}",
            hint="--values takes a YAML file of inputs, such as `brokers: 3`.",
        ) from None


def read_values(text: TextIO, where: str) -> Mapping[str, Any]:
    """A YAML document of inputs; InputError with `where` and the line of what is wrong."""
    try:
        document = read_one(text.read())
    except YamlFault as fault:
        raise InputError(f"{where}:{fault.mark}: {fault.message}") from None
    if document.faults:
        lines = [f"{where}:{f.mark}: {f.message}" for f in document.faults]
        raise InputError(f"{where} is wrong", listed=lines)
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise InputError(f"{where}:1:1: expected a mapping of inputs, such as `brokers: 3`")
    values: dict[str, Any] = document.data
    return values


def _parse_set(skill: Skill, assignment: str) -> Mapping[str, Any]:
    name, equals, text = assignment.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        # The text is not repeated: it may be a secret whose name was forgotten.
        raise InputError(
            "--set takes NAME=VALUE, the '=' or the name is missing",
            hint="For example: --set brokers=3; --set topics='[orders, payments]'; --set a.b=text",
        )
    each = skill.inputs.get(keys[0])
    refuse_open_secrets(skill, keys[:1])
    value: Any = text if len(keys) == 1 and each and _is_text(each) else _yaml(keys, each, text)
    return _nested(keys, value)


def refuse_open_secrets(skill: Skill, names: Iterable[str]) -> None:
    """InputError when one of these inputs, given in arguments of a command, is a secret."""
    for name in names:
        if name in skill.inputs and skill.inputs[name].secret:
            raise InputError(
                f"{name} is a secret, and every user of this machine can read a command line",
                hint=f"Give it by a file or on standard input: "
                f"printf '{name}: %s' \"$SECRET\" | skill run {skill.name} --values -",
            )


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    return {keys[0]: _nested(keys[1:], value) if len(keys) > 1 else value}


def _is_text(each: Input) -> bool:
    """Tell whether only text can be right, so that 1.10 or no is taken as it is written."""
    choices = each.schema.get("enum")
    if "type" in each.schema:
        return bool(each.schema["type"] == "string")
    return isinstance(choices, list) and all(isinstance(choice, str) for choice in choices)


def _yaml(keys: Sequence[str], each: Input | None, text: str) -> Any:
    try:
        document = read_one(text)
        if document.faults:
            raise document.faults[0]
    except YamlFault as fault:
        name = ".".join(keys)
        given = "" if each is None or each.secret else f" {shown(text)}"
        raise InputError(
            f"--set {name}: the value{given} is not YAML: {fault.message}",
            hint="""Quote text in the shell and in YAML: --set name='"a: b"'""",
        ) from None
    return document.data


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged key by key, as Helm merges values; anything else is replaced."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result
