"""The awaited objects themselves: Jobs and custom resources that failed, objects that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from skill_runner.objects import Object, at, condition, is_true
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status import Verdict
from skill_runner.text.quoting import excerpt

# Reasons of conditions by which operators refuse what they are asked for: Strimzi's.
INVALID: Final = frozenset({"InvalidResourceException", "NotSupported"})


@dataclass(frozen=True, slots=True)
class Target:
    """One awaited object: what was applied (or a stand-in with its names), and its verdict.

    `applied` is true for objects that we know were there, so that "missing" means "gone".
    """

    obj: Object
    verdict: Verdict
    applied: bool = True


def target_symptoms(targets: Iterable[Target], pods: tuple[Symptom, ...]) -> Iterator[Symptom]:
    """`pods` are the symptoms of pods: a failed Job is told by its pod's last words."""
    for target in targets:
        obj, verdict = target.obj, target.verdict
        if verdict.state == "failed":
            yield _failed(obj, verdict, pods)
        elif verdict.facts.get("refused"):
            kind = obj.get("kind")
            said = (f"{kind} status: {verdict.message}",)
            cause = f"{_named(obj)}: {verdict.message}"
            yield symptom_of(obj, f"ResourceNotReady:{kind}", cause, lines=said)
        elif verdict.state == "missing" and target.applied:
            yield symptom_of(obj, "ObjectMissing", f"{_named(obj)} {verdict.message}")
        elif verdict.state == "terminating":
            gone = obj.get("kind") == "Namespace"
            reason = "NamespaceTerminating" if gone else "ObjectTerminating"
            yield symptom_of(obj, reason, f"{_named(obj)} {verdict.message}")


def _failed(obj: Object, verdict: Verdict, pods: tuple[Symptom, ...]) -> Symptom:
    kind = obj.get("kind")
    said = (f"{kind} status: {verdict.message}",)
    if kind == "Job":
        return _failed_job(obj, verdict, pods)
    if kind == "Pod":
        own = next((s for s in pods if s.uid == at(obj, "metadata.uid")), None)
        return own or symptom_of(obj, "PodFailed", f"{_named(obj)} {verdict.message}")
    final = verdict.facts.get("reason") in INVALID
    return symptom_of(
        obj,
        "ResourceInvalid" if final else f"ResourceFailed:{kind}",
        f"{_named(obj)}: {verdict.message}",
        lines=said,
    )


def _failed_job(obj: Object, verdict: Verdict, pods: tuple[Symptom, ...]) -> Symptom:
    name = at(obj, "metadata.name", "")
    hook = at(obj, "metadata.annotations", {}).get("helm.sh/hook")
    inner = next((s for s in reversed(pods) if s.owner == f"Job {name}"), None)
    because = f": {inner.cause}" if inner else f" ({excerpt(_why_failed(obj, verdict))})"
    kind = "Helm hook Job" if hook else "Job"
    return symptom_of(
        obj,
        "HookFailed" if hook else "JobFailed",
        f"{kind} {name} failed{because}",
        lines=(f"Job status: {_why_failed(obj, verdict)}", *(inner.lines if inner else ())),
        container=inner.container if inner else "",
    )


def _why_failed(job: Object, verdict: Verdict) -> str:
    """The Job's own words, with the limit that it reached."""
    for kind in ("Failed", "FailureTarget"):
        found = condition(job, kind)
        if not found or not is_true(found):
            continue
        reason = str(found.get("reason", ""))
        limit = {
            "BackoffLimitExceeded": f"; its backoffLimit is {at(job, 'spec.backoffLimit', 6)}",
            "DeadlineExceeded": f"; its activeDeadlineSeconds is "
            f"{at(job, 'spec.activeDeadlineSeconds', '?')}",
        }.get(reason, "")
        return f"{reason}: {found.get('message', '')}{limit}"
    return verdict.message


def _named(obj: Object) -> str:
    return f"{obj.get('kind')} {at(obj, 'metadata.name', '')}"
