"""The status of what extends or guards the API: CRDs, API services, webhooks, budgets."""

from __future__ import annotations

from skill_runner.objects import (
    Object,
    at,
    condition,
    conditions,
    count,
    is_false,
    is_true,
    observed_generation,
    says,
)
from skill_runner.readiness.status.freshness import check_observed
from skill_runner.readiness.status.verdict import (
    Verdict,
    counted,
    failed,
    progressing,
    ready,
    unobserved,
)

_INJECTORS = ("cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret")


def custom_resource_definition(obj: Object) -> Verdict:
    names = condition(obj, "NamesAccepted")
    if names and is_false(names):
        return failed(f"its names are taken ({says(names)})", reason="NamesNotAccepted")
    if not is_true(condition(obj, "Established")):
        return progressing("is not established yet")
    return ready("established")


def api_service(obj: Object) -> Verdict:
    available = condition(obj, "Available")
    if available is None:
        return unobserved("nothing has reported on it yet")
    if not is_true(available):
        return progressing(f"does not answer ({says(available)})")
    return ready("answers")


def namespace(obj: Object) -> Verdict:
    phase = at(obj, "status.phase")
    if phase == "Terminating":
        held = [says(c) for c in conditions(obj) if is_true(c)]
        return Verdict("terminating", "; ".join(["is being deleted", *held]))
    if phase != "Active":
        return progressing("is not active yet")
    return ready("active")


def webhooks(obj: Object) -> Verdict:
    hooks = obj.get("webhooks") or []
    noted = at(obj, "metadata.annotations", {})
    if any(noted.get(name) for name in _INJECTORS):
        have = sum(1 for h in hooks if at(h, "clientConfig.caBundle"))
        if have < len(hooks):
            return counted(have, len(hooks), "webhooks have their certificate authority")
    return ready(f"{len(hooks)} webhooks")


def disruption_budget(obj: Object) -> Verdict:
    if stale := check_observed(obj):
        return stale
    healthy, want = count(obj, "status.currentHealthy"), count(obj, "status.desiredHealthy")
    if count(obj, "status.expectedPods") and healthy < want:
        return counted(healthy, want, "pods that it protects are healthy")
    return ready(f"{healthy} healthy, {want} must stay", done=healthy, total=want)


def autoscaler(obj: Object) -> Verdict:
    if not conditions(obj):
        return unobserved("its controller has not reported on it yet")
    if observed_generation(obj) is not None and (stale := check_observed(obj)):
        return stale
    able = condition(obj, "AbleToScale")
    if able and is_false(able):
        return progressing(f"cannot scale ({says(able)})")
    active = condition(obj, "ScalingActive")
    have = count(obj, "status.currentReplicas")
    if active and is_false(active):
        note = f"does not scale ({says(active)})"
        return ready(f"{have} replicas, {note}", note=note)
    return ready(f"{have} replicas")
