"""Runs in processes of their own: started, looked at, waited for; by their ids.

A worker is the same command in a session of its own, so that it can outlive its caller (see
`lifeline`, and `ending` for its end).
What it does is read from its run's folder, as that of every run: foreground runs can be asked for
in the same way. Commands and the MCP server share these functions.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.backends.base import Clock
from skill_runner.errors import SkillError
from skill_runner.outcome import NextAction, Outcome, Problem, to_dict, to_json
from skill_runner.processes.isolation import python_command
from skill_runner.processes.lifeline import Lifeline, take_arguments
from skill_runner.progress import StepResult
from skill_runner.runs.folder import DETACHED, FACTS, OUTCOME, Run, open_run, start_run
from skill_runner.runs.process import Holder
from skill_runner.scope import OPEN, VARIABLE, Scope

LOOK: Final = 0.25  # seconds between looks at a run that is waited for
RUNNING_EXIT: Final = 5  # not ready yet; ask again

GONE: Final = "its process is gone, and left no outcome: it was killed, or the machine went down"
LOCK: Final = "if it held a lock, the next run here takes it over at once, one elsewhere in 45 s"

Document = dict[str, Any]  # an outcome, as its JSON Schema says


def start(
    arguments: Sequence[str],
    *,
    label: str,
    installation: str,
    now: float,
    scope: Scope | None = None,
    lifeline: Lifeline | None = None,
) -> Run:
    """Start `skill ARGUMENTS` as a worker of its own; its run exists when this returns.

    `now` is in seconds since the epoch; `scope` is that of this process unless another is given.
    Without a `lifeline` the worker is let go at once. SkillError when no process can be started.
    """
    scope = Scope.here() if scope is None else scope
    run = start_run(label, now=now)
    try:
        with (run.folder / "stderr.txt").open("w") as errors:
            worker = subprocess.Popen(
                python_command("-m", "skill_runner"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, DETACHED: run.id, VARIABLE: str(scope)},
            )
    except OSError as error:
        raise SkillError(f"no worker can be started: {error.strerror}") from error
    run.introduce(arguments[0], label, installation, Holder.of(worker.pid), scope)
    assert worker.stdin is not None
    line = lifeline or Lifeline()
    line.hold(worker.stdin, arguments)
    if lifeline is None:
        line.let_go()
    # A caller that lives on (a server) must collect it when it ends.
    threading.Thread(target=worker.wait, name=f"worker-{run.id}", daemon=True).start()
    return run


def handed_arguments() -> list[str] | None:
    """In a worker: the arguments that its caller gave; None in every other process."""
    return take_arguments() if DETACHED in os.environ else None


def look(run_id: str) -> Document:
    """The outcome of a run; while it works, one with the status `running`.

    A run whose process died without a word is `interrupted`. UsageError when there is none.
    """
    run = open_run(run_id)
    # The process first: a run that ends between the two looks is then seen as ended.
    gone = _holder(run).is_gone()
    outcome = run.folder / OUTCOME
    if outcome.is_file():
        document: Document = json.loads(outcome.read_text(encoding="utf-8"))
        return document
    return to_dict(_died(run) if gone else _running(run))


@dataclass(frozen=True, slots=True)
class About:
    """The subject of a run, as its folder says: its scope, its command, installations with their
    skills, and the cluster's context; empty where it did not come so far."""

    scope: Scope
    command: str
    concerned: tuple[tuple[str, str], ...]
    context: str


def about(run_id: str) -> About:
    """The subject of a run. UsageError when there is none of that id."""
    run = open_run(run_id)
    events = _events(run.folder / "events.jsonl")
    facts = _facts(run)
    return About(
        scope=Scope.parse(facts["scope"]) if facts.get("scope") else OPEN,
        command=facts.get("command", ""),
        concerned=tuple(
            (e["installation"], e["skill"]) for e in events if e["event"] == "Concerns"
        ),
        context=next((e["context"] for e in events if e["event"] == "Connected"), ""),
    )


