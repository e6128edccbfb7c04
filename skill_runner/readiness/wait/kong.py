"""What a gateway of Kong refuses: one bad object stops every later change, and no probe says so.

The controller pushes the whole configuration at once, every few seconds until it is taken. That it
is not taken now, only its counters say: of its events it keeps most to itself after the first
minute, and a gauge of broken resources stays up when the bad object is deleted. Which object is
meant, only the events say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import Forbidden, NotFound, SkillError
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.diagnosis.events import last_time
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.verdict import progressing
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.verdicts import Watched
from skill_runner.text.quoting import excerpt

APPLY_FAILED: Final = "KongConfigurationApplyFailed"
METRICS: Final = 10255  # port of the controller
TICKS: Final = 8  # seconds in which a controller whose push was refused pushes again, twice
TIMEOUT: Final = 5.0  # seconds for the controller's answer
MOST: Final = 8  # objects that are named
ROUTES: Final = frozenset({"HTTPRoute", "GRPCRoute", "Ingress", "KongConsumer"})
_REFUSED: Final = re.compile(
    r'^ingress_controller_configuration_push_count\{[^}]*success="false"[^}]*\} (\S+)$', re.M
)


@dataclass(frozen=True, slots=True)
class Refused:
    """An object that a gateway does not take, and why not, in the gateway's words."""

    ref: Ref
    message: str

    def __str__(self) -> str:
        return f"{self.ref}: {self.message}"


async def refused_objects(
    cluster: Cluster, clock: Clock, namespace: str | None = None
) -> tuple[Refused, ...]:
    """The objects because of which a gateway refuses its configuration now, the newest first.

    Of a gateway that refuses without naming an object, its own pod. `namespace` is where events
    are read when they may not be read everywhere.
    """
    events = await _events(cluster, namespace)
    pods = {ref for ref in map(_about, events) if ref.kind == "Pod"}
    refusing = [pod for pod in sorted(pods) if await _is_refused(cluster, clock, pod)]
    if not refusing:
        return ()
    said: dict[Ref, str] = {}
    for event in sorted(events, key=last_time, reverse=True):
        ref = _about(event)
        if ref.kind != "Pod" and ref not in said and await _exists(cluster, ref):
            said[ref] = excerpt(str(event.get("message", "")))
    if not said:
        said = {refusing[0]: "the controller names no object; its log may"}
    return tuple(Refused(ref, message) for ref, message in said.items())[:MOST]


async def _events(cluster: Cluster, namespace: str | None) -> tuple[Object, ...]:
    reason = f"reason={APPLY_FAILED}"
    try:
        return (await cluster.list("v1", "Event", fields=reason)).items
    except Forbidden:
        if namespace is None:
            return ()
        return (await cluster.list("v1", "Event", namespace=namespace, fields=reason)).items


def _about(event: Object) -> Ref:
    about = at(event, "involvedObject", {})
    return Ref(
        about.get("apiVersion", ""),
        about.get("kind", ""),
        about.get("name", ""),
        about.get("namespace"),
    )


async def _exists(cluster: Cluster, ref: Ref) -> bool:
    try:
        await cluster.get(ref)
    except NotFound:
        return False
    except Forbidden:
        return True
    return True


async def _is_refused(cluster: Cluster, clock: Clock, pod: Ref) -> bool:
    """Tell whether the refusals that a controller counts become more."""
    before = await _refusals(cluster, pod)
    for _ in range(TICKS if before else 0):
        await clock.sleep(1)
        if await _refusals(cluster, pod) > before:
            return True
    return False


async def _refusals(cluster: Cluster, pod: Ref) -> float:
    """How often its gateway refused a controller's push; 0 for a pod that is gone."""
    try:
        async with (
            cluster.port_forward(str(pod.namespace), pod.name, METRICS) as local,
            httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client,
        ):
            answer = await client.get(f"http://127.0.0.1:{local}/metrics")
    except (SkillError, OSError, httpx.HTTPError):
        return 0.0
    return sum(float(number) for number in _REFUSED.findall(answer.text))


def with_gateways(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Watched]:
    """The same, with an Ingress without an address not called ready where its gateway refuses."""
    for one in watched:
        is_ingress = one.expected.ref.kind == "Ingress"
        unanswered = is_ingress and one.live and not at(one.live, "status.loadBalancer.ingress")
        if unanswered and one.verdict.is_ready and (found := _refused(lookups)):
            said = f"has no address yet: the gateway refuses {found[0].ref}"
            yield Watched(one.expected, one.live, progressing(said), one.family)
        else:
            yield one


def gateway_symptoms(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Symptom]:
    """One for the object that a gateway refuses, where something waits for that gateway."""
    late = [one for one in watched if not one.verdict.is_ready and _waits_for_gateway(one)]
    if not late or not (found := _refused(lookups)):
        return
    ref = found[0].ref
    meta = {"name": ref.name, "namespace": ref.namespace}
    yield symptom_of(
        {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta},
        "GatewayConfigRejected",
        sentence(found[0]),
        lines=tuple(f"event of {each}" for each in found),
        owner=f"{late[0].expected.ref.kind} {late[0].expected.ref.name}",
    )


def sentence(refused: Refused) -> str:
    """What a refusal means, as a problem's cause."""
    return f"the gateway refuses its whole configuration because of {refused}"


def _refused(lookups: Lookups) -> tuple[Refused, ...]:
    """The refused objects as of the last seconds; none before they are known."""
    ask = partial(refused_objects, lookups.cluster, lookups.clock)
    return lookups.renewed("refused by a gateway", ask) or ()


def _waits_for_gateway(one: Watched) -> bool:
    """Tell whether only a gateway's controller can make it ready, or it is that gateway."""
    if one.verdict.facts.get("skipped"):
        return False
    if one.expected.ref.kind in ROUTES:
        return True
    return any(
        c.get("name") == "ingress-controller"
        for pod in one.family.pods
        for c in at(pod, "spec.containers", [])
    )
