"""Every fault on a real cluster, side by side, each in a namespace of its own.

With SKILL_RECORD_HISTORIES set, what was seen is kept as the histories that the tests
of readiness/wait replay.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube.transport import Transport
from skill_runner.backends.recording.file import save_history
from tests.integration.faults.play import Played, empty_registry, play
from tests.integration.faults.scenario import Scenario, all_scenarios, assert_expected
from tests.support.paths import HISTORIES

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    transport: Transport,
    images: None,
    helm: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[dict[str, asyncio.Task[Played]]]:
    """All chosen scenarios started at once, six at a time; each test awaits its own."""
    chosen = {item.callspec.id for item in request.session.items if hasattr(item, "callspec")}
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(scenario: Scenario) -> Played:
        async with turn:
            folder = tmp_path_factory.mktemp(scenario.name)
            return await play(cluster, transport, helm, scenario, folder)

    async with empty_registry(cluster):
        tasks = {s.name: asyncio.create_task(one(s)) for s in all_scenarios() if s.name in chosen}
        yield tasks
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("scenario", all_scenarios(), ids=lambda s: s.name)
async def test_fault(scenario: Scenario, played: dict[str, asyncio.Task[Played]]) -> None:
    done = await played[scenario.name]
    assert_expected(scenario, done.result, done.namespace)
    if os.environ.get("SKILL_RECORD_HISTORIES") and not scenario.header.get("unrecorded"):
        save_history(done.history, HISTORIES / f"{scenario.name}.jsonl")
    for text in scenario.header.get("live_telling", []):
        assert done.result.problem is not None
        assert text in "\n".join([done.result.problem.cause, *done.result.problem.evidence])
