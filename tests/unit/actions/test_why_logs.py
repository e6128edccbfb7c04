"""A log is written by whoever made the image: `skill why` ends whatever stands in it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from skill_runner.actions import why
from skill_runner.backends.base import LOG_BYTES
from skill_runner.outcome import LIMIT, to_dict, to_json
from tests.unit.actions.test_why import CRASHED, Stage

GARBAGE = random.Random(7).randbytes(500_000).decode("utf-8", "replace")
LOGS = {
    "letters without a space": "a" * 200_000,
    "one line of 5 MB": "Error " * 900_000,
    "one word of 5 MB": "x" * 5_000_000,
    "binary": GARBAGE,
    "100,000 lines": "ERROR: something is wrong\n" * 100_000,
    "openings of frames": "((a)" * 100_000,
    "escapes": "\x1b[0;" * 200_000,
    "a component's failure again and again": "initialization error occurred for " * 50_000,
    "nothing but line ends": "\n" * 1_000_000,
}


@pytest.mark.timeout(60)  # seconds; what is not linear takes minutes to hours
@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS.keys())
@pytest.mark.parametrize("container", ["c", "daprd"])
async def test_why_ends_whatever_a_log_holds(log: str, container: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    status = json.loads(json.dumps(CRASHED).replace('"c"', json.dumps(container)))
    await stage.install(status)
    for previous in (False, True):
        stage.cluster.set_logs("default", "web-1-a", container, log, previous=previous)
    outcome = await why.why_release(stage.world, stage.run, "web", "default")
    assert outcome.problem is not None
    assert outcome.problem.code == "CRASH_LOOP"
    assert len(to_json(outcome).encode()) < LIMIT
    assert not any(ord(c) < 32 for line in outcome.problem.evidence for c in line)
    kept = sum(f.stat().st_size for f in (tmp_path / "evidence").iterdir())
    assert kept < 4 * LOG_BYTES
    assert to_dict(outcome)["problem"]["cause"].startswith("container")
