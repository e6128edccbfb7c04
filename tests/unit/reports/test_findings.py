"""SARIF by models of another hand, GitLab's list by its documented fields."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sarif_pydantic import Sarif

from skill_runner.reports import Finished
from skill_runner.reports.findings import codequality, sarif
from tests.unit.reports.played import APP, CAUSE, hostile, platform, ready


def test_a_result_for_what_failed_at_the_platform_s_file() -> None:
    [run] = Sarif.model_validate_json(sarif(platform())).runs
    [result] = run.results or []
    assert result.rule_id == "PROOF_FAILED"
    assert result.message.text == f"{APP}: PROOF_FAILED: {CAUSE}"
    [place] = result.locations or []
    assert place.physical_location is not None
    assert place.physical_location.artifact_location is not None
    assert place.physical_location.artifact_location.uri == "shop.yaml"


def test_the_result_as_a_whole_where_nothing_else_failed() -> None:
    [run] = Sarif.model_validate_json(sarif(replace(platform(), events=(), file=""))).runs
    [result] = run.results or []
    assert result.message.text == f"shop: PROOF_FAILED: {CAUSE}"


@pytest.mark.parametrize(
    ("finished", "count"), [(hostile(), 2), (ready(), 0)], ids=["hostile", "ready"]
)
def test_whatever_it_holds_it_can_be_read(finished: Finished, count: int) -> None:
    [run] = Sarif.model_validate_json(sarif(finished)).runs
    assert len(run.results or []) == count
    assert len(json.loads(codequality(finished))) == count


def test_gitlab_s_findings_have_what_gitlab_asks_for() -> None:
    [found] = json.loads(codequality(platform()))
    assert found["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert found["location"] == {"path": "shop.yaml", "lines": {"begin": 1}}
    assert found["check_name"] == "PROOF_FAILED"
    again = json.loads(
        codequality(replace(platform(), document={**platform().document, "seconds": 1.0}))
    )
    assert again[0]["fingerprint"] == found["fingerprint"]
