"""A pod that no node takes: what is missing, and whether any node could ever take it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from skill_runner.objects import Object, at, condition, is_false
from skill_runner.quantity import quantity_or_zero
from skill_runner.readiness.diagnosis.affinity import refused_by_affinity
from skill_runner.readiness.diagnosis.growth import (
    SCALING,
    autoscaler_says,
    is_passing,
    may_grow,
)
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.text.quoting import excerpt, named

_CLAIM: Final = re.compile(r'persistentvolumeclaim "([^"]+)" not found')


def scheduling_symptoms(view: PodView, nodes: tuple[Object, ...] | None) -> Iterator[Symptom]:
    """`nodes` are those of the cluster, or None where they cannot be read."""
    found = condition(view.pod, "PodScheduled")
    if not found or not is_false(found):
        return
    if found.get("reason") == "SchedulingGated":
        yield _gated(view)
    if found.get("reason") != "Unschedulable":
        return
    message = str(found.get("message", ""))
    short = message.partition(". preemption:")[0].partition(" preemption:")[0].rstrip(". ")
    if claim := _CLAIM.search(message):
        cause = f"PersistentVolumeClaim {named(claim.group(1))} does not exist"
        yield symptom_of(
            view.pod, "ClaimMissing", cause, owner=view.owner, lines=(f"scheduler: {short}",)
        )
        return
    never = why_never(view.pod, nodes) if nodes else None
    said = autoscaler_says(view.events)
    scaling = said is not None and said.reason in SCALING
    for_ever = never and not scaling and not may_grow(nodes or ())
    why = f"an autoscaler adds one ({excerpt(said.message)})" if said and scaling else ""
    yield symptom_of(
        view.pod,
        "ScalingUp" if scaling else "UnschedulableForever" if for_ever else "Unschedulable",
        f"no node takes the pod: {why or never or excerpt(short)}",
        owner=view.owner,
        lines=(f"scheduler: {short}", *((f"autoscaler: {said.message}",) if said else ())),
    )


def _gated(view: PodView) -> Symptom:
    gates = ", ".join(named(g.get("name")) for g in at(view.pod, "spec.schedulingGates", []))
    cause = f"the pod is held back by its scheduling gate {gates}, which a controller takes away"
    return symptom_of(
        view.pod,
        "SchedulingGated",
        cause,
        owner=view.owner,
        lines=(f"pod {at(view.pod, 'metadata.name', '?')}: spec.schedulingGates has {gates}",),
    )


def why_never(pod: Object, nodes: tuple[Object, ...]) -> str | None:
    """Say why no node could take the pod even if it were empty; None when one could."""
    reasons = [_misfit(pod, node) for node in nodes]
    if not reasons or any(r is None for r in reasons):
        return None
    # The reason of the node that comes closest is the one to fix.
    return max((r for r in reasons if r), key=lambda r: r[0])[1]


def _misfit(pod: Object, node: Object) -> tuple[int, str] | None:
    labels = at(node, "metadata.labels", {})
    selector = at(pod, "spec.nodeSelector", {})
    wrong = [f"{k}={v}" for k, v in selector.items() if labels.get(k) != v]
    if wrong:
        return 0, f"its nodeSelector asks for {', '.join(wrong)}, which no node has"
    if asked_for := refused_by_affinity(pod, node):
        return 0, f"its node affinity asks for {asked_for}, which no node has"
    if taint := _untolerated(pod, node):
        name = f"node {at(node, 'metadata.name', '?')}"
        return 1, f"it does not tolerate the taint {taint} of {name}"
    for resource, asked in requests_of(pod).items():
        have = at(node, "status.allocatable", {}).get(resource)
        if have is None and "/" in resource:
            continue  # a device whose plugin may be starting
        room = quantity_or_zero(have or 0)
        if asked > room:
            return 2, (
                f"it asks for {_shown(resource, asked)} of {resource}, the largest node has "
                f"{_shown(resource, room)}"
            )
    return None


def _untolerated(pod: Object, node: Object) -> str | None:
    for taint in at(node, "spec.taints", []):
        if taint.get("effect") == "PreferNoSchedule" or is_passing(taint):
            continue
        if not any(_tolerates(t, taint) for t in at(pod, "spec.tolerations", [])):
            value = f"={taint['value']}" if taint.get("value") else ""
            return f"{taint.get('key')}{value}:{taint.get('effect')}"
    return None


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    return toleration.get("key") == taint.get("key") and (
        toleration.get("value", "") == taint.get("value", "")
    )


def requests_of(pod: Object) -> dict[str, Decimal]:
    """Sum what the scheduler counts: containers and sidecars together, or the largest init one."""
    total: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    for spec in at(pod, "spec.containers", []):
        _add(total, spec)
    for spec in at(pod, "spec.initContainers", []):
        if spec.get("restartPolicy") == "Always":
            _add(total, spec)
        for resource, amount in _asked(spec).items():
            largest[resource] = max(largest.get(resource, Decimal(0)), amount)
    return {
        r: max(total.get(r, Decimal(0)), largest.get(r, Decimal(0))) for r in {**total, **largest}
    }


def _add(total: dict[str, Decimal], spec: Mapping[str, Any]) -> None:
    for resource, amount in _asked(spec).items():
        total[resource] = total.get(resource, Decimal(0)) + amount


def _asked(spec: Mapping[str, Any]) -> dict[str, Decimal]:
    wanted = {**at(spec, "resources.limits", {}), **at(spec, "resources.requests", {})}
    return {name: quantity_or_zero(amount) for name, amount in wanted.items()}


def _shown(resource: str, amount: Decimal) -> str:
    if resource in ("memory", "ephemeral-storage"):
        for unit, size in (("Gi", 2**30), ("Mi", 2**20)):
            if amount >= size:
                return f"{(amount / size).quantize(Decimal('0.1')).normalize():f}{unit}"
    return f"{amount.normalize():f}"
