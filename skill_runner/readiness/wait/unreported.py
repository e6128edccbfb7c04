"""Objects whose controller has not reported: nobody handles the kind, or a report is on its way.

Said only once everything else is ready: an operator that still pulls its image reports nothing
either, and then its own Deployment is the cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.wait.verdicts import Watched

_UNTOUCHED: Final = "no controller has touched it since it was applied"


def unobserved_symptoms(watched: Sequence[Watched]) -> Iterator[Symptom]:
    """One for each awaited object that waits for its controller, when nothing else is awaited."""
    late = [w for w in watched if _is_late(w)]
    if not all(w.verdict.is_ready or w in late for w in watched):
        return
    for one in late:
        if one.verdict.facts.get("unserved"):
            yield _unserved(one)
        elif one.live is not None and not _has_children(one):
            yield _unobserved(one, one.live)


def _is_late(one: Watched) -> bool:
    facts = one.verdict.facts
    return bool(facts.get("unobserved") or facts.get("unserved")) and not one.verdict.is_ready


def _unserved(one: Watched) -> Symptom:
    ref = one.expected.ref
    return Symptom(
        reason="KindNotServed",
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace or "",
        cause=f"{ref.kind} {ref.name}: {one.verdict.message}; is its operator installed?",
        lines=(one.verdict.message,),
    )


def _unobserved(one: Watched, live: Object) -> Symptom:
    ref = one.expected.ref
    alone = is_untouched(live)
    group = ref.api_version.rpartition("/")[0] or "the core API"
    why = f"; is the operator that handles {ref.kind} ({group}) running?" if alone else ""
    return symptom_of(
        live,
        "NotObserved" if alone else "ReportPending",
        f"{ref.kind} {ref.name}: {one.verdict.message}{why}",
        lines=(f"{ref.kind} status: {one.verdict.message}", _writers(live)),
    )


def _has_children(one: Watched) -> bool:
    """Tell whether somebody makes pods for it: then they tell more than the missing report."""
    maker = one.family.maker
    return bool(one.family.pods) or (maker is not None and maker is not one.live)


def is_untouched(obj: Object) -> bool:
    """Tell whether whoever applied it is the only one that ever wrote to it."""
    entries = at(obj, "metadata.managedFields", [])
    return len({e.get("manager") for e in entries}) == 1 and not any(
        e.get("subresource") for e in entries
    )


def _writers(obj: Object) -> str:
    if is_untouched(obj):
        return _UNTOUCHED
    entries = at(obj, "metadata.managedFields", [])
    told = [(str(e.get("time", "")), e.get("manager")) for e in entries if e.get("subresource")]
    if not told:
        return "its status was never written"
    when, manager = max(told, key=lambda each: each[0])
    return f"its status was last written by {manager} {when}"
