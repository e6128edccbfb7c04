"""Every recorded fault, played again through wait and diagnosis under a fake clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions.replay import replay
from skill_runner.backends.recording import load_history
from tests.integration.faults.scenario import DATA, assert_expected, load_scenario
from tests.support.paths import HISTORIES


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.jsonl")), ids=lambda p: p.stem)
async def test_history(path: Path) -> None:
    history = load_history(path)
    scenario = load_scenario(DATA / f"{history.header['scenario']}.yaml")
    results = await replay(history)
    assert_expected(scenario, results[-1], history.header["namespace"])


def test_every_scenario_has_its_history() -> None:
    recorded = {path.stem for path in HISTORIES.glob("*.jsonl")}
    wanted = [load_scenario(path) for path in DATA.glob("*.yaml")]
    assert {s.name for s in wanted if not s.header.get("unrecorded")} == recorded
