"""Everything that can be wrong with one pod: its place, its volumes, its containers, its probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.containers import PodView, container_symptoms, missing_words
from skill_runner.readiness.diagnosis.missing_config import missing_of
from skill_runner.readiness.diagnosis.probes import probe_symptoms
from skill_runner.readiness.diagnosis.scheduling import scheduling_symptoms
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.dapr import ENABLED, SIDECAR, lacks_sidecar
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.text.quoting import excerpt

_GOING = (
    "Evicted",
    "Preempting",
    "Shutdown",
    "NodeShutdown",
    "Terminated",
    "NodeLost",
    "UnexpectedAdmissionError",
    "NodeAffinity",
    "OutOfcpu",
    "OutOfmemory",
)


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
    reason = at(pod, "status.reason", "")
    verdict = pod_verdict(pod).message
    if reason in _GOING:
        return symptom_of(pod, "Evicted", f"the pod {verdict}", owner=view.owner)
    name = at(pod, "metadata.name", "")
    inner = next(iter(container_symptoms(PodView(pod, view.events, view.logs, view.owner))), None)
    cause = inner.cause if inner else f"pod {name} {verdict}"
    lines = inner.lines if inner else ()
    hook = at(pod, "metadata.annotations", {}).get("helm.sh/hook")
    kind = "JobRetrying" if view.of_job else "HookFailed" if hook else "PodFailed"
    return symptom_of(
        pod, kind, cause, lines=lines, owner=view.owner, container=inner.container if inner else ""
    )


def _volumes(view: PodView) -> Iterator[Symptom]:
    statuses = at(view.pod, "status.containerStatuses", [])
    if any(at(s, "state.running") is not None for s in statuses):
        return
    begun = _last_start(statuses)
    for seen in reversed(view.events):
        if begun and seen.last <= begun:
            continue  # it is over: a container has begun since
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
    return max((str(at(s, place, "")) for s in statuses for place in places), default="")


def _sidecar(view: PodView) -> Iterator[Symptom]:
    """A pod is injected when it is made or never: no event tells that it was not."""
    if lacks_sidecar(view.pod):
        name = at(view.pod, "metadata.name", "")
        cause = (
            f"pod {name} asks for a Dapr sidecar and has none: no injector served when it was made"
        )
        told = f"pod {name}: annotation {ENABLED} is true, and there is no container {SIDECAR}"
        yield symptom_of(view.pod, "SidecarMissing", cause, owner=view.owner, lines=(told,))
