"""Crashes of a workload while another is still coming up: it may wait for that without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.wait.verdicts import Watched

# Kinds that are not ready because of the pods behind them, and that no program waits for.
_BEHIND: Final = frozenset(
    {"Service", "EndpointSlice", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
)


def patient(symptoms: Sequence[Symptom], watched: Sequence[Watched]) -> tuple[Symptom, ...]:
    """The same; crashes may wait for something where another workload is on its way, and does not
    crash itself."""
    crashing = {s.owner for s in symptoms if s.end}
    coming = {
        w.family.owner
        for w in watched
        if not w.verdict.is_ready
        and w.family.owner not in crashing
        and w.expected.ref.kind not in _BEHIND
    }
    return tuple(replace(s, awaits=True) if s.end and coming else s for s in symptoms)
