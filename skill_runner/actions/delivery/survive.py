"""Find what a rendered manifest holds that does not survive Git. Pure.

Argo CD renders nothing of ours and looks into no cluster: what a chart makes up, looks up or lets
Helm do at its own time is found here, before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from skill_runner.objects import Ref

Manifest = Mapping[str, Any]
HOOK: Final = "helm.sh/hook"
_LOOKUP: Final = re.compile(r"\blookup\s")


def secret_values(manifests: Iterable[Manifest]) -> Iterator[str]:
    """Name each Secret that has values: a repository is no place for them."""
    for manifest in manifests:
        if manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1":
            keys = {**(manifest.get("data") or {}), **(manifest.get("stringData") or {})}
            if held := sorted(key for key, value in keys.items() if value):
                yield f"{_ref(manifest)} holds {', '.join(held)}"


def changing(first: Sequence[Manifest], second: Sequence[Manifest]) -> Iterator[str]:
    """Name each object that came out otherwise when the same was rendered again."""
    before = {_ref(manifest): manifest for manifest in first}
    after = {_ref(manifest): manifest for manifest in second}
    for ref in sorted(before.keys() | after.keys(), key=str):
        if ref not in before or ref not in after:
            yield f"{ref} appears in one rendering and not in another"
        elif paths := list(_differing(before[ref], after[ref])):
            yield f"{ref} differs at {', '.join(paths[:3])}"


def helm_hooks(manifests: Iterable[Manifest]) -> Iterator[str]:
    """Say of each Helm hook what Argo CD makes of it."""
    for manifest in manifests:
        if events := _events(manifest):
            yield f"{_ref(manifest)} is a Helm hook ({events}), which Argo CD runs at each sync"


def is_test(manifest: Manifest) -> bool:
    """Tell whether it is made for `helm test` alone, which nobody calls here."""
    return set(_events(manifest).split(",")) <= {"test", "test-success"} and bool(_events(manifest))


def lookups(chart: Path) -> Iterator[str]:
    """Name the templates of a chart's folder that ask a cluster while they render."""
    for file in sorted(chart.rglob("templates/**/*")):
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        actions = (part.partition("}}")[0] for part in text.split("{{")[1:])
        if any(_LOOKUP.search(action) for action in actions):
            yield f"{file.relative_to(chart)} uses lookup, which finds nothing without a cluster"


def _events(manifest: Manifest) -> str:
    notes = (manifest.get("metadata") or {}).get("annotations") or {}
    return str(notes.get(HOOK, "")).replace(" ", "")


def _ref(manifest: Manifest) -> Ref:
    return Ref.of(dict(manifest))


def _differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted(one.keys() | other.keys(), key=str):
            yield from _differing(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differing(left, right, f"{path}[{index}]")
    elif one != other:
        yield path
