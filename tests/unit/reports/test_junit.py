"""JUnit's XML, as a reader of another hand finds it."""

from __future__ import annotations

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestCase

from skill_runner.reports import Finished
from skill_runner.reports.junit import junit
from tests.unit.reports.played import APP, BUS, CAUSE, hostile, platform, ready


def read(finished: Finished) -> JUnitXml:
    return JUnitXml.fromstring(junit(finished).encode())


def results(case: TestCase) -> list[object]:
    return list(case.result)


def test_a_suite_for_each_installation_counts_its_cases() -> None:
    found = read(platform())
    assert (found.tests, found.failures, found.skipped) == (5, 2, 0)
    assert [(s.name, s.tests, s.failures) for s in found] == [
        (APP, 2, 1),
        (BUS, 2, 0),
        ("shop", 1, 1),
    ]


def test_the_failure_is_the_problem() -> None:
    [failed] = [c for s in read(platform()) for c in s if c.name == "delivery"]
    [failure] = results(failed)
    assert isinstance(failure, Failure)
    assert failure.type == "PROOF_FAILED"
    assert failure.message == f"PROOF_FAILED: {CAUSE}"
    assert failure.text is not None
    assert failure.text.splitlines() == [
        "PROOF_FAILED in proof delivery of app/app",
        CAUSE,
        "log app/app-0: ValueError: <b>",
        "event Pod app/app-0: Unhealthy",
        "fix: Look at the handler.",
        "next: skill why app",
    ]


@pytest.mark.parametrize("finished", [hostile(), ready()], ids=["hostile", "ready"])
def test_whatever_it_holds_it_can_be_read(finished: Finished) -> None:
    found = read(finished)
    assert found.tests == sum(suite.tests for suite in found) > 0
    assert not any(isinstance(r, Skipped) for s in found for c in s for r in results(c))
