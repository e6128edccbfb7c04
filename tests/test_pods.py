"""A pod of a hook's own: whose exit code counts when a sidecar was put beside it."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.backends.base import Object, Ref
from skill_runner.backends.memory import FakeClock, MemoryCluster
from skill_runner.context import SMALL
from skill_runner.plan import Installation
from skill_runner.pods import pod_manifest, run_to_completion

POD = Ref("v1", "Pod", "probe", "default")


def ended(name: str, code: int) -> Object:
    return {"name": name, "state": {"terminated": {"exitCode": code}}}


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([ended("daprd", 0), ended("main", 3)], 3),
        ([ended("daprd", 1), ended("main", 0)], 0),
        ([ended("main", 0)], 0),
        ([ended("daprd", 0), {"name": "main", "state": {"waiting": {"reason": "x"}}}], 1),
    ],
)
async def test_the_exit_code_is_that_of_the_pod_s_own_container(
    ends: list[Object], code: int
) -> None:
    clock = FakeClock()
    cluster = MemoryCluster(clock)
    manifest = pod_manifest(
        name="probe", installation=Installation("default", "demo"), image="example.org/a:1",
        command=["true"], env={}, resources=SMALL, labels={}, overrides={},
    )  # fmt: skip
    cluster.set_logs("default", "probe", "main", "last words\n")

    async def end() -> None:
        await clock.sleep(1)
        cluster.set_status(POD, phase="Failed", containerStatuses=ends)

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        said = await run_to_completion(cluster, clock, manifest, timeout=60)
    assert said == (code, "last words\n")
