"""Each awaited object's verdict, with what only its surroundings tell: endpoints, pods, a TTL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skill_runner.objects import Object, at, condition, count, is_true, says
from skill_runner.readiness.diagnosis.addresses import lost_addresses
from skill_runner.readiness.diagnosis.services import (
    lost_backend,
    missing_port,
    nearest,
    selects,
)
from skill_runner.readiness.diagnosis.volumes import binding_mode
from skill_runner.readiness.status import Verdict, compute
from skill_runner.readiness.status.dapr import has_ended, sidecar_of, wants_sidecar
from skill_runner.readiness.status.network import endpoints_of
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.readiness.status.storage import unclaimed
from skill_runner.readiness.status.table import RULES, group_of, is_custom, is_passive
from skill_runner.readiness.status.verdict import counted, failed, progressing, ready
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.children import WORKLOADS, Family
from skill_runner.readiness.wait.expected import Expected
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.selection import Selection
from skill_runner.readiness.wait.strimzi import of_pool
from skill_runner.readiness.wait.summary import summarise
from skill_runner.skill.model import WaitRule


@dataclass(frozen=True, slots=True)
class Watched:
    """One awaited object at this moment; `live` is None while it is not there."""

    expected: Expected
    live: Object | None
    verdict: Verdict
    family: Family


def rule_for(one: Expected, rules: Sequence[WaitRule]) -> WaitRule | None:
    """The skill's rule for an object, if it has one."""
    for rule in rules:
        if (rule.api_version, rule.kind, rule.name) == (
            one.ref.api_version,
            one.ref.kind,
            one.ref.name,
        ) and rule.namespace in (None, one.ref.namespace):
            return rule
    return None


def verdict_of(
    one: Expected, live: Object | None, rule: WaitRule | None, view: View, lookups: Lookups
) -> Verdict:
    """The verdict of the object by itself."""
    if rule is not None and rule.skip is not None:
        return compute(live, rule=rule)
    if one.uid and is_passive(one.ref.api_version, one.ref.kind) and rule is None:
        return ready("exists")
    selection = Selection.one(one.ref)
    if selection not in view.synced:
        return progressing("has not been checked yet")
    if selection in view.forbidden:
        return Verdict("unknown", f"cannot be read: {view.forbidden[selection]}")
    if selection in view.absent:
        what = f"the API does not serve {one.ref.kind} ({one.ref.api_version})"
        return Verdict("missing", what, {"unserved": True})
    if gone := _removed_by_ttl(one, live, view):
        return gone
    return compute(
        live,
        generation=one.generation,
        uid=one.uid,
        rule=rule,
        kind_has_status=_has_status(one, live, rule, lookups),
    )


def _has_status(
    one: Expected, live: Object | None, rule: WaitRule | None, lookups: Lookups
) -> bool | None:
    known = (group_of(one.ref.api_version), one.ref.kind) in RULES
    if known or rule or not is_custom(one.ref.api_version) or at(live, "status"):
        return None
    return lookups.has_status(one.ref)


def _removed_by_ttl(one: Expected, live: Object | None, view: View) -> Verdict | None:
    """A Job with a TTL that has gone or is going: what was seen of it last counts."""
    if live is not None and not at(live, "metadata.deletionTimestamp"):
        return None
    last = live or view.gone.get(one.ref)
    ttl = at(one.manifest, "spec.ttlSecondsAfterFinished", at(last, "spec.ttlSecondsAfterFinished"))
    if one.ref.kind != "Job" or ttl is None:
        return None
    for bad in ("Failed", "FailureTarget"):
        if last and is_true(found := condition(last, bad)):
            return failed(f"failed ({says(found or {})})", reason=at(found, "reason", ""))
    if last and is_true(condition(last, "Complete")):
        return ready("completed, and was removed by its TTL")
    if live is not None or (last is None and not one.made):
        return None
    note = "finished and was removed by its TTL before it was seen: nothing says that it succeeded"
    return ready(note, note=note)


def with_surroundings(
    watched: Sequence[Watched], view: View, classes: tuple[Object, ...] | None
) -> Iterator[Watched]:
    """The same, with claims that rightly wait, endpoints that lack, and the pods of operators."""
    events = tuple(view.of_kind("Event"))
    services = _services(watched)
    settled = all(one.verdict.is_ready for one in watched)
    for one in watched:
        verdict, kind = one.verdict, one.expected.ref.kind
        if kind == "PersistentVolumeClaim" and not verdict.is_ready and one.live:
            verdict = _claim(one.live, verdict, view, classes)
        elif kind == "Service" and verdict.is_ready and one.live:
            verdict = _service(one, view, watched)
        elif kind == "Ingress" and verdict.is_ready and one.live:
            verdict = _ingress(one, services)
        elif kind == "KafkaNodePool" and verdict.is_ready and one.live:
            verdict = of_pool(one.live, one.family.maker, one.family.pods, verdict)
        elif verdict.is_ready and not verdict.facts.get("skipped"):
            verdict = _sidecars(one, verdict)
            if kind in WORKLOADS and settled:
                verdict = _addressed(one, verdict, services)
        elif not verdict.is_ready and (tail := summarise(one.family.pods, events)):
            verdict = Verdict(verdict.state, f"{verdict.message}, {tail}", verdict.facts)
        yield Watched(one.expected, one.live, verdict, one.family)


