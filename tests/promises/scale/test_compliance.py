"""An audit of 5,000 pods: lists page by page, a request for each page, and bounded memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from skill_runner.actions.compliance.audit import audit, to_json
from skill_runner.actions.compliance.gather import kinds_of
from skill_runner.backends.kube.pages import PAGE
from skill_runner.compliance.reader import find_governance
from tests.promises.scale.crowd import crowd
from tests.promises.scale.stage import standing

PODS = 5000
MOST = 100_000_000  # bytes beside what was there before; the pods' own text is 15 MB
KINDS_SERVED_AND_RECORDS = 2  # requests beside the lists of kinds: records, and discovery's few


@pytest.mark.heavy
async def test_five_thousand_objects(tmp_path: Path) -> None:
    governance = find_governance("learnflow")
    async with standing(tmp_path, crowd(PODS, 0)) as stage:
        stage.server.asked.clear()
        tracemalloc.start()
        try:
            found = await audit(stage.world.cluster, governance, (), stage.library, now=0.0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        lists = [one for one in stage.server.asked if one.verb == "list"]
    answers = {each.rule: each for each in found.verdict.answers}
    assert answers["resources"].looked == PODS
    assert len(answers["resources"].evidence) >= PODS
    assert {one.limit for one in lists} == {str(PAGE)}, "no list is read whole"
    by_kind = Counter(one.resource for one in lists)
    assert by_kind["pods"] == PODS // PAGE
    assert len(lists) <= len(kinds_of(governance)) + PODS // PAGE + KINDS_SERVED_AND_RECORDS
    assert {one.verb for one in stage.server.asked} <= {"list", "discover", "get"}
    assert peak < MOST
    assert len(to_json(found, full=False, exit_code=1).encode()) < 4096
