"""JUnit's XML, which GitLab, Jenkins and GitHub's reporters read: a suite an installation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final
from xml.etree import ElementTree as ET

from skill_runner.reports.finished import Case, Finished, cases

# Characters that XML 1.0 cannot hold, in any form (section 2.2 of its recommendation).
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(finished: Finished) -> str:
    """One case for each step, awaited object and proof, and one for the command as a whole.

    The text of a failure is the outcome's problem: code, cause, evidence, fix, next commands.
    """
    every = cases(finished)
    root = ET.Element("testsuites", {"name": f"skill {finished.command}", **_counts(every)})
    ordered = sorted(every, key=lambda case: case.installation)
    for installation, some in groupby(ordered, key=lambda case: case.installation):
        group = tuple(some)
        suite = ET.SubElement(root, "testsuite", {"name": _clean(installation), **_counts(group)})
        for case in group:
            _case(suite, case, finished.problem)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(some: tuple[Case, ...]) -> dict[str, str]:
    return {
        "tests": str(len(some)),
        "failures": str(sum(case.state == "failed" for case in some)),
        "errors": "0",
        "skipped": str(sum(case.state == "skipped" for case in some)),
        "time": f"{sum(case.seconds for case in some if case.kind != 'object'):.3f}",
    }


def _case(suite: ET.Element, case: Case, problem: Mapping[str, Any] | None) -> None:
    made = ET.SubElement(
        suite,
        "testcase",
        classname=_clean(f"{case.installation}.{case.kind}"),
        name=_clean(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.state == "failed":
        kind = str(problem["code"]) if problem else case.state
        failure = ET.SubElement(made, "failure", type=kind, message=_clean(case.message))
        failure.text = _clean(_told(problem) if problem else case.message)
    elif case.state == "skipped":
        ET.SubElement(made, "skipped", message=_clean(case.message))


def _told(problem: Mapping[str, Any]) -> str:
    where = f" in {problem['resource']}" if problem["resource"] else ""
    lines = [f"{problem['code']}{where}", problem["cause"], *problem["evidence"]]
    lines += [f"fix: {problem['fix']}"] if problem.get("fix") else []
    lines += [f"next: {action['run']}" for action in problem["next"]]
    return "\n".join(lines)


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("�", text)
