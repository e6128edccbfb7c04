"""A pod that no node takes: what is missing, and whether any node could ever take it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from skill_runner.objects import Object, at, condition, is_false
from skill_runner.quantity import quantity_or_zero
from skill_runner.readiness.diagnosis.affinity import refused_by_affinity
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.text.quoting import excerpt, named

_CLAIM: Final = re.compile(r'persistentvolumeclaim "([^"]+)" not found')


def scheduling_symptoms(view: PodView, nodes: tuple[Object, ...] | None) -> Iterator[Symptom]:
    """`nodes` are those of the cluster, or None where they cannot be read."""
    found = condition(view.pod, "PodScheduled")
    if not found or not is_false(found) or found.get("reason") != "Unschedulable":
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
    cause = f"no node takes the pod: {never or excerpt(short)}"
    yield symptom_of(
        view.pod,
        "UnschedulableForever" if never else "Unschedulable",
        cause,
        owner=view.owner,
        lines=(f"scheduler: {short}",),
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
        return 1, f"it does not tolerate the taint {taint} of {_name(node)}"
    for resource, asked in requests_of(pod).items():
        room = quantity_or_zero(at(node, "status.allocatable", {}).get(resource, 0))
        if asked > room:
            return 2, (
                f"it asks for {_shown(resource, asked)} of {resource}, the largest node has "
                f"{_shown(resource, room)}"
            )
    return None


def _untolerated(pod: Object, node: Object) -> str | None:
    for taint in at(node, "spec.taints", []):
        # Taints that Kubernetes itself sets come and go with the node's state.
        if taint.get("effect") == "PreferNoSchedule" or _is_passing(taint):
            continue
        if not any(_tolerates(t, taint) for t in at(pod, "spec.tolerations", [])):
            value = f"={taint['value']}" if taint.get("value") else ""
            return f"{taint.get('key')}{value}:{taint.get('effect')}"
    return None


def _is_passing(taint: Mapping[str, Any]) -> bool:
    return str(taint.get("key", "")).startswith(("node.kubernetes.io/", "node.cloudprovider"))


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


def _name(node: Object) -> str:
    return f"node {at(node, 'metadata.name', '?')}"
