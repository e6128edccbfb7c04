"""A rule set and a scene into answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from skill_runner.compliance.governance import Allowance, Governance, Question, Ruling
from skill_runner.compliance.model import (
    ACT,
    INSTALLATION,
    ORDER,
    Answer,
    Excused,
    Finding,
    Scene,
    Status,
    resource_of,
)
from skill_runner.compliance.python_rules import RuleFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answers to a whole rule set, failures first; `warnings` are about the set itself."""

    answers: tuple[Answer, ...]
    checklist: tuple[tuple[str, Status], ...] = ()
    warnings: tuple[str, ...] = ()

    def failed(self, *, on_warning: bool = False) -> bool:
        """Tell whether an answer fails; warnings count where the caller says so."""
        weights = {answer.counts for answer in self.answers}
        return "error" in weights or (on_warning and "warning" in weights)


def judge(
    governance: Governance, scene: Scene, granted: Iterable[tuple[str, Allowance]] = ()
) -> Verdict:
    """Answer every rule. `granted` are exceptions of others (a skill's own), by the rule's name."""
    scene = replace(scene, services=governance.services)
    today = datetime.fromtimestamp(scene.now, UTC).date()
    others = tuple(granted)
    answers = {
        ruling.id: _answer(ruling, scene, today, others)
        for ruling in governance.rulings
        if ruling.rule.on_plans or not scene.planned
    }
    return Verdict(
        answers=tuple(sorted(answers.values(), key=_weight)),
        checklist=tuple(
            (question.asks, _worst(question, answers)) for question in governance.checklist
        ),
        warnings=tuple(_stale(governance, scene, today)),
    )


def _weight(answer: Answer) -> tuple[int, bool]:
    """Failures first, errors before warnings; otherwise the order of the set."""
    return ORDER.index(answer.status), answer.counts == "warning"


def _answer(
    ruling: Ruling, scene: Scene, today: date, granted: Sequence[tuple[str, Allowance]]
) -> Answer:
    closed = [scene.closed[kind] for kind in ruling.rule.reads if kind in scene.closed]
    look = _Look((*ruling.exceptions, *(e for name, e in granted if name == ruling.rule.name)))
    failed = ""
    try:
        look.at_all(ruling, scene, today)
    except RuleFailed as error:
        failed = error.message
    evidence = tuple(sorted(look.kept.values(), key=lambda f: (not f.certain, f.minor)))
    status, why = _status(look.looked, evidence, closed, failed)
    return Answer(
        rule=ruling.id,
        title=ruling.title,
        section=ruling.section,
        severity=ruling.severity,
        status=status,
        looked=look.looked,
        evidence=evidence,
        excused=tuple(look.excused.values()),
        why=why,
        remedy=ruling.rule.remedy if status in ("fail", "unknown") else "",
    )


@dataclass(slots=True)
class _Look:
    """The findings of one rule, each once, and those that an exception covers."""

    exceptions: tuple[Allowance, ...]
    looked: int = 0
    kept: dict[tuple[str, str, str], Finding] = field(default_factory=dict)
    excused: dict[tuple[str, str], Excused] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)

    def at_all(self, ruling: Ruling, scene: Scene, today: date) -> None:
        """Look at every subject; where what the rule needs is closed, nothing is certain."""
        blind = any(kind in scene.closed for kind in ruling.rule.needs)
        for obj in ruling.rule.subjects(scene, ruling.parameters):
            self.looked += 1
            for each in ruling.rule.look(obj, scene, ruling.parameters):
                about = (each.resource, each.message)
                if obj.get("kind") == "Pod" and about in self.told:
                    continue  # its workload, or a pod beside it, says the same
                self.told.add(about)
                self._keep(replace(each, certain=each.certain and not blind), today)

    def _keep(self, found: Finding, today: date) -> None:
        finding, reason = _excepted(found, self.exceptions, today)
        if reason:
            self.excused[found.resource, found.message] = Excused(
                resource=found.resource, message=found.message, reason=reason
            )
        else:
            self.kept.setdefault((found.resource, found.field, found.message), finding)


def _status(
    looked: int, evidence: Sequence[Finding], closed: Sequence[str], failed: str
) -> tuple[Status, str]:
    """The answer, and why it is none where it is unknown or not applicable."""
    reasons = "; ".join(dict.fromkeys((*closed, *([failed] if failed else []))))
    if any(each.certain for each in evidence):
        return "fail", reasons
    if reasons:
        return "unknown", reasons
    if evidence:
        return "unknown", evidence[0].message
    return ("pass", "") if looked else ("not applicable", "there is no object that it is about")


def _excepted(
    finding: Finding, exceptions: Iterable[Allowance], today: date
) -> tuple[Finding, str]:
    """The finding with a word on an exception that has expired, or the reason that excuses it."""
    for each in exceptions:
        if each.covers(finding.resource):
            if not each.expired(today):
                return finding, each.reason
            expired = f"{finding.message} (its exception ended on {each.until})"
            finding = replace(finding, message=expired)
    return finding, ""


def _worst(question: Question, answers: dict[str, Answer]) -> Status:
    """The worst answer of a question's rules; a warning is no failure of the question."""
    found: list[Status] = [answers[name].status for name in question.rules if name in answers]
    return min(found, key=ORDER.index, default="not applicable")


def _stale(governance: Governance, scene: Scene, today: date) -> Iterator[str]:
    """Exceptions for objects that do not exist; not of kinds that could not be listed."""
    if scene.planned:
        return
    names = [resource_of(obj) for kind in scene.objects if kind != ACT for obj in scene.of(kind)]
    names += [f"{INSTALLATION[1]} {each.namespace}/{each.name}" for each in scene.installed]
    names += [f"Helm release {s}/{n}" for each in scene.installed for s, n in each.releases]
    unseen = {kind for _, kind in scene.closed}
    for ruling in governance.rulings:
        for each in ruling.exceptions:
            kind = each.resource.partition(" ")[0]
            whole = replace(each, resource=each.resource.partition(" container ")[0])
            if kind not in unseen and not any(whole.covers(name) for name in names):
                yield (
                    f"{each.where}: the exception from {ruling.id} is for {each.resource}, "
                    "which does not exist"
                )
