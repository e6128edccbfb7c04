"""A platform's run that failed in one of its proofs, and a run whose every text is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.outcome import NextAction, Outcome, Problem, SkillResult, to_dict
from skill_runner.progress import (
    Awaiting,
    Event,
    ObjectState,
    Of,
    Requires,
    RunStarted,
    StepFinished,
    StepResult,
    StepStarted,
)
from skill_runner.reports import Finished
from skill_runner.runs.folder import event_data

BUS, APP, PAGE = "bus/bus", "app/app", "web/page"
CAUSE: Final = "no event of lessons was handled within 30 s"
HOSTILE: Final = (
    "x\n::error::y %0A | `a` ``` <script>alert(1)</script> <img src=x onerror=alert(1)>"
    " ]]> &amp; @everyone #1 [l](javascript:alert(1)) \x1b[31m \x00\x07\ufffe\u202e"
    " ${{ secrets.X }}"
)


def told(*events: tuple[float, Event]) -> tuple[Mapping[str, Any], ...]:
    return tuple(event_data(event, at) for at, event in events)


def _done(name: str, seconds: float, message: str = "") -> StepFinished:
    return StepFinished(StepResult(id=name, status="done", seconds=seconds, message=message))


def platform() -> Finished:
    """`bus` is ready at 4 s, `app` requires it and fails at 9 s; `page` never began."""
    problem = Problem(
        code="PROOF_FAILED",
        resource="proof delivery of app/app",
        cause=CAUSE,
        evidence=("log app/app-0: ValueError: <b>", "event Pod app/app-0: Unhealthy"),
        fix="Look at the handler.",
        next=(NextAction(run="skill why app", safe=True, why="what is wrong now"),),
    )
    outcome = Outcome(
        status="failed",
        exit_code=1,
        run="shop-1a2b",
        installation="shop",
        seconds=9.0,
        problem=problem,
        cluster={"context": "kind-a", "server": "https://127.0.0.1:6443"},
        critical_path=(BUS, APP),
        outputs={"password": {"secretKeyRef": {"namespace": "a", "name": "b", "key": "c"}}},
        skills=(
            _line(BUS, "ready"),
            _line(APP, "failed", f"PROOF_FAILED: {CAUSE}"),
            _line(PAGE, "blocked", "by app/app"),
        ),
    )
    return Finished("up", to_dict(outcome), _events(), "shop.yaml")


def _events() -> tuple[Mapping[str, Any], ...]:
    seen = ObjectState("StatefulSet bus/bus", "progressing", "0 of 1 replicas are ready")
    ready = ObjectState("StatefulSet bus/bus", "ready", "1 of 1 replicas are ready")
    failed = StepFinished(StepResult(id="delivery", status="failed", seconds=3.0))
    return told(
        (100.0, RunStarted("shop-1a2b", "/runs/shop-1a2b")),
        (100.0, Requires(BUS, ())),
        (100.0, Requires(APP, (BUS,))),
        (100.0, Requires(PAGE, (APP,))),
        (100.0, Of(BUS, StepStarted("release", "Helm release bus"))),
        (101.0, Of(BUS, Awaiting((seen,)))),
        (103.0, Of(BUS, Awaiting((ready,)))),
        (103.5, Of(BUS, Awaiting((ready,)))),
        (104.0, Of(BUS, _done("release", 4.0, "installed"))),
        (104.0, Of(APP, StepStarted("release", "Helm release app"))),
        (106.0, Of(APP, _done("release", 2.0, "installed"))),
        (106.0, Of(APP, StepStarted("delivery", "proof delivery", "proof"))),
        (109.0, Of(APP, failed)),
    )


def _line(name: str, status: Any, message: str = "") -> SkillResult:
    return SkillResult(installation=name, skill="s", version="1", status=status, message=message)


def hostile() -> Finished:
    """Every text that the cluster, a chart or a caller may choose is hostile."""
    action = NextAction(run=HOSTILE, safe=True, why=HOSTILE)
    outcome = Outcome(
        status="failed",
        exit_code=1,
        installation=HOSTILE,
        version=HOSTILE,
        cluster={"context": HOSTILE, "server": HOSTILE},
        critical_path=(HOSTILE,),
        proof={HOSTILE: HOSTILE},
        outputs={HOSTILE: [HOSTILE, {"a": HOSTILE}]},
        notes=(HOSTILE,),
        problem=Problem(
            code="CRASH_LOOP",
            resource=HOSTILE,
            cause=HOSTILE,
            evidence=(HOSTILE, HOSTILE),
            fix=HOSTILE,
            next=(action,),
        ),
        skills=(_line(HOSTILE, "failed", HOSTILE),),
    )
    result = StepResult(id=HOSTILE, status="failed", seconds=1.0, message=HOSTILE)
    events = told(
        (1.0, Requires(HOSTILE, (HOSTILE, "nobody"))),
        (1.0, Of(HOSTILE, StepStarted(HOSTILE, HOSTILE))),
        (1.5, Of(HOSTILE, Awaiting((ObjectState(HOSTILE, "x", HOSTILE, HOSTILE, 3.0),)))),
        (2.0, Of(HOSTILE, StepFinished(result))),
    )
    return Finished("run", to_dict(outcome), events, HOSTILE)


def ready() -> Finished:
    """An unchanged run, which did nothing and awaited nothing."""
    return Finished("run", to_dict(Outcome(status="unchanged", installation="bus/bus")))
