"""An Application against one commit: each trap of its status, seen on a running Argo CD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.readiness.status.delivered import at_revision

CASES = yaml.safe_load((Path(__file__).parent / "delivered.yaml").read_text())
ASKED = "a" * 40


@pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in CASES])
def test_verdict(case: dict[str, Any]) -> None:
    verdict = at_revision({"status": case["status"]}, ASKED)
    assert (verdict.state, verdict.message) == (case["state"], case["message"])
