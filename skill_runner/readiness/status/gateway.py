"""Gateway API (gateway.networking.k8s.io): accepted, resolved and programmed, at this generation.

Each condition carries its own observedGeneration; a route has one set for each parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.objects import Object, as_int, at, generation, is_true, says
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready, unobserved

ROUTE: Final = ("Accepted", "ResolvedRefs")  # what every controller says of a route

# Reasons of the API (apis/v1/gateway_types.go, httproute_types.go) by which something is awaited.
COMING: Final = (
    *("", "Pending", "Waiting", "Scheduled", "NotReconciled"),
    *("AddressNotAssigned", "NoResources", "NoReadyListeners"),
)


def gateway_class(obj: Object) -> Verdict:
    return _require(obj, at(obj, "status.conditions", []), ("Accepted",)) or ready("accepted")


def gateway(obj: Object) -> Verdict:
    found = at(obj, "status.conditions", [])
    return _require(obj, found, ("Accepted", "Programmed")) or ready("accepted and programmed")


def route(obj: Object) -> Verdict:
    """HTTPRoute, GRPCRoute and the others: every parent accepts it and finds its backends."""
    parents = at(obj, "status.parents", [])
    asked = at(obj, "spec.parentRefs", [])
    if len(parents) < len(asked) or not parents:
        return unobserved(f"{len(parents)} of {len(asked)} parents have reported on it")
    for parent in parents:
        name = at(parent, "parentRef.name", "?")
        found = at(parent, "conditions", [])
        # Only controllers that configure a gateway of their own say whether the route is in it.
        tells = any(c.get("type") == "Programmed" for c in found)
        bad = _require(obj, found, (*ROUTE, "Programmed") if tells else ROUTE)
        if bad:
            return Verdict(bad.state, f"{bad.message} by Gateway {name}", bad.facts)
    return ready(f"accepted by {len(parents)} of {len(parents)} parents")


def _require(obj: Object, found: list[Mapping[str, Any]], names: tuple[str, ...]) -> Verdict | None:
    by_type = {c.get("type"): c for c in found}
    for name in names:
        cond = by_type.get(name)
        if cond is None:
            return unobserved(f"is not {name} yet")
        seen = as_int(cond.get("observedGeneration"))
        if seen is not None and seen < generation(obj):
            return unobserved(f"{name} is of generation {seen}, it is at {generation(obj)}")
        if is_true(cond):
            continue
        if cond.get("reason") in COMING or cond.get("status") == "Unknown":
            return progressing(f"is not {name} yet ({says(cond)})")
        return failed(f"is not {name} ({says(cond)})", reason=str(cond.get("reason", "")))
    return None
