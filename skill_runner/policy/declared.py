"""Hold what a plan makes against what its skill declares to make: kinds, and namespaces.

It does not ask how an object came about. A value that became a document of its own, by a chart that
prints it raw, is refused here, whatever the inputs were checked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.objects import is_cluster_scoped
from skill_runner.policy.makes import MadeKind, Makes, is_named

Manifest = Mapping[str, Any]

POD: Final = MadeKind("", "Pod", version="v1")  # which run_pod makes for a hook, and removes


@dataclass(frozen=True, slots=True)
class Declared:
    """The kinds that one installation may make. `makes` is None where its skill declares nothing;
    `allowed` are the kinds that the caller allows besides."""

    skill: str
    namespace: str
    makes: Makes | None
    allowed: tuple[str, ...] = ()

    @property
    def for_hooks(self) -> Declared:
        """The same for hooks, whose pods need no declaration in the installation's namespace."""
        makes = self.makes or Makes()
        with_pod = Makes((*makes.here, POD), makes.cluster, makes.elsewhere)
        return Declared(self.skill, self.namespace, with_pod, self.allowed)

    def fault(self, manifest: Manifest) -> str:
        """Say why an object may not be made; empty when it may."""
        kind = str(manifest.get("kind"))
        makes = self.makes or Makes()
        if is_cluster_scoped(kind):
            declared, where = makes.cluster, "for the whole cluster"
        else:
            namespace = str((manifest.get("metadata") or {}).get("namespace") or self.namespace)
            if namespace != self.namespace:
                return self._fault_elsewhere(makes, manifest, namespace)
            declared, where = makes.here, "in its namespace"
        if any(each.covers(manifest) for each in declared) or is_named(manifest, self.allowed):
            return ""
        return f"{self.skill} declares no such {MadeKind.of(manifest).resource} {where}"

    def _fault_elsewhere(self, makes: Makes, manifest: Manifest, namespace: str) -> str:
        declared = makes.within(namespace)
        if any(each.covers(manifest) for each in declared):
            return ""
        if declared:
            named = MadeKind.of(manifest).resource
            return f"{self.skill} declares no such {named} in the namespace {namespace}"
        return f"{self.skill} declares no objects in the namespace {namespace}"

    def faults(self, manifests: Sequence[Manifest]) -> Iterator[tuple[Manifest, str]]:
        for manifest in manifests:
            if why := self.fault(manifest):
                yield manifest, why

    def remedy(self, manifests: Sequence[Manifest]) -> str:
        """Say what to do about undeclared objects, and who may."""
        here = [m for m in manifests if not self._is_elsewhere(m)]
        kinds = ",".join(sorted({MadeKind.of(m).resource for m in here}))
        allow = f", or allow it: --allow-kinds {kinds}" if kinds else ""
        if self.makes is None:
            return f"Add `makes` to its skill.yaml (`skill validate` prints the lines){allow}."
        return (
            "Check the inputs: one of them may have become an object. If the skill is to make it, "
            f"declare it under `makes` in its skill.yaml{allow}."
        )

    def _is_elsewhere(self, manifest: Manifest) -> bool:
        namespace = (manifest.get("metadata") or {}).get("namespace") or self.namespace
        return not is_cluster_scoped(str(manifest.get("kind"))) and namespace != self.namespace


def lines_of(manifests: Sequence[Manifest], namespace: str) -> tuple[str, ...]:
    """The `makes` that these objects need, as lines for skill.yaml."""
    places: dict[str, set[str]] = {"here": set(), "cluster": set()}
    for manifest in manifests:
        kind = str(MadeKind.of(manifest))
        where = (manifest.get("metadata") or {}).get("namespace") or namespace
        if is_cluster_scoped(str(manifest.get("kind"))):
            places["cluster"].add(kind)
        elif where == namespace:
            places["here"].add(kind)
        else:
            places.setdefault(f"elsewhere, in {where}", set()).add(kind)
    return (
        "makes:",
        *(f"  {place}: [{', '.join(sorted(kinds))}]" for place, kinds in places.items() if kinds),
    )
