"""The proofs of a platform file: what `prove:` may say, and each mistake in it with its line.

prove:
  - id: lesson
    hook: complete_a_lesson          # a function of hooks.py beside the platform file
    kind: probe
    edges:
      opens: {from: browser, to: kong-k8s-setup, by: GET /}
      stored: {from: progress, to: postgres-k8s-setup, by: SQL}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from skill_runner.outcome import EdgeResult
from skill_runner.skill.loader.build import seconds
from skill_runner.skill.loader.hookfile import HookFault, HookFile, read_hooks
from skill_runner.skill.model import Proof
from skill_runner.skill.suggest import did_you_mean
from skill_runner.skill.yaml_source import Path as DataPath

TIMEOUT: Final = 180.0
_ID: Final = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9-]{0,39}$",
    "x-message": "lower-case letters, digits and hyphens, at most 40",
}
_WORDS: Final = {"type": "string", "minLength": 1, "maxLength": 60}
_EDGE: Final = {
    "type": "object",
    "required": ["from", "to", "by"],
    "additionalProperties": False,
    "properties": {"from": _WORDS, "to": _WORDS, "by": _WORDS},
}
SHAPE: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "hook", "kind", "edges"],
        "additionalProperties": False,
        "properties": {
            "id": _ID,
            "hook": {
                "type": "string",
                "pattern": "^[a-z_][A-Za-z0-9_]*$",
                "x-message": "the name of a function",
            },
            "kind": {"enum": ["observe", "probe", "drill"]},
            "timeout": {
                "type": ["number", "string"],
                "exclusiveMinimum": 0,
                "minLength": 2,
                "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
                "x-message": "seconds, or text such as 90s, 10m, 1h30m",
            },
            "edges": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": _ID,
                "additionalProperties": _EDGE,
            },
        },
    },
}
Report = Callable[[DataPath, str], None]


@dataclass(frozen=True, slots=True)
class PlatformProof:
    """A proof over several installations, and the ways between them that it walks, by id."""

    proof: Proof
    edges: Mapping[str, EdgeResult] = field(default_factory=dict)


def read_proofs(
    data: object, hooks: Path, names: Iterable[str], report: Report
) -> tuple[PlatformProof, ...]:
    """The proofs of a platform whose installations have these `names`; mistakes are reported."""
    listed = data.get("prove") if isinstance(data, dict) else None
    entries = [e for e in enumerate(listed if isinstance(listed, list) else ()) if _is_whole(e[1])]
    if not entries:
        return ()
    file = _hook_file(hooks, report)
    known = tuple(names)
    seen: dict[str, int] = {}
    proofs = []
    for index, entry in entries:
        path: DataPath = ("prove", index)
        if entry["id"] in seen:
            report((*path, "id"), f"the proof {entry['id']} is listed twice")
        seen.setdefault(entry["id"], index)
        if file is not None:
            _check_hook(entry["hook"], file, (*path, "hook"), report)
        for edge, fault in _edge_faults(entry["edges"], known):
            report((*path, "edges", edge), fault)
        proofs.append(_proof(entry))
    return tuple(proofs)


def _is_whole(entry: object) -> bool:
    """Tell whether an entry has the shape that the rest of this module relies on."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(key), str) for key in ("id", "hook", "kind"))
        and isinstance(entry.get("edges"), dict)
        and all(
            isinstance(edge, dict) and {"from", "to", "by"} <= {*edge}
            for edge in entry["edges"].values()
        )
    )


def _hook_file(path: Path, report: Report) -> HookFile | None:
    if not path.is_file():
        report(("prove",), f"there is no {path.name} beside this file, which has the hooks")
        return None
    try:
        file = read_hooks(path)
    except HookFault as fault:
        report(("prove",), f"{path.name}:{fault.mark}: {fault.message}")
        return None
    if file.fault:
        report(("prove",), f"{path.name}:{file.fault.mark}: {file.fault.message}")
    return file


def _check_hook(name: str, file: HookFile, path: DataPath, report: Report) -> None:
    hook = file.hooks.get(name)
    if hook is None:
        public = [other for other in file.hooks if not other.startswith("_")]
        mean = did_you_mean(name, public, known="it has")
        report(path, f"hooks.py has no function '{name}'{mean}")
    elif hook.fault:
        report(path, f"hooks.py:{hook.line}: {hook.fault}")


def _edge_faults(edges: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, edge in edges.items():
        ends = [str(edge["from"]), str(edge["to"])]
        if not {*ends} & {*names}:
            mean = did_you_mean(ends[1], names, known="installations")
            yield name, f"neither end of the edge {' → '.join(ends)} is an installation{mean}"


def _proof(entry: Mapping[str, Any]) -> PlatformProof:
    given = entry.get("timeout", TIMEOUT)
    proof = Proof(
        id=entry["id"],
        kind=entry["kind"],
        hook=entry["hook"],
        timeout=seconds(given) if isinstance(given, str | int | float) else TIMEOUT,
    )
    edges = {
        name: EdgeResult(origin=str(edge["from"]), target=str(edge["to"]), by=str(edge["by"]))
        for name, edge in entry["edges"].items()
    }
    return PlatformProof(proof, edges)
