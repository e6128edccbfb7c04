"""The view at one moment → verdicts, symptoms, and what else should be followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skill_runner.objects import Object, at, condition, count, is_false
from skill_runner.readiness.diagnosis import (
    PodView,
    Scene,
    Symptom,
    Target,
    find_symptoms,
    read_events,
)
from skill_runner.readiness.diagnosis.crash import last_end
from skill_runner.readiness.diagnosis.events import Seen, about
from skill_runner.readiness.diagnosis.missing_config import Missing, missed_by
from skill_runner.readiness.diagnosis.pods import is_given_up
from skill_runner.readiness.diagnosis.probe_times import container_spec
from skill_runner.readiness.diagnosis.repeats import end_of
from skill_runner.readiness.diagnosis.symptom import symptom_of
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.children import family_of
from skill_runner.readiness.wait.components import component_symptoms, with_components
from skill_runner.readiness.wait.doubt import doubt_of, relapse_of_any
from skill_runner.readiness.wait.expected import Expected
from skill_runner.readiness.wait.kong import gateway_symptoms, with_gateways
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.patience import patient
from skill_runner.readiness.wait.scaling import scaling_symptoms, with_scaling
from skill_runner.readiness.wait.spaces import namespace_symptoms
from skill_runner.readiness.wait.unreported import unobserved_symptoms
from skill_runner.readiness.wait.verdicts import Watched, rule_for, verdict_of, with_surroundings
from skill_runner.readiness.wait.webhooks import webhook_symptoms, with_webhooks
from skill_runner.skill.model import WaitRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`pulse` changes when a container restarts or stops being ready. `troubled` are the objects
    whose events are wanted. `doubt` are the seconds that readiness has to hold; `relapse` those
    that a container which came back has yet to run."""

    watched: tuple[Watched, ...]
    symptoms: tuple[Symptom, ...]
    troubled: tuple[Object, ...]
    pods: tuple[Object, ...]
    claims: tuple[Object, ...]
    pulse: frozenset[tuple[str, str, int, bool]]
    doubt: float
    relapse: float
    unproven: bool

    @property
    def all_ready(self) -> bool:
        return all(w.verdict.is_ready for w in self.watched)


def look(
    expected: Sequence[Expected],
    rules: Sequence[WaitRule],
    view: View,
    lookups: Lookups,
    now: float,
) -> Look:
    """Everything that can be said `now` (epoch). Asks `lookups` for what is missing; it comes
    later."""
    watched = tuple(_watch(one, rules, view, lookups) for one in expected)
    claims = tuple(view.of_kind("PersistentVolumeClaim"))
    pending = any(at(c, "status.phase") != "Bound" for c in claims)
    classes = lookups.classes() if pending else ()
    watched = _qualified(tuple(with_surroundings(watched, view, classes)), lookups)
    scene = _scene(watched, claims, classes, view, lookups, now)
    pods = tuple(dict(v.pod) for v in scene.pods)
    return Look(
        watched=watched,
        symptoms=patient(find_symptoms(scene), watched),
        troubled=tuple(_troubled(watched, claims)),
        pods=pods,
        claims=claims,
        pulse=_pulse(pods),
        doubt=doubt_of(pods, now),
        relapse=relapse_of_any(pods, now),
        unproven=any(w.verdict.facts.get("unproven") and w.expected.changed for w in watched),
    )


def _scene(
    watched: tuple[Watched, ...],
    claims: tuple[Object, ...],
    classes: tuple[Object, ...] | None,
    view: View,
    lookups: Lookups,
    now: float,
) -> Scene:
    events = read_events(view.of_kind("Event"))
    families = [w.family for w in watched]
    views = tuple(_pod_views(watched, events, lookups, now))
    lost = any(is_false(condition(v.pod, "PodScheduled")) for v in views)
    return Scene(
        targets=tuple(_target(w) for w in watched if not w.verdict.facts.get("skipped")),
        pods=views,
        makers=tuple((f.maker, f.owner) for f in families if f.maker),
        claims=claims,
        events=events,
        nodes=lookups.nodes() if lost else None,
        classes=classes,
        more=tuple(_symptoms_beside_pods(watched, lookups)),
        leaving=_leaving(view),
    )


def _qualified(watched: tuple[Watched, ...], lookups: Lookups) -> tuple[Watched, ...]:
    """The same, not ready where an autoscaler, a webhook, a Dapr component or a gateway says so."""
    watched = tuple(with_scaling(watched, lookups))
    watched = tuple(with_webhooks(watched, lookups))
    watched = tuple(with_components(watched, lookups))
    return tuple(with_gateways(watched, lookups))


def _symptoms_beside_pods(watched: tuple[Watched, ...], lookups: Lookups) -> Iterator[Symptom]:
    yield from _forbidden(watched)
    yield from _endpoints(watched)
    yield from unobserved_symptoms(watched)
    yield from namespace_symptoms(watched, lookups)
    yield from scaling_symptoms(watched)
    yield from webhook_symptoms(watched)
    yield from component_symptoms(watched, lookups)
    yield from gateway_symptoms(watched, lookups)


def _watch(one: Expected, rules: Sequence[WaitRule], view: View, lookups: Lookups) -> Watched:
    live = view.get(one.ref)
    if one.former and at(live, "metadata.uid") == one.former:
        live = None
    verdict = verdict_of(one, live, rule_for(one, rules), view, lookups)
    return Watched(one, live, verdict, family_of(one, live or dict(one.manifest), view))


