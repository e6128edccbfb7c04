"""Rendered manifests into violations of what every skill owes the cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from skill_runner.objects import is_cluster_scoped
from skill_runner.policy.exceptions import PolicyException
from skill_runner.policy.rules import NAMESPACE, RULES, Rule

__all__ = ["NAMESPACE", "RULES", "Rule", "Violation", "check", "rule_names"]

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """A rule that an object breaks, or one container of it; `whole` reads `Kind namespace/name`."""

    rule: str
    whole: str
    message: str
    remedy: str
    container: str = ""

    @property
    def resource(self) -> str:
        """The object, with its container: `Kind namespace/name container name`."""
        return f"{self.whole} container {self.container}" if self.container else self.whole


def rule_names() -> tuple[str, ...]:
    """The names that exceptions may use."""
    return tuple(rule.name for rule in (NAMESPACE, *RULES))


def check(
    manifests: Sequence[Manifest],
    *,
    exceptions: Iterable[PolicyException] = (),
    default_namespace: str,
) -> tuple[Violation, ...]:
    """Every violation that no exception covers, in the order of the manifests.

    `default_namespace` is where objects go that name no namespace.
    """
    excepted = tuple(exceptions)
    found = [*_misplaced(manifests, default_namespace)]
    for manifest in manifests:
        resource = _resource(manifest, default_namespace)
        for rule in RULES:
            for container, message in rule.look(manifest):
                found.append(Violation(rule.name, resource, message, rule.remedy, container))
    return tuple(v for v in found if not any(_covers(e, v) for e in excepted))


def _misplaced(manifests: Sequence[Manifest], default: str) -> Iterator[Violation]:
    """One violation for each namespace that is none of a skill's, not one for each object."""
    counts: dict[str, int] = {}
    for manifest in manifests:
        if not is_cluster_scoped(str(manifest.get("kind"))):
            name = _namespace(manifest, default)
            counts[name] = counts.get(name, 0) + 1
    for name, count in counts.items():
        if name in ("", "default") or name.startswith("kube-"):
            objects = "1 object goes" if count == 1 else f"{count} objects go"
            yield Violation(
                NAMESPACE.name,
                f"Namespace {name}",
                f"{objects} into the namespace {name!r}",
                NAMESPACE.remedy,
            )


def _namespace(manifest: Manifest, default: str) -> str:
    meta = manifest.get("metadata") or {}
    return str(meta.get("namespace") or default)


def _resource(manifest: Manifest, default: str) -> str:
    kind, name = str(manifest.get("kind")), (manifest.get("metadata") or {}).get("name")
    return (
        f"{kind} {name}"
        if is_cluster_scoped(kind)
        else f"{kind} {_namespace(manifest, default)}/{name}"
    )


def _covers(exception: PolicyException, violation: Violation) -> bool:
    """An exception names `Kind name` or `Kind namespace/name`, and may name a container."""
    if exception.rule != violation.rule:
        return False
    kind, _, place = violation.whole.partition(" ")
    names = {violation.whole, f"{kind} {place.rpartition('/')[2]}"}
    if violation.container:
        names |= {f"{name} container {violation.container}" for name in names}
    return any(fnmatchcase(name, exception.resource) for name in names)
