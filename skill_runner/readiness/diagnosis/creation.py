"""Pods that the API server refuses to make: quota, Pod Security, LimitRange, webhooks, accounts.

The controllers write the refusal into FailedCreate events and a ReplicaFailure condition; the same
words come back to us from our own requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from skill_runner.objects import Object, at, condition, count, is_true
from skill_runner.readiness.diagnosis.events import Seen, about
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.text.quoting import excerpt, named

_PATTERNS: Final = (
    ("NamespaceTerminating", r"because it is being terminated|namespace \S+ is being terminated"),
    ("WebhookUnavailable", r"failed calling webhook|failed to call webhook"),
    ("AdmissionDenied", r"admission webhook \"[^\"]*\" denied|ValidatingAdmissionPolicy"),
    ("QuotaExceeded", r"exceeded quota|failed quota|insufficient quota"),
    ("PodSecurity", r"violates PodSecurity"),
    (
        "LimitRange",
        r"(?:maximum|minimum) \S+ usage per|max limit to request ratio|"
        r"must specify limits|must be less than or equal to \S+ limit of",
    ),
    (
        "ServiceAccountMissing",
        r"serviceaccount \"?[^ ]+\"? not found|"
        r"error looking up service account",
    ),
    ("ClassMissing", r"no PriorityClass with name|RuntimeClass \"?[^ ]+\"? not found"),
    ("PodInvalid", r"is invalid: "),
    ("AdmissionDenied", r"is forbidden: "),
)
_COMPILED: Final = tuple((reason, re.compile(p, re.IGNORECASE)) for reason, p in _PATTERNS)


# An API server's or etcd's own trouble, and a quota that nobody has counted yet: it tries again.
_PASSING: Final = re.compile(
    r"etcdserver: |status unknown for quota|not yet ready to handle request|too many requests|"
    r"server is currently unable to handle|object has been modified",
    re.IGNORECASE,
)


def classify_refusal(message: str) -> str | None:
    """The policy's reason for a refused request, or None where the message is none of these."""
    found = next((reason for reason, p in _COMPILED if p.search(message)), None)
    return None if found != "WebhookUnavailable" and _PASSING.search(message) else found


def creation_symptoms(
    owner: Object,
    events: tuple[Seen, ...],
    workload: str,
    leaving: Mapping[str, float] = MappingProxyType({}),
) -> Iterator[Symptom]:
    """Explain a ReplicaSet, StatefulSet, DaemonSet, Job or StrimziPodSet that cannot make its pods
    (now). `leaving` are the seconds in which pods that go free their part of a quota."""
    message = _current_refusal(owner, events)
    if not message or not _lacks_pods(owner):
        return
    reason, space = classify_refusal(message), at(owner, "metadata.namespace", "")
    if reason:
        yield symptom_of(
            owner,
            reason,
            explain_refusal(reason, message),
            owner=workload,
            lines=tuple(refusal_lines(owner, reason, message)),
            grace=leaving.get(space, 0.0) if reason == "QuotaExceeded" else 0.0,
        )


def _current_refusal(owner: Object, events: tuple[Seen, ...]) -> str:
    failure = condition(owner, "ReplicaFailure")
    if failure and is_true(failure):
        return str(failure.get("message", ""))
    if owner.get("kind") == "StrimziPodSet":  # it writes no events
        return str(at(condition(owner, "Error"), "message", ""))
    seen = about(events, at(owner, "metadata.uid", ""))
    made = max((e.last for e in seen if e.reason == "SuccessfulCreate"), default="")
    refused = [e for e in seen if e.reason == "FailedCreate" and e.last >= made]
    return refused[-1].message if refused else ""


def _lacks_pods(owner: Object) -> bool:
    kind = owner.get("kind")
    if kind == "DaemonSet":
        return count(owner, "status.currentNumberScheduled") < count(
            owner, "status.desiredNumberScheduled"
        )
    if kind == "Job":
        return not count(owner, "status.active") and not count(owner, "status.succeeded")
    if kind == "StrimziPodSet":
        return count(owner, "status.pods") < len(at(owner, "spec.pods", []))
    return count(owner, "status.replicas") < count(owner, "spec.replicas", 1)


def refusal_text(message: str) -> str:
    """The refusal without the controller's introduction."""
    text = re.sub(
        r"^Error creating: |^create pod \S+ in \S+ \S+ failed error: "
        r"|^Failure executing: \S+ at: \S+ Message: ",
        "",
        message,
        flags=re.IGNORECASE,
    )
    text = text.partition(". Received status: Status(")[0]  # the same once more, by Java's client
    return re.sub(r'^pods "[^"]*" is forbidden: ', "", text).strip()


def refusal_lines(owner: Object, reason: str, message: str) -> Iterator[str]:
    """The admission message; Pod Security's, which lists all its violations, a line for each."""
    speaker = f"{owner.get('kind')} controller"
    found = violations(message) if reason == "PodSecurity" else ()
    for text in found or (refusal_text(message),):
        yield f"{speaker}: {text}"


def violations(message: str) -> tuple[str, ...]:
    """The parts of a Pod Security message: `what (which container must set what)`."""
    text = message.partition('PodSecurity "')[2].partition('": ')[2]
    return tuple(part.strip() for part in re.split(r"(?<=\)), ", text) if part.strip())


def explain_refusal(reason: str, message: str) -> str:
    """One sentence for a person, with the admission message."""
    text = refusal_text(message)
    if reason == "PodSecurity":
        level = re.search(r'PodSecurity "([^"]+)"', text)
        which = ", ".join(v.partition(" (")[0] for v in violations(text))
        level_name = named(level[1]) if level else "?"
        return f"the pod violates PodSecurity {level_name}: {excerpt(which or text, 240)}"
    text, whole = excerpt(text, 240), text
    found = re.search(r"service account ([^ :]+)|serviceaccount \"([^\"]+)\"", whole)
    name = next((g for g in found.groups() if g), "?") if found else "?"
    return {
        "QuotaExceeded": f"the namespace's quota refuses the pod: {text}",
        "LimitRange": f"the namespace's LimitRange refuses the pod: {text}",
        "WebhookUnavailable": f"an admission webhook does not answer: {text}",
        "ServiceAccountMissing": f"ServiceAccount {named(name)} does not exist",
        "ClassMissing": f"a class that the pod names does not exist: {text}",
        "NamespaceTerminating": f"the namespace is being deleted: {text}",
        "PodInvalid": f"the pod template is invalid: {text}",
    }.get(reason, f"it is refused: {text}")