def told(run_id: str) -> list[dict[str, Any]]:
    """The events of a run so far, oldest first. UsageError when there is none of that id."""
    return _events(open_run(run_id).folder / "events.jsonl")


async def wait(run_id: str, seconds: float, clock: Clock) -> Document:
    """As `look`, but up to `seconds` later: as soon as the run has ended."""
    deadline = clock.monotonic() + seconds
    while True:
        document = look(run_id)
        if document["status"] != "running" or clock.monotonic() >= deadline:
            return document
        await clock.sleep(min(LOOK, max(0.0, deadline - clock.monotonic())))


def tail(run_id: str, lines: int) -> tuple[str, ...]:
    """The last lines of a run's log; of what its process said, when it logged nothing."""
    folder = open_run(run_id).folder
    for name in ("log.txt", "stderr.txt"):
        file = folder / name
        if file.is_file() and file.stat().st_size:
            text = file.read_text(encoding="utf-8", errors="replace")
            return tuple(text.splitlines()[-lines:]) if lines > 0 else ()
    return ()


def holder_of(run_id: str) -> Holder:
    """The process of a run. UsageError when there is none of that id."""
    return _holder(open_run(run_id))


def record_killed(run_id: str) -> bool:
    """Write the outcome of a run that was killed; False when it had written its own."""
    run = open_run(run_id)
    if (run.folder / OUTCOME).is_file():
        return False
    run.keep(OUTCOME, to_json(_died(run, "it did not end when it was asked to, and was killed")))
    return True


def _facts(run: Run) -> dict[str, str]:
    try:
        facts: dict[str, str] = json.loads((run.folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def _holder(run: Run) -> Holder:
    return Holder.parse(_facts(run).get("process", ""))


def _running(run: Run) -> Outcome:
    events = _events(run.folder / "events.jsonl")
    steps = [e["result"] for e in events if e["event"] == "StepFinished"]
    started = [e["title"] for e in events if e["event"] == "StepStarted"]
    awaited = [e["objects"] for e in events if e["event"] == "Awaiting"]
    left = [o for o in (awaited[-1] if awaited else ()) if o["state"] != "ready"]
    return Outcome(
        status="running",
        exit_code=RUNNING_EXIT,
        run=run.id,
        details=str(run.folder),
        installation=_facts(run).get("installation", ""),
        changed=any(e["event"] == "Changing" for e in events),
        seconds=events[-1]["at"] - events[0]["at"] if events else 0.0,
        cluster=_cluster(events),
        steps=tuple(StepResult(**step) for step in steps),
        notes=(
            *started[len(steps) :][:1],
            *(f"{o['resource']}: {o['warning'] or o['message']}"[:300] for o in left[:5]),
            f"ask again: skill status {run.id} --wait 60",
        ),
    )


def _events(file: Path) -> list[dict[str, Any]]:
    """Yield what a run reported so far; a line that is being written is left out."""
    if not file.is_file():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _died(run: Run, cause: str = GONE) -> Outcome:
    facts = _facts(run)
    name = facts.get("installation", "")
    again = f"skill run {facts['label']} --name {name}" if facts.get("command") == "run" else ""
    problem = Problem(
        code="INTERRUPTED",
        resource=name,
        retryable=True,
        cause=cause,
        evidence=tail(run.id, 3),
        next=(NextAction(run=again, safe=True, why="continues from there"),) if again else (),
    )
    events = _events(run.folder / "events.jsonl")
    changed = any(e["event"] == "Changing" for e in events)
    return Outcome(
        status="interrupted",
        exit_code=130,
        run=run.id,
        installation=name,
        problem=problem,
        changed=changed,
        details=str(run.folder),
        cluster=_cluster(events),
        steps=tuple(StepResult(**e["result"]) for e in events if e["event"] == "StepFinished"),
        notes=(LOCK,) if changed else (),
    )


def _cluster(events: list[dict[str, Any]]) -> dict[str, str]:
    found = next((e for e in events if e["event"] == "Connected"), None)
    return {key: found[key] for key in ("context", "server")} if found else {}
