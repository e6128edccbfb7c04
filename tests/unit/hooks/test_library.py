"""The functions of skill_runner.hooks that skills share: answers, drills, versions, Secrets."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import NotFound
from skill_runner.hooks import (
    GiveUp,
    PodResult,
    Ref,
    RetryLater,
    by_reference,
    check_topic_names,
    copy_secret,
    data_versions,
    ensure_password,
    find_secret,
    has_said,
    kill_pod_during,
    lose_pod_during,
    major_version,
    script_command,
    until,
    version_of,
    write_secret,
)
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import Scripted, scripted

SKILL = default_library().find("redis-k8s-setup")
FAILURE = "the keys did not come back"


@pytest.mark.parametrize(
    ("logs", "answer"), [("first\n100 came back\n\n", "100 came back"), ("", "")]
)
def test_the_answer_is_the_last_line(logs: str, answer: str) -> None:
    assert PodResult(0, logs).answer(FAILURE) == answer


def test_what_failed_shows_its_last_lines_and_the_next_step() -> None:
    logs = "".join(f"line {i}\n" for i in range(9))
    with pytest.raises(GiveUp, match=f"^{FAILURE}:\n  line 3\n(.*\n){{4}}  line 8$") as failed:
        PodResult(1, logs).answer(FAILURE, hint="look", not_yet=["refused"])
    assert failed.value.hint == "look"


def test_a_script_that_explains_itself_is_the_cause() -> None:
    with pytest.raises(GiveUp, match=r"^no pencil\nlooked\nlooked again$"):
        PodResult(1, "looked\nlooked again\nno pencil\n").answer()
    with pytest.raises(GiveUp, match=r"^it printed nothing and ended with code 3$"):
        PodResult(3, "\n").answer()
    with pytest.raises(RetryLater, match=r"^nobody there yet$"):
        PodResult(1, "nobody there yet\n").answer(not_yet=["there yet"])


def test_what_passes_is_asked_again_unless_it_is_final() -> None:
    result = PodResult(1, "connection failed: wrong password\n")
    with pytest.raises(RetryLater, match=r"yet: .*wrong password"):
        result.answer(FAILURE, not_yet=["connection failed"])
    with pytest.raises(GiveUp):
        result.answer(FAILURE, not_yet=["connection failed"], final=["wrong password"])


async def test_a_script_runs_in_a_pod_of_its_name(tmp_path: Path) -> None:
    script = tmp_path / "count.sh"
    script.write_text("echo 3\n")
    ctx = scripted(SKILL, PodResult(0, "3\n"))
    result = await ctx.run_script(script, image="example.org/a:1", env={"N": "3"}, timeout=9)
    assert result.answer("no count") == "3"
    (asked,) = Scripted.asked
    assert asked["name"] == "count"
    assert asked["command"] == ["bash", "-c", "echo 3\n"]
    assert (asked["env"], asked["timeout"]) == ({"N": "3"}, 9)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("say.sh", 'echo "$0 got $1 and $2"'),
        ("say.py", "import sys; print('say.py', 'got', sys.argv[1], 'and', sys.argv[2])"),
    ],
)
def test_a_script_gets_its_arguments(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    command = script_command(tmp_path / name, "a b", "c")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{name} got a b and c\n"


async def test_a_password_may_have_another_key() -> None:
    ref = Ref("v1", "Secret", "token", "redis")
    meta = {"name": "token", "namespace": "redis"}
    cluster = await cluster_with({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    ctx = scripted(SKILL, cluster=cluster)
    assert await ensure_password(ctx, ref, lambda made: {"token": made}, key="token")
    first = await find_secret(ctx, ref)
    assert set(first) == {"token"}
    assert len(first["token"]) == 32
    assert not await ensure_password(ctx, ref, lambda made: {"token": made}, key="token")
    assert await find_secret(ctx, ref) == first


def test_a_hook_knows_its_releases_and_its_secrets() -> None:
    ctx = scripted(SKILL)
    assert ctx.release("server") == "redis"
    assert ctx.secret("uri") == Ref("v1", "Secret", "redis-app", "redis")
    with pytest.raises(LookupError, match="no step 'secrets' of this plan installs a release"):
        ctx.release("secrets")
    with pytest.raises(LookupError, match="'host' is not kept in a Secret"):
        ctx.secret("host")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/library/postgres:17.12-bookworm", (17, 12)),
        ("registry.example:5000/kafka:v5.0", (5, 0)),
        ("skill.local/kafka:4.10.0-0a1b2c", (4, 10, 0)),
        ("postgres:17@sha256:" + "0" * 64, (17,)),
        ("valkey:8rc1", ()),
        ("kafka:latest", ()),
        ("registry.example:5000/kafka@sha256:44", ()),
        ("registry.example:5000/kafka", ()),
    ],
)
def test_the_version_that_a_tag_says(image: str, version: tuple[int, ...]) -> None:
    assert version_of(image) == version


def test_an_image_without_a_version_is_refused_with_an_example() -> None:
    assert major_version(scripted(SKILL), "valkey") == 8
    with pytest.raises(GiveUp, match=r"valkey:8rc1 does not say which version") as failed:
        major_version(scripted(SKILL, image="example.org/valkey:8rc1"), "valkey")
    assert "docker.io/valkey/valkey:8.1.6" in failed.value.hint


def test_a_pattern_of_topics_that_is_no_expression_is_refused() -> None:
    with pytest.raises(GiveUp, match=r"topic_pattern '\[' is no regular expression"):
        check_topic_names(["orders"], "[")


def test_claims_say_what_wrote_their_data() -> None:
    said = {"skill-runner.dev/data-version": "valkey-8"}
    claims: list[dict[str, Any]] = [
        {"metadata": {"name": "data-redis-0", "annotations": said}},
        {"metadata": {"name": "older"}},
    ]
    assert data_versions(claims) == {"data-redis-0": "valkey-8"}


def test_a_pod_refers_to_the_keys_of_a_secret() -> None:
    ref = Ref("v1", "Secret", "redis-app", "redis")
    assert by_reference(ref, {"HOST": "host"}) == {
        "HOST": {"secretKeyRef": {"name": "redis-app", "key": "host"}}
    }


async def cluster_with(*objects: dict[str, Any]) -> MemoryCluster:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "redis"}})
    for obj in objects:
        await cluster.create(obj)
    return cluster


async def test_who_read_the_old_values_of_a_copied_secret_is_told() -> None:
    def secret(namespace: str, **data: str) -> dict[str, Any]:
        meta = {"name": "db", "namespace": namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}

    cluster = await cluster_with(secret("redis", password="b25l"))
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
    await cluster.create(secret("apps"))
    told: list[Any] = []
    ctx = replace(scripted(SKILL, cluster=cluster), report=told.append)
    source = Ref("v1", "Secret", "db", "redis")
    await copy_secret(ctx, source, ["apps"])
    await copy_secret(ctx, source, ["apps"])
    assert told == [], "nobody has read an empty one, nor is the same one new"
    await write_secret(ctx, source, {"password": "another"})
    await copy_secret(ctx, source, ["apps"])
    (note,) = told
    assert "Secret apps/db has other values now: pods of apps" in note.text


async def test_a_secret_that_is_not_there_has_no_values() -> None:
    ctx = scripted(SKILL, cluster=await cluster_with())
    assert await find_secret(ctx, ctx.secret("uri")) == {}


def pod(name: str = "redis-0") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "redis", "labels": {"mark": "a"}},
        "spec": {"containers": [{"name": "main", "image": "a:1"}]},
    }


POD = Ref("v1", "Pod", "redis-0", "redis")


async def test_a_pod_is_lost_once_the_work_has_begun() -> None:
    cluster = await cluster_with(pod())
    ctx = scripted(SKILL, cluster=cluster)
    seen: list[str] = []

    async def work() -> str:
        seen.append("began")
        while True:
            try:
                await cluster.get(POD)
            except NotFound:
                break
            await ctx.clock.sleep(0.1)
        seen.append("lost")
        await cluster.create(pod())
        cluster.set_status(POD, conditions=[{"type": "Ready", "status": "True"}])
        return "all came back"

    async def started() -> bool:
        return "began" in seen

    assert await lose_pod_during(ctx, "redis-0", work(), started=started) == "all came back"
    assert seen == ["began", "lost"]


@pytest.mark.parametrize(
    ("error", "words"),
    [(GiveUp("no topic"), "^no topic$"), (None, "over before Pod redis/redis-0 could be deleted")],
)
async def test_work_that_ends_early_costs_no_pod(error: GiveUp | None, words: str) -> None:
    cluster = await cluster_with(pod())
    ctx = scripted(SKILL, cluster=cluster)

    async def work() -> str:
        if error:
            raise error
        return "all came back"

    async def started() -> bool:
        return False

    with pytest.raises(GiveUp, match=words):
        await lose_pod_during(ctx, "redis-0", work(), started=started)
    assert await cluster.get(POD)


async def test_a_pod_is_killed_amid_the_work() -> None:
    cluster = await cluster_with(pod(), pod("redis-1"))
    cluster.set_status(POD, conditions=[{"type": "Ready", "status": "True"}])
    ctx = scripted(SKILL, cluster=cluster)
    seen: list[str] = []

    async def work() -> str:
        seen.append("began")
        while "redis-0" in [each["metadata"]["name"] for each in await ctx.list("v1", "Pod")]:
            await ctx.clock.sleep(0.1)
        return "all had their effect"

    async def started() -> bool:
        return "began" in seen

    said = await kill_pod_during(ctx, "mark=a", work(), started=started)
    assert said == ("all had their effect", "redis-0"), "one that was ready"


async def test_work_that_is_over_before_a_pod_is_killed_is_done_again() -> None:
    cluster = await cluster_with(pod())
    cluster.set_status(POD, conditions=[{"type": "Ready", "status": "True"}])
    ctx = scripted(SKILL, cluster=cluster)

    async def short() -> str:
        return "all had their effect"

    async def failing() -> str:
        raise GiveUp("no topic")

    async def never() -> bool:
        return False

    with pytest.raises(RetryLater, match="no pod of mark=a could be killed"):
        await kill_pod_during(ctx, "mark=a", short(), started=never)
    with pytest.raises(GiveUp, match=r"^no topic$"):
        await kill_pod_during(ctx, "mark=a", failing(), started=never)
    assert await cluster.get(POD)


async def test_what_never_holds_is_given_up() -> None:
    ctx = scripted(SKILL)

    async def never() -> bool:
        return False

    with pytest.raises(GiveUp, match=r"^no sign within 20 s$"):
        await until(ctx, never, "no sign", seconds=20)


async def test_a_pod_has_said_something_only_while_it_runs() -> None:
    cluster = await cluster_with(pod())
    ctx = scripted(SKILL, cluster=cluster)
    assert not await has_said(ctx, "mark=a", "producing")
    cluster.set_status(POD, phase="Running")
    cluster.set_logs("redis", "redis-0", "main", "producing\n")
    assert await has_said(ctx, "mark=a", "producing")
    assert not await has_said(ctx, "mark=a", "consumed")
    assert not await has_said(ctx, "mark=b", "producing")
