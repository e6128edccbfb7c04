"""Apply one object, or try to, with patience for what is not serving yet.

A webhook of an operator that has just become ready, or a kind whose definition was made a moment
ago, refuse for some seconds; nothing is wrong then.
"""

from __future__ import annotations

from typing import Any, Final, cast

from skill_runner.backends.base import Cluster
from skill_runner.errors import ApiError, NotFound, StepFailed
from skill_runner.execution.state import Walk
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Code, Problem
from skill_runner.progress import Note
from skill_runner.readiness.diagnosis import classify_refusal, explain_refusal
from skill_runner.text.quoting import excerpt

AGAIN: Final = 1.0  # seconds between tries
UNSERVED: Final = 30.0  # seconds that a new kind may take to be served


async def apply(walk: Walk, wanted: Object, *, uid: str = "", force: bool = False) -> Object:
    """The applied object; with `force`, the fields that others manage are taken over.

    With `uid` only that object is written: Conflict when another has its name by now.

    StepFailed with WEBHOOK_UNAVAILABLE when a webhook never answers, ADMISSION_DENIED when it, or
    a policy, says no; ApiError otherwise.
    """
    bound = {**wanted, "metadata": {**wanted["metadata"], **({"uid": uid} if uid else {})}}
    return await patient(walk).apply(bound, force=force)


def patient(walk: Walk) -> Cluster:
    """The cluster, whose `apply` has this patience and these errors; dry runs have it, too."""
    return cast(Cluster, _Patient(walk))


class _Patient:
    """The cluster of a walk, but for `apply`."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._walk.world.cluster, name)

    async def apply(self, manifest: Object, *, dry_run: bool = False, **how: Any) -> Object:
        walk, clock = self._walk, self._walk.world.clock
        began, told = clock.monotonic(), False
        while True:
            try:
                return await walk.world.cluster.apply(manifest, dry_run=dry_run, **how)
            except ApiError as error:
                waited = clock.monotonic() - began
                if waited >= _patience(walk, error, dry_run=dry_run):
                    raise _final(error, manifest) from error
                if not told:
                    told = True
                    why = excerpt(error.message)
                    walk.report(Note(f"{Ref.of(manifest)} is tried again: {why}"))
            await clock.sleep(AGAIN)


def _patience(walk: Walk, error: ApiError, *, dry_run: bool) -> float:
    if classify_refusal(error.message) == "WebhookUnavailable":
        return walk.policy().row("WebhookUnavailable").budget
    if dry_run:  # of an object that is there, so its kind is served
        return 0.0
    unserved = isinstance(error, NotFound) and "serve" in error.message
    return UNSERVED if unserved or "no matches for kind" in error.message else 0.0


def _final(error: ApiError, wanted: Object) -> ApiError | StepFailed:
    """Say what a refusal means that no patience fixes."""
    reason = classify_refusal(error.message)
    if reason == "WebhookUnavailable":
        return _problem(
            "WEBHOOK_UNAVAILABLE", wanted, explain_refusal(reason, error.message), error
        )
    if reason == "AdmissionDenied":
        return _problem("ADMISSION_DENIED", wanted, explain_refusal(reason, error.message), error)
    return error


def _problem(code: Code, wanted: Object, cause: str, error: ApiError) -> StepFailed:
    problem = Problem(
        code=code,
        resource=str(Ref.of(wanted)),
        cause=cause,
        evidence=(f"API server: {error.message}",),
        retryable=code == "WEBHOOK_UNAVAILABLE",
    )
    return StepFailed(cause, problem=problem)
