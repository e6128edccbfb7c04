"""Awaited workloads that somebody scaled to zero: nothing of them is wrong, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status import Verdict
from skill_runner.readiness.status.scaling import ScaledToZero, scaled_to_zero, scales
from skill_runner.readiness.status.verdict import progressing
from skill_runner.readiness.wait.expected import Expected
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.verdicts import Watched


def with_scaling(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Watched]:
    """The same, with workloads not ready that were scaled to zero by hand. One that an autoscaler
    is for is left to it."""
    for one in watched:
        found = _found(one)
        verdict = _verdict(one.expected, found, lookups) if found else None
        yield Watched(one.expected, one.live, verdict, one.family) if verdict else one


def _found(one: Watched) -> ScaledToZero | None:
    if one.verdict.facts.get("skipped"):
        return None
    return scaled_to_zero(one.expected.manifest, one.live)


def _verdict(expected: Expected, found: ScaledToZero, lookups: Lookups) -> Verdict | None:
    autoscalers = lookups.autoscalers(expected.ref.namespace or "")
    if autoscalers is None:
        return progressing("is scaled to 0; its autoscaler has not been checked for yet")
    if any(scales(each, expected.ref.kind, expected.ref.name) for each in autoscalers):
        return None
    return progressing(str(found), scaled=True)


def scaling_symptoms(watched: Sequence[Watched]) -> Iterator[Symptom]:
    """One for each; its subject are the replicas to restore by hand where no run would."""
    for one in watched:
        found = _found(one)
        if not (found and one.live and one.verdict.facts.get("scaled")):
            continue
        ref = one.expected.ref
        who = found.who or " by somebody"
        yield symptom_of(
            {"apiVersion": ref.api_version, "kind": ref.kind, **one.live},
            "ScaledToZero",
            f"{ref} {found}",
            lines=(f"{ref}: spec.replicas is 0, set{who}",),
            subject="" if found.restorable else str(found.wanted),
            owner=f"{ref.kind} {ref.name}",
        )
