"""One look at the end of every recorded fault names what the wait named."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.backends.recording import ReplayCluster, load_history
from skill_runner.readiness.diagnosis.recovery import RECENT
from skill_runner.readiness.status.table import is_passive
from skill_runner.readiness.wait import Expected, look_once
from skill_runner.readiness.wait.request import read_request
from skill_runner.testing import FakeClock
from tests.integration.faults.scenario import DATA, load_scenario
from tests.support.paths import HISTORIES

# Where Helm refused, nothing was waited for.
WAITED = [path for path in sorted(HISTORIES.glob("*.jsonl")) if load_history(path).header["waits"]]


@pytest.mark.parametrize("path", WAITED, ids=lambda p: p.stem)
async def test_one_look_at_the_end(path: Path) -> None:
    history = load_history(path)
    scenario = load_scenario(DATA / f"{history.header['scenario']}.yaml")
    namespace = history.header["namespace"]
    clock = FakeClock(history.header["began"])
    expected = [
        Expected.of(dict(one.manifest))
        for one in read_request(history.header["waits"][-1]["asked"]).objects
        # What can only exist is not followed by a wait, so it is not in the history.
        if not is_passive(one.ref.api_version, one.ref.kind)
    ]
    async with ReplayCluster(history, clock) as cluster:
        # As long after the end as a restart is doubted.
        await clock.sleep(max(moment.at for moment in history.moments) + RECENT)
        before = clock.monotonic()
        result = await look_once(
            cluster, clock, expected, rules=scenario.rules(namespace), policy=scenario.policy
        )
        assert clock.monotonic() == before, "a look must not wait"
    if scenario.expect.get("state") == "ready":
        assert result.state == "ready", result.problem
        return
    assert result.problem is not None
    assert result.problem.code == scenario.expect["code"], result.problem
    assert result.state in ("failed", "late")
