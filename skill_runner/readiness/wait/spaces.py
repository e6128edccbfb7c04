"""Namespaces under what has gone: being deleted themselves, or gone too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skill_runner.objects import at
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.status import compute
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.verdicts import Watched

_LOST = ("missing", "terminating")


def namespace_symptoms(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Symptom]:
    """One for each namespace that takes awaited objects with it. Asked for once one is lost."""
    lost = {
        w.expected.ref.namespace
        for w in watched
        if w.verdict.state in _LOST and (w.expected.made or w.expected.uid)
    }
    for name in sorted(n for n in lost if n):
        found = lookups.namespace(name)
        if not found:
            continue
        live = found[0]
        if live is not None and not at(live, "metadata.deletionTimestamp"):
            continue
        said = "does not exist any more" if live is None else compute(live).message
        cause = f"namespace {name} {said}"
        yield Symptom(
            reason="NamespaceTerminating",
            kind="Namespace",
            name=name,
            namespace="",
            cause=cause,
            lines=(f"Namespace status: {said}",),
        )
