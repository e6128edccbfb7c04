"""A required node affinity against one node."""

from __future__ import annotations

import pytest

from skill_runner.readiness.diagnosis.affinity import refused_by_affinity
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("affinity"), ids=str)
def test_affinity(case: Case) -> None:
    required = {"nodeSelectorTerms": case["terms"]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    node = {"metadata": {"name": "one", "labels": case["labels"]}}
    assert refused_by_affinity({"spec": {"affinity": affinity}}, node) == case["asks"]
