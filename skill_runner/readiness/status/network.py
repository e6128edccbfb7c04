"""Service, EndpointSlice, Ingress: reachable inside the cluster.

An external address is reported but not awaited: on a cluster without a load balancer it never
comes, and the Service works inside. A skill that needs it says so with a `jsonpath` rule.
"""

from __future__ import annotations

from collections.abc import Iterable

from skill_runner.objects import Object, at
from skill_runner.readiness.status.verdict import Verdict, counted, progressing, ready


def service(obj: Object) -> Verdict:
    kind = at(obj, "spec.type", "ClusterIP")
    if kind == "ExternalName":
        return ready(f"stands for {at(obj, 'spec.externalName', 'a name outside')}")
    address = at(obj, "spec.clusterIP")
    if not address:
        return progressing("has no cluster address yet")
    outside = at(obj, "status.loadBalancer.ingress") or at(obj, "spec.externalIPs")
    if kind == "LoadBalancer" and not outside:
        note = "has no external address yet"
        return ready(f"answers at {address} in the cluster, {note}", note=note)
    return ready("headless" if address == "None" else f"answers at {address}")


def ingress(obj: Object) -> Verdict:
    addresses = at(obj, "status.loadBalancer.ingress", [])
    if not addresses:
        return ready("exists, has no address yet", note="has no address yet")
    first = addresses[0]
    return ready(f"answers at {first.get('hostname') or first.get('ip')}")


def endpoint_slice(obj: Object) -> Verdict:
    good, total = ready_endpoints([obj])
    if total and not good:
        return counted(good, total, "endpoints are ready")
    return ready(f"{good} of {total} endpoints are ready", done=good, total=total)


def ready_endpoints(slices: Iterable[Object]) -> tuple[int, int]:
    """Count the ready addresses, and all there are. An absent `ready` means true."""
    endpoints = [e for s in slices for e in (s.get("endpoints") or [])]
    good = sum(1 for e in endpoints if at(e, "conditions.ready", True))
    return good, len(endpoints)


def endpoints_of(slices: Iterable[Object], ready_pods: Iterable[str]) -> Verdict:
    """Tell whether a Service's slices have caught up with the pods (by name) that are ready."""
    slices = list(slices)
    behind = {
        at(e, "targetRef.name")
        for s in slices
        for e in (s.get("endpoints") or [])
        if at(e, "conditions.ready", True)
    }
    wanted = set(ready_pods)
    good, total = ready_endpoints(slices)
    if not good:
        return progressing("has no ready endpoint yet", done=0, total=max(total, len(wanted)))
    if not wanted <= behind:
        return counted(len(wanted & behind), len(wanted), "ready pods are among its endpoints")
    return ready(f"{good} of {total} endpoints are ready", done=good, total=total)
