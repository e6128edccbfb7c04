"""A command that has ended: its outcome's document, its events, and the cases that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

CaseKind = Literal["step", "object", "proof", "edge", "result"]
CaseState = Literal["passed", "failed", "skipped"]
Event = Mapping[str, Any]

_STATES: Final[Mapping[str, CaseState]] = {
    "done": "passed",
    "unchanged": "passed",
    "failed": "failed",
    "not ready": "failed",
    "interrupted": "failed",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """One command that has ended.

    `document` is its outcome as plain data, whole; `events` are those of its run, as
    `runs.folder.event_data` writes them, oldest first: none for a command that keeps no run.
    `file` is the platform file that it was about, as the caller named it, if any.
    """

    command: str
    document: Mapping[str, Any]
    events: Sequence[Event] = ()
    file: str = ""

    @property
    def good(self) -> bool:
        """Tell whether the command ended with exit code 0."""
        return bool(self.document["exit_code"] == 0)

    @property
    def state(self) -> CaseState:
        """The state of the command as a whole; `skipped` is one that is still at work."""
        if self.document["status"] == "running":
            return "skipped"
        return "passed" if self.good else "failed"

    @property
    def about(self) -> str:
        """The installation, the platform file, or else the command."""
        return str(self.document["installation"] or self.file or f"skill {self.command}")

    @property
    def problem(self) -> Mapping[str, Any] | None:
        """The one diagnosed cause, as the outcome has it."""
        return self.document.get("problem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One step, awaited object or proof of an installation, a way between two of them, or the
    command's result as a whole."""

    installation: str
    kind: CaseKind
    name: str
    state: CaseState
    seconds: float = 0.0
    message: str = ""


def cases(finished: Finished) -> tuple[Case, ...]:
    """Every case in the order of the run; one at least fails where the command did.

    A case that the problem is about says its cause; the case `result` always does.
    """
    found = [*_steps(finished), *_objects(finished), *_edges(finished)]
    problem = finished.problem
    if problem is not None and not finished.good:
        said = {
            s["installation"]: s.get("message", "") for s in finished.document.get("skills", ())
        }
        found = [_blamed(case, problem, said) for case in found]
    words = str(finished.document["status"])
    if problem is not None and not finished.good:
        words = f"{problem['code']}: {problem['cause']}"
    whole = Case(
        installation=finished.about,
        kind="result",
        name=finished.command,
        state=finished.state,
        seconds=float(finished.document["seconds"]),
        message=words,
    )
    return (*found, whole)


def _steps(finished: Finished) -> Iterable[Case]:
    """Steps and proofs, by the events, or by the document alone where there are none of them."""
    kinds: dict[tuple[str, str], CaseKind] = {}
    told = False
    for event in finished.events:
        where = str(event.get("of") or finished.about)
        if event["event"] == "StepStarted":
            kinds[where, event["id"]] = event.get("kind", "step")
        elif event["event"] == "StepFinished":
            told = True
            yield _step(where, kinds.get((where, event["result"]["id"]), "step"), event["result"])
    if not told:
        for step in finished.document["steps"]:
            yield _step(finished.about, "step", step)
        for name, words in finished.document["proof"].items():
            yield Case(
                installation=finished.about,
                kind="proof",
                name=name,
                state=_proof_state(words),
                message=words,
            )


def _step(where: str, kind: CaseKind, result: Mapping[str, Any]) -> Case:
    return Case(
        installation=where,
        kind=kind,
        name=result["id"],
        state=_STATES.get(result["status"], "skipped"),
        seconds=float(result["seconds"]),
        message=result.get("message") or result["status"],
    )


def _proof_state(words: str) -> CaseState:
    """By the first word, as the outcome's schema has it."""
    first = words.split(":")[0].split(" ")[0]
    if first == "passed":
        return "passed"
    return "failed" if first == "failed" else "skipped"


def _objects(finished: Finished) -> Iterable[Case]:
    """Each awaited object once, as it was seen last; its seconds are those that it was awaited."""
    first: dict[tuple[str, str], float] = {}
    last: dict[tuple[str, str], tuple[float, Mapping[str, Any]]] = {}
    for event in finished.events:
        if event["event"] != "Awaiting":
            continue
        for each in event["objects"]:
            key = str(event.get("of") or finished.about), str(each["resource"])
            first.setdefault(key, event["at"])
            if key not in last or last[key][1]["state"] != "ready":
                last[key] = event["at"], each
    for key, (at, each) in last.items():
        seen_ready = each["state"] == "ready"
        ready = seen_ready or finished.good
        yield Case(
            installation=key[0],
            kind="object",
            name=key[1],
            state="passed" if ready else "skipped",
            seconds=max(0.0, at - first[key]),
            message=each["warning"] or each["message"] if seen_ready or not ready else "ready",
        )


def _edges(finished: Finished) -> Iterable[Case]:
    """The ways between installations that a platform's proofs went."""
    states: Mapping[str, CaseState] = {"seen": "passed", "broken": "failed"}
    for edge in finished.document.get("edges", ()):
        yield Case(
            installation=finished.about,
            kind="edge",
            name=f"{edge['from']} → {edge['to']} by {edge['by']}",
            state=states.get(edge["status"], "skipped"),
            seconds=float(edge.get("seconds", 0.0)),
            message=str(edge.get("message", "")),
        )


def _blamed(case: Case, problem: Mapping[str, Any], said: Mapping[str, str]) -> Case:
    """With the problem's words where it is of the case's object, or of a step without words."""
    words = said.get(case.installation) or f"{problem['code']}: {problem['cause']}"
    if case.kind == "object" and case.name == problem["resource"]:
        return replace(case, state="failed", message=words)
    if case.state == "failed" and case.message in ("", "failed"):
        return replace(case, message=words)
    return case
