"""Look at something in the cluster and judge whose it is, before it is changed or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from skill_runner.backends.base import Cluster, Helm, Release
from skill_runner.errors import NotFound, StepFailed
from skill_runner.installations import releases
from skill_runner.installations.ownership import NOTHING, Held, Ownership, explain, judge
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Problem
from skill_runner.outcome.fix import NOT_ADOPTABLE, fix_of

if TYPE_CHECKING:
    from skill_runner.installations.record import Record
    from skill_runner.plan import Installation

HOOK: Final = "helm.sh/hook"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing as it is now, and whose it is. `live` is None for a release, and when nothing is
    there; `of_release` says that a Helm release of the plan wants the name."""

    what: Ref | Release
    live: Object | None
    whose: Ownership
    of_release: bool = False

    @property
    def ref(self) -> Ref:
        """The object's reference. Only for objects."""
        assert isinstance(self.what, Ref)
        return self.what

    @property
    def release(self) -> Release:
        """The release. Only for releases."""
        assert isinstance(self.what, Release)
        return self.what

    @property
    def name(self) -> str:
        if isinstance(self.what, Release):
            return f"release {self.what.namespace}/{self.what.name}"
        return str(self.what)

    def __str__(self) -> str:
        return explain(self.what, self.whose)


async def look(
    cluster: Cluster, ref: Ref, installation: Installation, held: Held = NOTHING
) -> Found:
    """One object, by what the record holds of it (`Record.held`)."""
    try:
        live = await cluster.get(ref)
    except NotFound:
        return Found(ref, None, judge(None, installation, held))
    return Found(ref, live, judge({"kind": ref.kind, **live}, installation, held))


async def look_at_release(
    helm: Helm, name: str, namespace: str, installation: Installation, record: Record | None
) -> tuple[Release | None, Ownership]:
    """The newest revision of a release."""
    held = record.held_release(name, namespace) if record else NOTHING
    found = await helm.get(name, namespace)
    return found, judge(found, installation, held)


async def in_the_way(
    cluster: Cluster,
    manifests: Iterable[Object],
    named: tuple[str, str],
    installation: Installation,
    record: Record,
) -> list[Found]:
    """Find what has the names of a release's objects, and is no object of that release.

    `named` is the release's name and namespace. Helm deletes what has a hook's name before it makes
    the hook, and knows its own hooks by their annotation alone.
    """
    others = []
    for manifest in manifests:
        ref = Ref.of(await releases.with_namespace(cluster, manifest, named[1]))
        held = Held(uid=record.uids.get(ref, ""), releases=frozenset({named}))
        found = await look(cluster, ref, installation, held)
        if not found.whose.is_free and not (is_hook(manifest) and is_hook(found.live or {})):
            others.append(found)
    return others


def is_hook(obj: Object) -> bool:
    """Tell whether Helm runs it as a hook, by its annotation."""
    return HOOK in ((obj.get("metadata") or {}).get("annotations") or {})


def problem_of(others: Sequence[Found], *, adoptable: bool = True) -> Problem:
    """NOT_OURS: the first of what belongs to others; the rest is evidence."""
    first, *more = others
    return Problem(
        code="NOT_OURS",
        resource=first.name,
        cause=str(first),
        evidence=tuple(f"also: {each}" for each in more[:8]),
        fix=fix_of("NOT_OURS") if adoptable else NOT_ADOPTABLE,
    )


def refusal(*others: Found) -> StepFailed:
    """Make the error of a step that would touch what belongs to others."""
    problem = problem_of(others)
    return StepFailed(problem.cause, problem=problem)