def _target(one: Watched) -> Target:
    ref = one.expected.ref
    meta = {
        **at(one.expected.manifest, "metadata", {}),
        "name": ref.name,
        "namespace": ref.namespace,
    }
    stand_in = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta}
    return Target(
        one.live or {**one.expected.manifest, **stand_in},
        one.verdict,
        one.expected.made or one.expected.uid is not None,
    )


def _pod_views(
    watched: Sequence[Watched], events: tuple[Seen, ...], lookups: Lookups, now: float
) -> Iterator[PodView]:
    seen = set()
    for one in watched:
        if one.verdict.facts.get("skipped"):
            continue
        replaced = _are_replaced(one)
        for pod in one.family.pods:
            uid = at(pod, "metadata.uid", "")
            if uid in seen or (replaced and is_given_up(pod)):
                continue
            seen.add(uid)
            of_it = about(events, uid)
            logs = _logs(pod, lookups)
            yield PodView(
                pod,
                of_it,
                {name: text for name, (text, _) in logs.items()},
                one.family.owner,
                one.family.of_job,
                _answers(pod, of_it, lookups),
                _arrived(pod, of_it, lookups),
                now,
                frozenset(name for name, (_, fresh) in logs.items() if fresh),
            )


def _are_replaced(one: Watched) -> bool:
    """Tell whether as many pods are there as are to be, without those that have failed."""
    kind = one.expected.ref.kind
    path = "status.desiredNumberScheduled" if kind == "DaemonSet" else "spec.replicas"
    there = [p for p in one.family.pods if at(p, "status.phase") != "Failed"]
    return len(there) >= count(one.live, path, 1)


def _logs(pod: Object, lookups: Lookups) -> dict[str, tuple[str, bool]]:
    """Last lines of containers that ended with an error, once for each end; whether they are of
    this end."""
    found: dict[str, tuple[str, bool]] = {}
    if pod_verdict(pod).is_ready:
        return found
    for status in container_statuses(pod):
        ended = last_end(status)
        if ended is None or not ended.get("exitCode") or status.get("ready"):
            continue
        now = at(status, "state.terminated") is not None
        found[status["name"]] = lookups.log(pod, status["name"], end_of(status, ended), ended=now)
    return found


def _answers(pod: Object, events: tuple[Seen, ...], lookups: Lookups) -> dict[str, str]:
    """The bodies behind "HTTP probe failed with statuscode"."""
    failing = {e.container for e in events if e.reason == "Unhealthy" and "statuscode" in e.message}
    if not failing or pod_verdict(pod).is_ready:
        return {}
    return {
        name: lookups.answer(pod, name, dict(probe))
        for name in failing
        if (probe := at(container_spec(pod, name), "readinessProbe"))
    }


def _arrived(pod: Object, events: tuple[Seen, ...], lookups: Lookups) -> frozenset[Missing]:
    """Return what the kubelet missed and is there by now."""
    if pod_verdict(pod).is_ready or at(pod, "metadata.deletionTimestamp"):
        return frozenset()
    space = at(pod, "metadata.namespace", "")
    return frozenset(m for m in missed_by(pod, events) if lookups.arrived(space, m))


def _forbidden(watched: Sequence[Watched]) -> Iterator[Symptom]:
    for one in watched:
        if one.verdict.state == "unknown":
            cause = f"{one.expected.ref} {one.verdict.message}"
            yield symptom_of(_target(one).obj, "Forbidden", cause, lines=(one.verdict.message,))


def _endpoints(watched: Sequence[Watched]) -> Iterator[Symptom]:
    """Services and Ingresses alone are late: everything else is ready."""
    late = [w for w in watched if w.verdict.facts.get("endpoints") and not w.verdict.is_ready]
    if late and all(w.verdict.is_ready or w in late for w in watched):
        for one in late:
            ref = one.expected.ref
            cause = f"{ref.kind} {ref.name} {one.verdict.message}"
            cause += ", though its pods are ready" if "done" in one.verdict.facts else ""
            yield symptom_of(_target(one).obj, "EndpointsMissing", cause)


def _troubled(watched: Sequence[Watched], claims: Sequence[Object]) -> Iterator[Object]:
    for one in watched:
        if one.verdict.is_ready:
            continue
        for obj in (one.live, one.family.maker):
            if obj is not None and at(obj, "metadata.uid"):
                yield obj
        for pod in one.family.pods:
            if not at(pod, "metadata.deletionTimestamp") and not pod_verdict(pod).is_ready:
                yield pod
    for claim in claims:
        if at(claim, "status.phase") != "Bound":
            yield claim


def _leaving(view: View) -> dict[str, float]:
    """Seconds that pods may take which go, or have gone during this wait, by namespace: what they
    hold of a quota is free only then."""
    gone = [pod for ref, pod in view.gone.items() if ref.kind == "Pod"]
    going = [p for p in view.of_kind("Pod") if at(p, "metadata.deletionTimestamp")]
    found: dict[str, float] = {}
    for pod in (*gone, *going):
        space = at(pod, "metadata.namespace", "")
        takes = float(at(pod, "spec.terminationGracePeriodSeconds", 30))
        found[space] = max(found.get(space, 0.0), takes)
    return found


def _pulse(pods: Sequence[Object]) -> frozenset[tuple[str, str, int, bool]]:
    return frozenset(
        (
            at(p, "metadata.uid", ""),
            str(s.get("name")),
            int(s.get("restartCount", 0)),
            bool(s.get("ready")),
        )
        for p in pods
        if not at(p, "metadata.deletionTimestamp")
        for s in container_statuses(p)
    )
