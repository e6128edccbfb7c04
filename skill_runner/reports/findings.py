"""The failures of a command as findings: SARIF 2.1.0, and GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from skill_runner import __version__
from skill_runner.reports.finished import Case, Finished, cases

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_HERE: Final = "skill.yaml"  # a report of GitLab's must name a file


def sarif(finished: Finished) -> str:
    """One run of the tool; a result for each case that failed.

    A result has a file where the command was about one: a platform file. Else it names the
    Kubernetes object as a logical location.
    """
    found = tuple(_failed(finished))
    rules = sorted({_rule(case, finished) for case in found})
    run = {
        "tool": {
            "driver": {
                "name": "skill",
                "version": __version__,
                "rules": [{"id": rule, "name": rule} for rule in rules],
            }
        },
        "invocations": [
            {"executionSuccessful": finished.good, "exitCode": finished.document["exit_code"]}
        ],
        "results": [_result(case, finished) for case in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def codequality(finished: Finished) -> str:
    """GitLab's list of findings; the place of each is the platform file, or skill.yaml."""
    found = [
        {
            "description": f"{case.installation}: {case.message}",
            "check_name": _rule(case, finished),
            "fingerprint": _fingerprint(case, finished),
            "severity": "major",
            "location": {"path": finished.file or _HERE, "lines": {"begin": 1}},
        }
        for case in _failed(finished)
    ]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _failed(finished: Finished) -> Iterable[Case]:
    """Cases that failed; the result as a whole only where no other says so."""
    failed = [case for case in cases(finished) if case.state == "failed"]
    return [case for case in failed if case.kind != "result"] or failed


def _rule(case: Case, finished: Finished) -> str:
    problem = finished.problem
    return str(problem["code"]) if problem else f"{case.kind}-failed"


def _result(case: Case, finished: Finished) -> Mapping[str, Any]:
    place: dict[str, Any] = {
        "logicalLocations": [
            {
                "fullyQualifiedName": f"{case.installation}/{case.kind}/{case.name}",
                "kind": "resource",
            }
        ]
    }
    if finished.file:
        place["physicalLocation"] = {
            "artifactLocation": {"uri": finished.file},
            "region": {"startLine": 1},
        }
    return {
        "ruleId": _rule(case, finished),
        "level": "error",
        "message": {"text": f"{case.installation}: {case.message or case.state}"},
        "locations": [place],
        "partialFingerprints": {"skill/v1": _fingerprint(case, finished)},
    }


def _fingerprint(case: Case, finished: Finished) -> str:
    """The same for the same failure of another run, whose words may differ."""
    parts = (case.installation, case.kind, case.name, _rule(case, finished))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
