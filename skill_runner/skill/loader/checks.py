"""Check what no JSON Schema can say of skill.yaml: names, references, charts, images, hooks.

Each check reports on its own and expects nothing of the others, so that every mistake shows at
once, even in a file whose shape is wrong elsewhere.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Any, Final, get_args

from skill_runner.objects import CLUSTER_SCOPED, plural_of
from skill_runner.outcome import Code
from skill_runner.policy import rule_names
from skill_runner.policy.images import unpinned, withdrawn
from skill_runner.skill.let import Circle, in_order, names_read
from skill_runner.skill.loader.files import FileFault, digest, find
from skill_runner.skill.loader.source import Source, text
from skill_runner.skill.loader.templates import RESERVED, alias_of, check_templates
from skill_runner.skill.model import EXACT_VERSION, ProofKind
from skill_runner.skill.plaintext import input_faults
from skill_runner.skill.schema import schema_fault
from skill_runner.skill.shipped import shared_chart
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.yaml_source import Path as DataPath

# Each way to prove, with the kind that it is of; a hook may be of any.
_PROOFS: Final = {"hook": "", "admits": "observe", "web": "probe"}
_OF_THE_CLUSTER: Final = frozenset(
    map(plural_of, (*CLUSTER_SCOPED, "ClusterRole", "ClusterRoleBinding"))
)
_JINJA_WORDS: Final = frozenset({"true", "false", "none", "range", "loop", "self", "varargs"})


def check_all(source: Source) -> None:
    """Run every check; the problems are in `source`."""
    for check in (
        _check_name,
        _check_ids,
        _check_inputs,
        _check_let,
        _check_requirements,
        _check_images,
        _check_charts,
        _check_image_steps,
        _check_hooks,
        _check_preflight,
        _check_proofs,
        _check_exceptions,
        _check_problems,
        _check_rights,
        check_templates,
    ):
        check(source)


def _check_name(source: Source) -> None:
    name, folder = text(source.data, "name"), source.folder.resolve().name
    if name is not None and name != folder:
        source.report(("name",), f"the name '{name}' must equal the folder's, '{folder}'")


def _check_ids(source: Source) -> None:
    first: dict[str, DataPath] = {}
    for key in ("preflight", "steps", "prove"):
        for path, entry in source.items(key):
            name = text(entry, "id")
            if name is None:
                continue
            if name in first:
                line = source.document.mark((*first[name], "id")).line
                source.report((*path, "id"), f"the id '{name}' is taken (line {line})")
            first.setdefault(name, path)


def _check_inputs(source: Source) -> None:
    for name, entry in source.mapping("inputs").items():
        path = ("inputs", name)
        if _is_reserved(name):
            source.report(path, f"the input name '{name}' is taken by the templates' own words")
        schema = {key: value for key, value in entry.items() if key not in ("change", "default")}
        fault = schema_fault(schema)
        if fault is not None:
            source.report(path, f"inputs.{name} is no JSON Schema: {fault}")
        elif "default" in entry:
            _check_default(source, (*path, "default"), entry["default"], schema)
        if entry.get("writeOnly") is True and entry.get("default") not in (None, ""):
            message = f"inputs.{name} is a secret: its default must be empty"
            source.report((*path, "default"), message)


def _is_reserved(name: str) -> bool:
    return name in RESERVED or name in _JINJA_WORDS or keyword.iskeyword(name)


def _check_let(source: Source) -> None:
    inputs = source.data.get("inputs")
    for name, value in source.let.items():
        path = ("let", name)
        if _is_reserved(name):
            source.report(path, f"the name '{name}' of `let` is taken by the templates' own words")
        elif isinstance(inputs, dict) and name in inputs:
            line = source.document.mark(("inputs", name)).line
            source.report(path, f"the name '{name}' of `let` is that of an input (line {line})")
        for late in sorted(names_read(value) & {"images", "requires"}):
            message = f"let.{name} cannot read '{late}': names are settled before images are chosen"
            source.report(path, f"{message} and other skills have run")
    try:
        in_order(source.let)
    except Circle as circle:
        source.report(("let", circle.names[0]), f"these names of `let` need each other: {circle}")


def _check_default(source: Source, path: DataPath, value: Any, schema: dict[str, Any]) -> None:
    for fault in input_faults(value, schema):
        at = "".join(f"[{part}]" for part in fault.path)
        wrong = "" if fault.message.startswith("must ") else "is wrong: "
        said = f"the default{at} of {path[1]} {wrong}{fault.message}"
        source.report((*path, *fault.path), said)


def _check_requirements(source: Source) -> None:
    seen: set[str] = set()
    for path, entry in source.items("requires"):
        alias = alias_of(entry)
        if alias and alias in seen:
            source.report(path, f"'{alias}' is required twice; tell them apart with `as:`")
        if text(entry, "skill") == text(source.data, "name") and alias:
            source.report(path, "a skill cannot require itself")
        seen.add(alias)


def _check_images(source: Source) -> None:
    for name, entry in source.mapping("images").items():
        path: DataPath = ("images", name)
        ref, recipe = text(entry, "ref"), text(entry, "recipe")
        _check_image_kind(source, path, entry)
        if ref is not None:
            _check_reference(source, (*path, "ref"), ref)
        if recipe is not None:
            _check_folder(source, (*path, "recipe"), recipe)


def _check_image_kind(source: Source, path: DataPath, entry: dict[str, Any]) -> None:
    built = [key for key in ("source", "framework", "name", "settings") if key in entry]
    if not built and "ref" not in entry:
        source.report(path, "an image has a `ref`, or a `source` and a `framework`")
    elif built and ("ref" in entry or "recipe" in entry):
        message = f"an image is official (`ref`) or built from a source (`{built[0]}`), not both"
        source.report((*path, built[0]), message)
    elif built and not {"source", "framework"} <= entry.keys():
        source.report(path, "an image that is built needs a `source` and a `framework`")


def _check_reference(source: Source, path: DataPath, ref: str) -> None:
    loose, gone = unpinned(ref), withdrawn(ref)
    if loose:
        source.report(path, f"{loose}; name a version, such as docker.io/apache/kafka:4.3.1")
    if gone:
        source.report(path, f"the image {ref}: {gone.why}; use {gone.instead}")


def _check_folder(source: Source, path: DataPath, name: str) -> None:
    try:
        find(source.folder, name, directory=True)
        digest(source.folder, name)
    except FileFault as fault:
        source.report(path, str(fault))


def _check_charts(source: Source) -> None:
    for path, step in source.items("steps"):
        chart = text(step, "chart")
        if chart is not None:
            for key, message in _chart_faults(source, step, chart):
                source.report((*path, key), message)


def is_remote(chart: str, repo: object) -> bool:
    """Tell whether a step's chart is not in the skill's folder: from elsewhere, or where inputs
    say."""
    return repo is not None or chart.startswith("oci://") or "{{" in chart


def _chart_faults(source: Source, step: dict[str, Any], chart: str) -> Iterator[tuple[str, str]]:
    version, address = text(step, "version"), f"{text(step, 'repo') or ''} {chart}"
    shared = shared_chart(chart)
    if shared is not None:
        if not (shared / "Chart.yaml").is_file():
            yield "chart", f"there is no shared chart '{chart}'"
        return
    if not is_remote(chart, step.get("repo")):
        yield from _local_chart_faults(source, chart)
        if version is not None:
            yield "version", "a chart in the skill has its version in its own Chart.yaml"
        return
    if "bitnami" in address:
        yield "chart", "Bitnami's charts name images that were withdrawn; use the project's own"
    if version is None and "@sha256:" not in chart and "{{" not in chart:
        yield "chart", f"the remote chart {chart} needs a version, such as version: 1.2.3"
    elif version is not None and "{{" not in version and not EXACT_VERSION.fullmatch(version):
        yield "version", f"'{version}' is no exact version; a range changes without anyone's doing"


def _local_chart_faults(source: Source, chart: str) -> Iterator[tuple[str, str]]:
    try:
        folder = find(source.folder, chart, directory=True)
        digest(source.folder, chart)
    except FileFault as fault:
        yield "chart", f"{fault}; a chart from elsewhere needs `repo:` and `version:`, or oci://"
        return
    if not (folder / "Chart.yaml").is_file():
        yield "chart", f"'{chart}' has no Chart.yaml"


def _check_image_steps(source: Source) -> None:
    images = source.mapping("images")
    for path, step in source.items("steps"):
        name = text(step, "image")
        if name is not None and name not in images:
            mean = did_you_mean(name, images, known="images")
            source.report((*path, "image"), f"'{name}' is not among `images`{mean}")


def _check_hooks(source: Source) -> None:
    if not source.hooks_known:
        return
    for key in ("preflight", "steps", "prove"):
        for path, entry in source.items(key):
            name = text(entry, "hook")
            if name is None:
                continue
            hook = source.hooks.get(name)
            if hook is None:
                public = [other for other in source.hooks if not other.startswith("_")]
                mean = did_you_mean(name, public, known="there")
                source.report((*path, "hook"), f"hooks.py has no function '{name}'{mean}")
            elif hook.fault:
                source.report((*path, "hook"), f"hooks.py:{hook.line}: {hook.fault}")


def _check_preflight(source: Source) -> None:
    for path, entry in source.items("preflight"):
        if ("hook" in entry) == ("refuse" in entry):
            has = "both" if "hook" in entry else "neither"
            source.report(path, f"a check is exactly one of hook, refuse; it has {has}")
        elif "refuse" in entry and "when" not in entry:
            source.report(path, "`refuse` needs a `when`: without one, every run is refused")
        elif "hint" in entry and "refuse" not in entry:
            source.report((*path, "hint"), "`hint` belongs to `refuse`; a hook gives its own")


def _check_proofs(source: Source) -> None:
    for path, entry in source.items("prove"):
        present = [key for key in _PROOFS if key in entry]
        if len(present) != 1:
            has = f"; it has {' and '.join(present)}" if present else ""
            source.report(path, f"a proof is exactly one of {', '.join(_PROOFS)}{has}")
            continue
        kind = _PROOFS[present[0]]
        if kind and entry.get("kind") in get_args(ProofKind) and entry["kind"] != kind:
            source.report((*path, "kind"), f"a proof by `{present[0]}` is of the kind {kind}")
        web = entry.get("web")
        image = text(web, "image") if isinstance(web, dict) else None
        known = source.mapping("images")
        if image is not None and image not in known:
            mean = did_you_mean(image, known, known="images")
            source.report((*path, "web", "image"), f"'{image}' is not among `images`{mean}")


def _check_exceptions(source: Source) -> None:
    for path, entry in source.items("policy_exceptions"):
        name = text(entry, "rule")
        if name is not None and name not in rule_names():
            mean = did_you_mean(name, rule_names(), known="rules")
            source.report((*path, "rule"), f"there is no policy rule '{name}'{mean}")


def _check_problems(source: Source) -> None:
    known = get_args(Code)
    problems = source.data.get("problems")
    for code in problems if isinstance(problems, dict) else ():
        if code not in known:
            mean = did_you_mean(code, known, known="codes")
            source.report(("problems", code), f"there is no problem code '{code}'{mean}")


def _check_rights(source: Source) -> None:
    """A Role of a namespace grants nothing on what is in no namespace."""
    for path, entry in source.items("rights"):
        resources = entry.get("resources")
        for name in resources if isinstance(resources, list) else ():
            if name in _OF_THE_CLUSTER and entry.get("everywhere") is not True:
                fault = f"{name} are in no namespace; write `everywhere: true`"
                source.report((*path, "resources"), fault)
