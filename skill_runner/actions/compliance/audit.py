"""Answer a rule set for a cluster, and the document of that answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.actions.compliance.gather import Gathered, gather
from skill_runner.actions.compliance.plans import granted
from skill_runner.backends.base import Cluster
from skill_runner.compliance.governance import Allowance, Governance
from skill_runner.compliance.judge import Verdict, judge
from skill_runner.compliance.model import ACT, Answer, Finding
from skill_runner.errors import SkillError
from skill_runner.skill.library import Library
from skill_runner.text.redact import strip_control

SCHEMA: Final = "skill-runner/compliance/v1"
LIMIT: Final = 4096  # bytes of the short document
_KEEPS: Final = ((5, 160), (3, 120), (2, 100), (1, 80), (0, 60))  # evidence a rule, and its texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A rule set's verdict on a cluster; `namespaces` is empty for all."""

    governance: Governance
    verdict: Verdict
    cluster: Mapping[str, str]
    namespaces: tuple[str, ...]
    objects: int
    lists: int
    acts: int | None  # requests of people in the audit log; None where there is no log

    def exit_code(self, *, on_warning: bool = False) -> int:
        return 1 if self.verdict.failed(on_warning=on_warning) else 0


async def audit(
    cluster: Cluster,
    governance: Governance,
    namespaces: Sequence[str],
    library: Library,
    *,
    now: float,
    audit_log: Path | None = None,
) -> Audit:
    """Look at a cluster and answer every rule; nothing is written."""
    found = await gather(cluster, governance, namespaces, now=now, audit_log=audit_log)
    verdict = judge(governance, found.scene, _granted(found, library))
    warnings = (*verdict.warnings, *found.notes)
    seen = found.scene.objects.get(ACT)
    return Audit(
        governance=governance,
        verdict=Verdict(answers=verdict.answers, checklist=verdict.checklist, warnings=warnings),
        cluster={"context": cluster.target.context, "server": cluster.target.server},
        namespaces=tuple(namespaces),
        objects=found.objects,
        lists=found.lists,
        acts=None if seen is None else len(seen),
    )


def _granted(found: Gathered, library: Library) -> Iterator[tuple[str, Allowance]]:
    """The exceptions that the installations' own skills declare, where their folders are here."""
    for each in found.scene.installed:
        try:
            skill = library.find(each.skill)
        except SkillError:
            continue
        yield from granted(skill.policy_exceptions, each.namespace, skill.name)


def to_json(audit: Audit, *, full: bool, exit_code: int) -> str:
    """The document as JSON; without `full` of at most LIMIT bytes, failures before the rest."""
    whole = document(audit, exit_code=exit_code)
    text = json.dumps(whole, ensure_ascii=False)
    if full or len(text.encode()) < LIMIT:
        return text
    for most, width in _KEEPS:
        text = json.dumps(_cut(whole, most, width), ensure_ascii=False)
        if len(text.encode()) < LIMIT:
            return text
    least = {**_cut(whole, 0, 40), "rules": [], "warnings": []}
    for rule in _cut(whole, 0, 40)["rules"]:  # a set of very many rules: as many as fit
        longer = {**least, "rules": [*least["rules"], rule]}
        if len(json.dumps(longer, ensure_ascii=False).encode()) >= LIMIT:
            break
        least = longer
    return json.dumps(least, ensure_ascii=False)


def document(audit: Audit, *, exit_code: int) -> dict[str, Any]:
    """The whole answer as plain data, without control characters of anybody's."""
    counts = Counter(answer.status for answer in audit.verdict.answers)
    warned = sum(answer.counts == "warning" for answer in audit.verdict.answers)
    found = {
        "schema": SCHEMA,
        "governance": audit.governance.name,
        "cluster": dict(audit.cluster),
        "namespaces": list(audit.namespaces) or "all",
        "exit_code": exit_code,
        "counts": {**{status.replace(" ", "_"): n for status, n in counts.items()}},
        "failed_as_warning": warned,
        "objects": audit.objects,
        "audit_log": "none" if audit.acts is None else f"{audit.acts} requests by hand",
        "checklist": dict(audit.verdict.checklist),
        "rules": [_rule(answer) for answer in audit.verdict.answers],
        "warnings": list(audit.verdict.warnings),
    }
    cleaned: dict[str, Any] = _clean(found)
    return cleaned


def _rule(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "rule": answer.rule,
        "title": answer.title,
        "section": answer.section,
        "severity": answer.severity,
        "status": answer.status,
        "looked": answer.looked,
        "found": len(answer.evidence),
        "evidence": [_evidence(each) for each in answer.evidence],
        "excused": [
            {"object": each.resource, "message": each.message, "reason": each.reason}
            for each in answer.excused
        ],
        "why": answer.why,
        "remedy": answer.remedy,
    }
    return {key: value for key, value in found.items() if value not in ([], "")}


def _evidence(each: Finding) -> dict[str, Any]:
    found = {
        "object": each.resource,
        "field": each.field,
        "value": each.value,
        "message": each.message,
        "who": each.who,
        "when": each.when,
        "certain": None if each.certain else False,
    }
    return {key: value for key, value in found.items() if value not in ("", None)}


def _cut(whole: Mapping[str, Any], most: int, width: int) -> dict[str, Any]:
    """Rules that pass by their names alone; of the others so much evidence, in short texts."""
    rules = [
        _short({**rule, "evidence": rule.get("evidence", [])[:most]}, width)
        for rule in whole["rules"]
        if rule["status"] in ("fail", "unknown")
    ]
    more = ("evidence", "why", "remedy") if most else ()
    keys = ("rule", "severity", "status", "looked", "found", *more)
    kept = [{key: rule[key] for key in keys if rule.get(key) not in (None, [])} for rule in rules]
    passed = [rule["rule"] for rule in whole["rules"] if rule["status"] == "pass"]
    warnings = [_short(each, width) for each in whole["warnings"][:most]]
    cut = {**whole, "rules": kept, "passed": passed, "warnings": warnings, "truncated": True}
    cut["cluster"] = _short(whole["cluster"], 100)
    if most == 0:
        cut["passed"], cut["checklist"] = len(passed), _short(whole["checklist"], 60)
    return cut


def _short(value: Any, width: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= width else f"{value[: width - 1]}…"
    if isinstance(value, list):
        return [_short(each, width) for each in value]
    if isinstance(value, dict):
        return {_short(key, width): _short(each, width) for key, each in value.items()}
    return value


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(strip_control(value).split())
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    return value
