"""Dapr's components: what is meant for a ready sidecar and it has not loaded, by its own word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import httpx

from skill_runner.backends.base import Cluster
from skill_runner.errors import SkillError
from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.dapr import SIDECAR, sidecar_of
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.readiness.status.verdict import progressing
from skill_runner.readiness.wait.dapr import unloaded_components, unloaded_words
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.verdicts import Watched

MOST: Final = 3  # pods of one workload that are asked; all of them read the same components


def with_components(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Watched]:
    """The same, with workloads that are ready only once their sidecars have what is theirs."""
    for one in watched:
        waits = [_waits_for(pod, lookups) for pod in _sidecars(one) if one.verdict.is_ready]
        if reason := next(filter(None, waits), ""):
            yield Watched(one.expected, one.live, progressing(reason), one.family)
        else:
            yield one


def component_symptoms(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Symptom]:
    """One for each pod whose sidecar lacks a component."""
    for one in watched:
        for pod in _sidecars(one):
            if said := _lacks(pod, lookups):
                name = at(pod, "metadata.name", "")
                yield symptom_of(
                    pod,
                    "ComponentNotLoaded",
                    f"{said} of pod {name}",
                    container=SIDECAR,
                    owner=one.family.owner,
                    subject=said,
                    lines=(f"sidecar of {name}: its /v1.0/metadata does not list it",),
                )


def _sidecars(one: Watched) -> list[Object]:
    """Ready pods with a sidecar, a few."""
    if one.verdict.facts.get("skipped"):
        return []
    found = (p for p in one.family.pods if sidecar_of(p) and pod_verdict(p).is_ready)
    going = (p for p in found if not at(p, "metadata.deletionTimestamp"))
    return sorted(going, key=lambda p: str(at(p, "metadata.name")))[:MOST]


def _waits_for(pod: Object, lookups: Lookups) -> str:
    said = _lacks(pod, lookups)
    return "its sidecar has not been asked for its components yet" if said is None else said


def _lacks(pod: Object, lookups: Lookups) -> str | None:
    """Say what the sidecar lacks; empty when it lacks nothing; None before it is known.

    Asking takes a port-forward, which is no read, though it changes nothing.
    """
    if lookups.reads_only or at(pod, "status.phase") != "Running":
        return ""
    key = ("components", at(pod, "metadata.uid"))
    return lookups.later(key, partial(ask_sidecar, lookups.cluster, pod))


async def ask_sidecar(cluster: Cluster, pod: Object) -> str:
    """Say which components a sidecar lacks, as a sentence; empty also where nobody may ask it."""
    try:
        missing = await unloaded_components(cluster, pod)
    except (SkillError, OSError, httpx.HTTPError):
        return ""
    return unloaded_words(missing) if missing else ""
