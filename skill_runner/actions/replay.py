"""A recorded history → the same waits again, under a fake clock: minutes in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.backends.helm.errors import helm_error
from skill_runner.backends.recording import History, ReplayCluster
from skill_runner.backends.virtual_clock import FakeClock
from skill_runner.errors import UsageError
from skill_runner.outcome import Outcome, Status
from skill_runner.outcome.from_error import problem_of
from skill_runner.outcome.next_actions import Subject, concrete
from skill_runner.progress import Report, silent
from skill_runner.readiness.wait import WaitResult, wait_ready
from skill_runner.readiness.wait.request import read_request

ENDS: Final[Mapping[str, tuple[Status, int]]] = {
    "ready": ("ready", 0),
    "failed": ("failed", 1),
    "late": ("not_ready", 5),
}


async def replay(history: History, report: Report = silent) -> tuple[WaitResult, ...]:
    """Repeat each wait of the history as of today; those that were called off are left out.

    What Helm refused comes last, where no wait has found more.
    """
    waits = [w for w in history.header["waits"] if w.get("state") != "cancelled"]
    results = [await _again(history, wait, report) for wait in waits]
    if all(r.state == "ready" for r in results):
        results += [_refused(m.data["message"]) for m in history.moments if m.what == "refused"]
    return tuple(results)


def _refused(message: str) -> WaitResult:
    about, _, told = message.partition(": ")
    return WaitResult(state="failed", problem=problem_of(helm_error(f"Error: {told}", 1, about)))


async def _again(history: History, wait: Mapping[str, Any], report: Report) -> WaitResult:
    asked, start = read_request(wait["asked"]), float(wait["at"])
    clock = FakeClock(history.header["began"] + start)
    async with ReplayCluster(history, clock, start=start) as cluster:
        return await wait_ready(
            cluster,
            clock,
            asked.objects,
            rules=asked.rules,
            timeout=asked.timeout,
            stability=asked.stability,
            policy=asked.policy,
            report=report,
        )


async def replay_outcome(history: History, report: Report) -> Outcome:
    """The outcome of the first wait that does not end well. UsageError for a history of none."""
    results = await replay(history, report)
    if not results:
        raise UsageError("this recording holds no wait that ended")
    told = next((r for r in results if r.state != "ready"), results[-1])
    status, code = ENDS[told.state]
    # No installation stands behind a recording: commands that need one are left out.
    problem = concrete(told.problem, Subject(namespace="")) if told.problem else None
    return Outcome(
        status=status,
        exit_code=code,
        seconds=told.seconds,
        problem=problem,
        installation=history.header["scenario"],
        notes=(*told.notes, f"played from a recording on Kubernetes {history.header['version']}"),
    )
