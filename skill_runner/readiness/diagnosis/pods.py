"""Everything that can be wrong with one pod: its place, its volumes, its containers, its probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.containers import container_symptoms, missing_words
from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.diagnosis.missing_config import missing_of
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.probes import probe_symptoms
from skill_runner.readiness.diagnosis.scheduling import scheduling_symptoms
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.dapr import ENABLED, SIDECAR, lacks_sidecar
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.text.quoting import excerpt

# Reasons of a pod that was to go: kubelet's eviction, preemption and shutdown managers, the node
# lifecycle and the taint controllers (pkg/kubelet, pkg/controller of Kubernetes 1.34).
_GOING: Final = frozenset(
    {"Evicted", "Preempting", "Shutdown", "NodeShutdown", "Terminated", "NodeLost"}
)


# The kubelet's and the attach controller's words for what comes after volumes and sandbox, from
# pkg/kubelet/events/event.go and pkg/controller/volume/events/event.go.
_FURTHER: Final = frozenset({"Pulling", "Pulled", "Created", "Started"})
_ATTACHED: Final = frozenset({"SuccessfulAttachVolume"})


def pod_symptoms(view: PodView, nodes: tuple[Object, ...] | None) -> tuple[Symptom, ...]:
    """Symptoms of one pod; none of a pod that is ready or going."""
    pod = view.pod
    if at(pod, "metadata.deletionTimestamp") or pod_verdict(pod).is_ready:
        return ()
    if at(pod, "status.phase") == "Failed":
        return (_failed(view),)
    return (
        *scheduling_symptoms(view, nodes),
        *_volumes(view),
        *container_symptoms(view),
        *probe_symptoms(view),
        *_sidecar(view),
    )


def _failed(view: PodView) -> Symptom:
    pod = view.pod
    name, reason = at(pod, "metadata.name", ""), at(pod, "status.reason", "")
    verdict = pod_verdict(pod).message
    if is_given_up(pod):
        row = "Evicted" if reason in _GOING else "PodRejected"
        cause = f"the pod {verdict}; its controller makes another"
        told = f"kubelet: {at(pod, 'status.message', '') or verdict}"
        return symptom_of(pod, row, cause, owner=view.owner, lines=(told,))
    inner = next(container_symptoms(replace(view, of_job=False)), None)
    cause = inner.cause if inner else f"pod {name} {verdict}"
    lines = inner.lines if inner else ()
    hook = at(pod, "metadata.annotations", {}).get("helm.sh/hook")
    kind = "JobRetrying" if view.of_job else "HookFailed" if hook else "PodFailed"
    return symptom_of(
        pod, kind, cause, lines=lines, owner=view.owner, container=inner.container if inner else ""
    )


def is_given_up(pod: Object) -> bool:
    """Tell whether a pod has failed and its controller makes another: containers that are to run
    for ever do not fail by themselves, so the kubelet has refused it or let it go."""
    return (
        at(pod, "status.phase") == "Failed"
        and at(pod, "spec.restartPolicy", "Always") == "Always"
        and any(owner.get("controller") for owner in at(pod, "metadata.ownerReferences", []))
    )


def _volumes(view: PodView) -> Iterator[Symptom]:
    statuses = tuple(container_statuses(view.pod))
    if any(at(s, "state.running") is not None for s in statuses):
        return
    begun = max(_last_start(statuses), _last_sign(view.events))
    attached = max((e.last for e in view.events if e.reason in _ATTACHED), default="")
    for seen in reversed(view.events):
        if begun and seen.last <= begun:
            continue  # it is over: the node has come further since
        if seen.reason == "FailedAttachVolume" and seen.last <= attached:
            continue
        if seen.reason == "FailedCreatePodSandBox":
            cause = f"the node cannot set up the pod ({excerpt(seen.message)})"
            yield symptom_of(
                view.pod,
                "SandboxFailed",
                cause,
                owner=view.owner,
                lines=(f"kubelet: {seen.message}",),
            )
            return
        if seen.reason not in ("FailedMount", "FailedAttachVolume", "FailedMapVolume"):
            continue
        subject, told = "", excerpt(seen.message)
        reason, cause = "VolumeMountFailing", f"a volume cannot be mounted ({told})"
        if missing := missing_of(seen.message):
            reason, cause = missing_words(missing, view)
            subject = cause
        if "failed to sync" in seen.message:
            reason = "CacheSync"
        yield symptom_of(
            view.pod,
            reason,
            cause,
            owner=view.owner,
            lines=(f"kubelet: {seen.message}",),
            subject=subject,
        )
        return


def _last_start(statuses: Sequence[Mapping[str, Any]]) -> str:
    """Return when a container last began: its volumes were there by then."""
    places = ("state.terminated.startedAt", "lastState.terminated.startedAt")
    return max((str(at(s, place, ""))[:19] for s in statuses for place in places), default="")


def _last_sign(events: Sequence[Seen]) -> str:
    """Return when the kubelet last came to an image or a container: it does so once the pod has its
    volumes and its sandbox."""
    return max((e.last for e in events if e.reason in _FURTHER), default="")


def _sidecar(view: PodView) -> Iterator[Symptom]:
    """A pod is injected when it is made or never: no event tells that it was not."""
    if lacks_sidecar(view.pod):
        name = at(view.pod, "metadata.name", "")
        cause = (
            f"pod {name} asks for a Dapr sidecar and has none: no injector served when it was made"
        )
        told = f"pod {name}: annotation {ENABLED} is true, and there is no container {SIDECAR}"
        yield symptom_of(view.pod, "SidecarMissing", cause, owner=view.owner, lines=(told,))
