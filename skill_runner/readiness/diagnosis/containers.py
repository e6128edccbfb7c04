"""Container statuses of one pod, its events and last log lines → symptoms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.commands import missing_command
from skill_runner.readiness.diagnosis.crash import crash_symptoms
from skill_runner.readiness.diagnosis.missing_config import Missing, missing_of
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.pull import classify_pull, explain_pull
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.text.quoting import excerpt, named

_PULL_REASONS: Final = (
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
)
# pkg/kubelet/events/event.go: FailedToRetrieveImagePullSecret
_SECRETS: Final = re.compile(r"Unable to retrieve some image pull secrets \(([^)]{1,600})\)")


def container_symptoms(view: PodView) -> Iterator[Symptom]:
    """Find what is wrong with the containers of a pod, init containers and sidecars among them."""
    for status in container_statuses(view.pod):
        waiting = at(status, "state.waiting", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _PULL_REASONS:
            yield from _pull(view, status, f"{reason}: {message}" if "Sig" in reason else message)
        elif reason in ("InvalidImageName", "ErrImageNeverPull"):
            yield _named_image(view, status, reason, message)
        elif reason in ("CreateContainerConfigError", "CreateContainerError"):
            yield _config(view, status, reason, message)
        else:
            yield from crash_symptoms(view, status)


def _pull(view: PodView, status: Mapping[str, Any], message: str) -> Iterator[Symptom]:
    name, image = status["name"], image_of(view.pod, status)
    tries = [
        e
        for e in view.events
        if e.reason in ("Failed", "BackOff")
        and e.container == name
        and "Failed to pull image" in e.message
    ]
    texts = [message, *[e.message for e in reversed(tries)]]
    told = next(((r, t) for t in texts if (r := classify_pull(t, image))), None)
    reason, text = told or ("ImagePullSlow", message)
    missing = _missing_secrets(view)
    if reason in ("ImagePullDenied", "ImageNotFound") and missing:
        reason = "PullSecretMissing"  # a registry may hide what it does not show to strangers
    if told is None and not any(t for t in texts):
        return
    yield symptom_of(
        view.pod,
        reason,
        explain_pull(reason, image, text),
        container=name,
        lines=(f"kubelet: {text}", *((f"kubelet: no pull secret {missing}",) if missing else ())),
        owner=view.owner,
        subject=image,
        sightings=max(1, sum(e.count for e in tries)),
    )


def _missing_secrets(view: PodView) -> str:
    """The pull secrets that the kubelet did not find, by name; they may be on their way."""
    found = [m[1] for e in view.events if (m := _SECRETS.search(e.message))]
    return found[-1] if found else ""


def image_of(pod: Object, status: Mapping[str, Any]) -> str:
    """The image as the pod asks for it; the status has it resolved."""
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for container in at(pod, f"spec.{part}", []):
            if container.get("name") == status.get("name"):
                return str(container.get("image", ""))
    return str(status.get("image", ""))


def _named_image(view: PodView, status: Mapping[str, Any], reason: str, message: str) -> Symptom:
    image = image_of(view.pod, status)
    cause = {
        "InvalidImageName": f"{excerpt(image)} is no valid image reference",
        "ErrImageNeverPull": f"image {named(image)} is not on the node, and its pull policy is "
        "Never",
    }[reason]
    return symptom_of(
        view.pod,
        reason,
        cause,
        container=status["name"],
        lines=(f"kubelet: {message}",),
        owner=view.owner,
        subject=image,
    )


def _config(view: PodView, status: Mapping[str, Any], reason: str, message: str) -> Symptom:
    name = status["name"]
    more: dict[str, Any] = {
        "container": name,
        "lines": (f"kubelet: {message}",),
        "owner": view.owner,
    }
    if "failed to sync" in message and "cache" in message:
        return symptom_of(view.pod, "CacheSync", "the kubelet's cache is late", **more)
    if missing := missing_of(message):
        reason, cause = missing_words(missing, view)
        return symptom_of(view.pod, reason, cause, subject=cause, **more)
    if "runAsNonRoot" in message or "non-numeric user" in message:
        cause = f"the pod demands a non-root user, its image runs as another ({excerpt(message)})"
        return symptom_of(view.pod, "RunAsNonRoot", cause, **more)
    if command := missing_command(message):  # CRI-O runs `create` before it reports anything
        cause = f"container {name}: its command {excerpt(command)} cannot be run"
        return symptom_of(view.pod, "CommandNotFound", cause, sightings=_tries(view, name), **more)
    if "no command specified" in message:
        cause = "neither the image nor the pod names a command"
        more["sightings"] = 2
        return symptom_of(view.pod, "CommandNotFound", cause, **more)
    cause = f"container {name} cannot be created ({excerpt(message) if message else named(reason)})"
    return symptom_of(view.pod, "RunContainerError", cause, sightings=_tries(view, name), **more)


def _tries(view: PodView, container: str) -> int:
    tries = (e.count for e in view.events if e.container == container and e.reason == "Failed")
    return max(1, sum(tries))


def missing_words(missing: Missing, view: PodView) -> tuple[str, str]:
    """Reason and cause of what the kubelet does not find."""
    namespace = at(view.pod, "metadata.namespace", "")
    if missing in view.arrived:
        return "ConfigUnseen", missing.unseen(namespace)
    return "ConfigMissing", missing.absent(namespace)