def _claim(
    claim: Object, verdict: Verdict, view: View, classes: tuple[Object, ...] | None
) -> Verdict:
    if at(claim, "status.phase") != "Pending":
        return verdict
    if binding_mode(claim, classes) != "WaitForFirstConsumer":
        return verdict
    name = at(claim, "metadata.name")
    for pod in view.of_kind("Pod", at(claim, "metadata.namespace")):
        for volume in at(pod, "spec.volumes", []):
            if at(volume, "persistentVolumeClaim.claimName") == name:
                return verdict
    return unclaimed(claim)


def _service(one: Watched, view: View, watched: Sequence[Watched]) -> Verdict:
    """Endpoints count where a workload that we await is behind the Service."""
    selector = at(one.live, "spec.selector", {})
    space = one.expected.ref.namespace
    if not selector or at(one.live, "spec.type") == "ExternalName":
        return one.verdict
    selection = Selection(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        space,
        f"kubernetes.io/service-name={one.expected.ref.name}",
    )
    if selection in view.forbidden:
        return one.verdict
    behind = [w for w in watched if _is_behind(w, selector, space)]
    if not behind:
        return _unselected(one, selector, view.selected(selection), watched) or one.verdict
    if selection not in view.synced:
        return progressing("its endpoints have not been checked yet")
    pods = [
        p
        for w in behind
        for p in w.family.pods
        if matches(selector, at(p, "metadata.labels", {}))
        and pod_verdict(p).is_ready
        and not at(p, "metadata.deletionTimestamp")
    ]
    if pods and (lost := missing_port(one.live or {}, pods)):
        return progressing(lost, endpoints=True)
    names = (str(at(p, "metadata.name")) for p in pods)
    settled = endpoints_of(view.selected(selection), names)
    if not settled.is_ready:
        return Verdict(settled.state, settled.message, {**settled.facts, "endpoints": True})
    note = one.verdict.facts.get("note")
    facts = {**settled.facts, **({"note": note} if note else {})}
    return Verdict("ready", f"{one.verdict.message}, {settled.message}", facts)


_Services = Mapping[str, Mapping[str, Object]]  # by namespace, by name


def _services(watched: Sequence[Watched]) -> _Services:
    """The awaited Services; not those that stand for a name outside."""
    found: dict[str, dict[str, Object]] = {}
    for one in watched:
        ref = one.expected.ref
        if ref.kind == "Service" and one.live and at(one.live, "spec.type") != "ExternalName":
            found.setdefault(ref.namespace or "", {})[ref.name] = one.live
    return found


def _ingress(one: Watched, services: _Services) -> Verdict:
    lost = lost_backend(one.live or {}, services.get(one.expected.ref.namespace or "", {}))
    return progressing(lost, endpoints=True) if lost else one.verdict


def _addressed(one: Watched, verdict: Verdict, services: _Services) -> Verdict:
    """The same, with a note where the pods are told of a port that a Service does not have: it may
    be one that they never use."""
    space = one.expected.ref.namespace or ""
    if not verdict.is_ready or verdict.facts.get("note") or not one.live or space not in services:
        return verdict
    lost = next(lost_addresses(at(one.live, "spec.template", {}), space, services[space]), "")
    facts = {**verdict.facts, "note": lost} if lost else verdict.facts
    return Verdict(verdict.state, verdict.message, facts)


def _unselected(
    one: Watched,
    selector: Mapping[str, Any],
    slices: Iterable[Object],
    watched: Sequence[Watched],
) -> Verdict | None:
    """The verdict of a Service that selects no pod, and all but selects a workload of ours that no
    other Service selects: a label is misspelt, here or there.

    Without such a workload nothing is wrong: one that is scaled to zero, or somebody else's pods.
    """
    if any(s.get("endpoints") for s in slices):
        return None
    space = one.expected.ref.namespace
    others = [
        at(w.live, "spec.selector", {})
        for w in watched
        if w.expected.ref.kind == "Service" and w.expected.ref.namespace == space and w is not one
    ]
    templates = {
        f"{w.expected.ref.kind} {w.expected.ref.name}": labels
        for w in watched
        if w.expected.ref.kind in WORKLOADS
        and w.expected.ref.namespace == space
        and (labels := at(w.live, "spec.template.metadata.labels", {}))
        and not any(other and matches(other, labels) for other in others)
    }
    if not (near := nearest(selector, templates)):
        return None
    told = f"selects {selects(selector)}, which no pod has; {near[0]} has {near[1]}"
    return progressing(told, endpoints=True)


def _is_behind(one: Watched, selector: Mapping[str, Any], space: str | None) -> bool:
    if one.expected.ref.namespace != space or one.live is None or one.verdict.facts.get("skipped"):
        return False
    kind = one.expected.ref.kind
    if kind == "Pod":
        return matches(selector, at(one.live, "metadata.labels", {}))
    if kind not in WORKLOADS:
        return False
    wanted = "status.desiredNumberScheduled" if kind == "DaemonSet" else "spec.replicas"
    if count(one.live, wanted, 1) == 0:  # no pod is to be there
        return False
    return matches(selector, at(one.live, "spec.template.metadata.labels", {}))


def matches(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def _sidecars(one: Watched, verdict: Verdict) -> Verdict:
    """No controller misses a Dapr sidecar: a Deployment is available without.

    A pod that is going counts too: its successor is not there yet, and may be told of later.
    """
    asking = [p for p in one.family.pods if wants_sidecar(p) and not has_ended(p)]
    bare = sum(1 for p in asking if sidecar_of(p) is None)
    if not bare:
        return verdict
    return counted(len(asking) - bare, len(asking), "pods have their Dapr sidecar")
