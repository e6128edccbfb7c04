"""A platform file into requests: installations that belong together, as code.

    schema: 1
    name: shop
    installations:
      - skill: kafka-k8s-setup
        inputs: {topics: [orders]}
      - skill: fastapi-dapr-agent
        name: order-service
        inputs: {namespace: shop, source: ./services/order}
        use: {kafka: kafka/kafka-k8s-setup}
    prove: …                         # see platform_proofs

Every mistake is reported at once, with its line. An input whose schema says `format: path` is
relative to the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from skill_runner.actions import platform_proofs
from skill_runner.actions.platform_proofs import PlatformProof, read_proofs
from skill_runner.actions.request import ImageMode, Request
from skill_runner.errors import SkillFileError, UnknownSkill, UsageError
from skill_runner.skill.library import Library
from skill_runner.skill.model import Skill
from skill_runner.skill.plaintext import input_faults
from skill_runner.skill.schema import faults
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.yaml_file import mistakes, placed, read_file
from skill_runner.skill.yaml_source import Document

_NAME: Final = {
    "type": "string",
    "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
    "x-message": "lower-case letters, digits and hyphens",
}
SHAPE: Final[Mapping[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A platform file, version 1",
    "type": "object",
    "required": ["schema", "installations"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": 1},
        "name": _NAME,
        "prove": platform_proofs.SHAPE,
        "installations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["skill"],
                "additionalProperties": False,
                "properties": {
                    "skill": {"type": "string", "minLength": 1},
                    "name": _NAME,
                    "profile": _NAME,
                    "inputs": {"type": "object"},
                    "use": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One installation that a platform lists; `where` is its file and line.

    With a `profile` it belongs to the platform only where somebody asks for that profile.
    """

    skill: Skill
    name: str
    namespace: str | None
    inputs: Mapping[str, Any]
    use: Mapping[str, str]
    where: str
    profile: str = ""

    def request(self, images: ImageMode, allow_kinds: tuple[str, ...] = ()) -> Request:
        """What `skill run` is asked for such an installation."""
        return Request(
            skill=self.skill,
            name=self.name,
            namespace=self.namespace,
            given=self.inputs,
            use=self.use,
            images=images,
            where=self.where,
            allow_kinds=allow_kinds,
        )


@dataclass(frozen=True, slots=True)
class Platform:
    """The installations that a platform file lists, in its order, and its proofs.

    `hooks` is the file with the functions of the proofs, beside the platform's.
    """

    name: str
    wanted: tuple[Wanted, ...]
    file: Path
    proofs: tuple[PlatformProof, ...] = ()

    def of(self, profiles: Collection[str]) -> Platform:
        """The platform with the installations of no profile and of these; UsageError for one that
        it does not have."""
        known = {each.profile for each in self.wanted if each.profile}
        for unknown in sorted({*profiles} - known):
            mean = did_you_mean(unknown, known, known="profiles")
            raise UsageError(f"the platform {self.name} has no profile '{unknown}'{mean}")
        chosen = tuple(e for e in self.wanted if not e.profile or e.profile in profiles)
        return replace(self, wanted=chosen)

    @property
    def hooks(self) -> Path:
        return hooks_beside(self.file)


def hooks_beside(file: Path) -> Path:
    """The Python file with the hooks of a platform file."""
    return file.resolve().parent / "hooks.py"


def read_platform(file: Path, library: Library) -> Platform:
    """The platform of a file. SkillFileError with every mistake in it."""
    document = read_file(file, "the platform")
    problems = [(fault.mark, fault.message) for fault in document.faults]
    found = faults(document.data, SHAPE)
    problems += [(document.mark(fault.path), fault.message) for fault in found]
    reading = _Reading(file, document, library, problems)
    wanted = tuple(reading.entries())
    names = [each.name for each in wanted]
    proofs = read_proofs(document.data, hooks_beside(file), names, reading.report)
    if reading.problems:
        raise mistakes(f"the platform {file}", placed(file, reading.problems))
    name = document.data.get("name") or file.resolve().parent.name
    return Platform(str(name), wanted, file, proofs)


