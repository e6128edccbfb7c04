"""Every template and expression of a skill, compiled and with its names known, before any run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from skill_runner.skill.loader.files import FileFault, read_text
from skill_runner.skill.loader.source import Source, text
from skill_runner.skill.shipped import SHARED
from skill_runner.skill.templating import check_expression, check_template
from skill_runner.skill.yaml_source import Mark, YamlFault, read
from skill_runner.skill.yaml_source import Path as DataPath

# What every template may use beside the inputs (see plan.context).
RESERVED: Final[Mapping[str, tuple[str, ...]]] = {
    "installation": ("name", "namespace"),
    "skill": ("name", "version"),
    "inputs": (),
    "images": (),
    "requires": (),
}

Known = Mapping[str, Iterable[str] | None]


def known_names(source: Source) -> Known:
    """The names that templates may use, each with its attributes where they are known."""
    aliases = [alias_of(entry) for _, entry in source.items("requires")]
    return {
        **dict.fromkeys(source.let),
        **dict.fromkeys(source.mapping("inputs")),
        "installation": RESERVED["installation"],
        "skill": RESERVED["skill"],
        "inputs": list(source.mapping("inputs")),
        "images": list(source.mapping("images")),
        "requires": aliases,
    }


def alias_of(requirement: Mapping[str, Any]) -> str:
    """The name by which templates read the outputs of a required skill."""
    alias = text(requirement, "as") or text(requirement, "skill") or ""
    return alias if "as" in requirement else alias.replace("-", "_")


def check_templates(source: Source) -> None:
    """Report what is wrong with the expressions, templates and template files."""
    known = known_names(source)
    # What is required is settled first, before images are chosen and outputs are known.
    early = {name: known[name] for name in known if name not in ("images", "requires")}
    for path, expression in expressions(source):
        for message in check_expression(expression, early if path[0] == "requires" else known):
            source.report(path, message)
    for path, template in inline(source):
        for _, message in check_template(template, early if path[0] == "requires" else known):
            source.report(path, message)
    for path, name in template_files(source):
        _check_file(source, path, name, known)


def template_files(source: Source) -> Iterator[tuple[DataPath, str]]:
    """The files of values and manifests that steps and proofs name."""
    for path, step in source.items("steps"):
        for key in ("values", "apply"):
            name = text(step, key)
            if name is not None:
                yield (*path, key), name
    for key in ("steps", "prove"):
        for path, entry in source.items(key):
            name = text(_mapping(entry, "admits"), "manifest")
            if name is not None:
                yield (*path, "admits", "manifest"), name


def _mapping(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def expressions(source: Source) -> Iterator[tuple[DataPath, str]]:
    """The `when` of steps, proofs and requirements."""
    for key in ("preflight", "steps", "prove", "requires"):
        for path, entry in source.items(key):
            expression = text(entry, "when")
            if expression is not None:
                yield (*path, "when"), expression


def inline(source: Source) -> Iterator[tuple[DataPath, str]]:
    """The strings of skill.yaml that are templates."""
    for path, step in source.items("steps"):
        for key in ("release", "chart", "version"):
            yield from _strings((*path, key), step.get(key))
        yield from _strings((*path, "wait"), step.get("wait"))
    for key in ("steps", "prove"):
        for path, entry in source.items(key):
            operator = _mapping(entry, "admits").get("operator")
            yield from _strings((*path, "admits", "operator"), operator)
            yield from _strings((*path, "web"), entry.get("web"))
    for path, check in source.items("preflight"):
        for key in ("refuse", "hint"):
            yield from _strings((*path, key), check.get(key))
    for name, image in source.mapping("images").items():
        for key in ("source", "name", "settings"):
            yield from _strings(("images", name, key), image.get(key))
    yield from _strings(("let",), source.let)
    for path, requirement in source.items("requires"):
        yield from _strings((*path, "with"), requirement.get("with"))
    yield from _strings(("outputs",), source.data.get("outputs"))
    for path, right in source.items("rights"):
        yield from _strings((*path, "namespaces"), right.get("namespaces"))
    makes = source.data.get("makes")
    yield from _strings(("makes",), makes.get("elsewhere") if isinstance(makes, dict) else None)


def _strings(path: DataPath, value: Any) -> Iterator[tuple[DataPath, str]]:
    if isinstance(value, str) and "{" in value:
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings((*path, index), item)


def _check_file(source: Source, path: DataPath, name: str, known: Known) -> None:
    try:
        content = read_text(source.folder, name)
    except FileFault as fault:
        source.report(path, str(fault))
        return
    if name.endswith(".j2"):
        for line, message in check_template(content, known):
            if name.startswith(SHARED):  # what it lacks is missing in this skill
                source.report(path, f"{name}:{line}: {message}")
            else:
                source.report_in(name, Mark(line, 1), message)
        return
    try:
        documents = read(content)
    except YamlFault as yaml_fault:
        source.report_in(name, yaml_fault.mark, yaml_fault.message)
        return
    for duplicate in (fault for document in documents for fault in document.faults):
        source.report_in(name, duplicate.mark, duplicate.message)
