"""A pod of a hook's own: whose exit code counts, and that it does not stay."""

from __future__ import annotations

import asyncio

import pytest

from skill_runner.hooks.context import SMALL
from skill_runner.hooks.pods import job_of, pod_manifest, run_to_completion
from skill_runner.installations.removal import find_left_behind
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.testing import FakeClock, MemoryCluster

POD = Ref("v1", "Pod", "probe", "default")
DEMO = Installation("default", "demo")


def manifest_of(name: str, installation: Installation = DEMO) -> Object:
    return pod_manifest(
        name=name,
        installation=installation,
        image="example.org/a:1",
        command=["true"],
        env={},
        resources=SMALL,
        labels={},
        overrides={},
    )


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
    manifest = manifest_of("probe")
    cluster.set_logs("default", "probe", "main", "last words\n")

    async def end() -> None:
        await clock.sleep(1)
        cluster.set_status(POD, phase="Failed", containerStatuses=ends)

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        said = await run_to_completion(cluster, clock, manifest, timeout=60)
    assert said == (code, "last words\n")


async def test_why_a_command_could_not_be_started_is_told() -> None:
    clock = FakeClock()
    cluster = MemoryCluster(clock)
    cluster.set_logs("default", "probe", "main", "")
    said = 'exec: "curl": executable file not found in $PATH'
    end = {"exitCode": 128, "reason": "StartError", "message": said}

    async def later() -> None:
        await clock.sleep(1)
        cluster.set_status(
            POD, phase="Failed", containerStatuses=[{"name": "main", "state": {"terminated": end}}]
        )

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        result = await run_to_completion(cluster, clock, manifest_of("probe"), timeout=60)
    assert result == (128, said)


class SlowCluster(MemoryCluster):
    """A server that has made an object before its caller hears of it."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.made, self.answer = asyncio.Event(), asyncio.Event()

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        made = await super().create(manifest, dry_run=dry_run)
        self.made.set()
        await self.answer.wait()
        return made


async def test_a_pod_whose_caller_is_cancelled_while_it_is_made_does_not_stay() -> None:
    cluster = SlowCluster()
    running = asyncio.create_task(
        run_to_completion(cluster, cluster.clock, manifest_of("probe"), timeout=60)
    )
    await cluster.made.wait()
    running.cancel()
    await asyncio.sleep(0)
    cluster.answer.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await cluster.list("v1", "Pod")).items == ()


async def test_what_a_killed_run_left_is_found_by_its_installation_alone() -> None:
    cluster = MemoryCluster(FakeClock())
    for name, installation in (
        ("mine", Installation("default", "demo")),
        ("of-another", Installation("default", "other")),
        ("of-its-namesake", Installation("elsewhere", "demo")),
    ):
        manifest = manifest_of(name, installation)
        manifest["metadata"]["namespace"] = "default"
        await cluster.create(manifest)
    found = await find_left_behind(cluster, Installation("default", "demo"), ["default"])
    assert list(found) == [Ref("v1", "Pod", "mine", "default")]


async def make_pod(cluster: MemoryCluster, job: Object) -> Ref:
    """A Job's pod, as its controller makes it."""
    template, meta = job["spec"]["template"], job["metadata"]
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    labels = {**template["metadata"]["labels"], "job-name": meta["name"]}
    made = await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": template["spec"],
            "metadata": {
                **template["metadata"],
                "name": f"{meta['name']}-x7k2p",
                "labels": labels,
                "namespace": meta["namespace"],
                "ownerReferences": [owner],
            },
        }
    )
    return Ref.of(made)


JOB = Ref("batch/v1", "Job", "probe", "default")


async def test_a_job_s_pod_is_followed_and_goes_with_the_job() -> None:
    clock = FakeClock()
    cluster = MemoryCluster(clock)
    cluster.set_logs("default", "probe-x7k2p", "main", "last words\n")

    async def play() -> None:
        await clock.sleep(1)
        made = await make_pod(cluster, await cluster.get(JOB))
        await clock.sleep(1)
        cluster.set_status(made, phase="Failed", containerStatuses=[ended("main", 3)])

    async with asyncio.TaskGroup() as group:
        group.create_task(play())
        job = job_of(manifest_of("probe"))
        said = await run_to_completion(cluster, clock, job, timeout=60)
    assert said == (3, "last words\n")
    for kind in (("v1", "Pod"), ("batch/v1", "Job")):
        assert (await cluster.list(*kind)).items == ()


async def test_why_a_job_makes_no_pod_is_told() -> None:
    clock = FakeClock()
    cluster = MemoryCluster(clock)

    async def play() -> None:
        await clock.sleep(1)
        job = await cluster.get(JOB)
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "reason": "FailedCreate",
                "message": "exceeded quota: pods",
                "metadata": {"name": "e", "namespace": "default"},
                "involvedObject": {"kind": "Job", "name": "probe", "uid": job["metadata"]["uid"]},
            }
        )

    async with asyncio.TaskGroup() as group:
        group.create_task(play())
        with pytest.raises(TimeoutError, match="not done after 60 s: exceeded quota: pods"):
            await run_to_completion(cluster, clock, job_of(manifest_of("probe")), timeout=60)
    assert clock.monotonic() >= 60
    assert (await cluster.list("batch/v1", "Job")).items == ()


async def test_of_a_killed_run_the_job_is_found_that_would_keep_the_pod() -> None:
    cluster = MemoryCluster(FakeClock())
    job = await cluster.create(job_of(manifest_of("probe")))
    await make_pod(cluster, job)
    found = await find_left_behind(cluster, DEMO, ["default"])
    assert found == {JOB: job["metadata"]["uid"]}