@dataclass(slots=True)
class _Reading:
    file: Path
    document: Document
    library: Library
    problems: list[Any]

    def report(self, path: tuple[str | int, ...], message: str) -> None:
        self.problems.append((self.document.mark(path), message))

    def entries(self) -> Iterator[Wanted]:
        data = self.document.data
        listed = data.get("installations") if isinstance(data, dict) else None
        seen: dict[tuple[str | None, str], int] = {}
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            wanted = self._entry(index, entry) if isinstance(entry, dict) else None
            if wanted is None:
                continue
            key, line = (wanted.namespace, wanted.name), self._line(index)
            if key in seen:
                self.report(
                    ("installations", index),
                    f"the installation {wanted.name} is listed on line {seen[key]}; "
                    "give one of them a `name`, or another namespace",
                )
            seen.setdefault(key, line)
            yield wanted

    def _line(self, index: int) -> int:
        return self.document.mark(("installations", index)).line

    def _entry(self, index: int, entry: Mapping[str, Any]) -> Wanted | None:
        path = ("installations", index)
        named, inputs = entry.get("skill"), entry.get("inputs") or {}
        if not isinstance(named, str) or not isinstance(inputs, dict):
            return None
        try:
            skill = self.library.find(named)
        except (UnknownSkill, SkillFileError) as error:
            self.report((*path, "skill"), error.message)
            return None
        self._check_inputs(skill, inputs, (*path, "inputs"))
        self._check_uses(skill, entry.get("use") or {}, (*path, "use"))
        namespace = inputs.get("namespace", skill.inputs["namespace"].schema.get("default"))
        return Wanted(
            skill=skill,
            name=str(entry.get("name") or skill.name),
            namespace=str(namespace) if namespace else None,
            inputs=self._placed(skill, inputs),
            use=dict(entry.get("use") or {}),
            where=f"{self.file}:{self._line(index)}",
            profile=str(entry.get("profile") or ""),
        )

    def _check_inputs(
        self, skill: Skill, inputs: Mapping[str, Any], path: tuple[str | int, ...]
    ) -> None:
        for name, value in inputs.items():
            each = skill.inputs.get(name)
            if each is None:
                mean = did_you_mean(name, skill.inputs, known="inputs")
                self.report((*path, name), f"{skill.name} has no input '{name}'{mean}")
            elif each.secret:
                self.report(
                    (*path, name),
                    f"{name} is a secret, and a secret does not belong in a file that is shared; "
                    "install this one by `skill run`, and let the others `use` it",
                )
            else:
                for fault in input_faults(value, each.schema):
                    at = "".join(f".{part}" for part in fault.path)
                    self.report((*path, name, *fault.path), f"{name}{at}: {fault.message}")
        for each in skill.inputs.values():
            if each.required and each.name not in inputs and not each.secret:
                self.report(path, f"{each.name} is missing: {each.description}")

    def _check_uses(
        self, skill: Skill, uses: Mapping[str, Any], path: tuple[str | int, ...]
    ) -> None:
        aliases = [r.alias for r in skill.requires]
        for alias in uses:
            if alias not in aliases and alias not in [r.skill for r in skill.requires]:
                mean = did_you_mean(alias, aliases, known="it requires")
                self.report((*path, alias), f"{skill.name} requires no '{alias}'{mean}")

    def _placed(self, skill: Skill, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Paths from the file's folder, so that it means the same from wherever it is run."""
        folder = self.file.resolve().parent
        return {
            name: str((folder / value).resolve())
            if name in skill.inputs
            and skill.inputs[name].schema.get("format") == "path"
            and isinstance(value, str)
            and value
            else value
            for name, value in inputs.items()
        }
