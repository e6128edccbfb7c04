"""Hooks: loading, calling, and every way in which they fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import HookFailed, SkillFileError
from skill_runner.hooks.call import call_hook, load_hooks
from skill_runner.hooks.context import Context
from skill_runner.plan import Installation
from skill_runner.progress import Event
from skill_runner.skill.model import Skill
from skill_runner.tasks import Haste
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm

HEADER = "from skill_runner.hooks import GiveUp, RetryLater\n"


@pytest.fixture
def make_skill(tmp_path: Path) -> Callable[[str], Skill]:
    def make(code: str) -> Skill:
        (tmp_path / "hooks.py").write_text(HEADER + code)
        return Skill(name="demo", version="1.0.0", summary="", use_when="", folder=tmp_path)

    return make


def make_context(seen: list[Event]) -> Context:
    clock = FakeClock()
    cluster = MemoryCluster(clock)
    return Context(
        installation=Installation("demo", "demo"),
        inputs={"n": 3},
        outputs={},
        images={},
        cluster=cluster,
        helm=MemoryHelm(cluster),
        clock=clock,
        report=seen.append,
        requires={},
    )


async def call(skill: Skill, seen: list[Event] | None = None) -> object:
    return await call_hook(skill, "hook", make_context([] if seen is None else seen), timeout=30)


@pytest.mark.parametrize("how", ["def", "async def"])
async def test_plain_and_async_hooks_are_called(
    make_skill: Callable[[str], Skill], how: str
) -> None:
    assert await call(make_skill(f"{how} hook(ctx):\n    return ctx.inputs['n'] + 1\n")) == 4


async def test_retry_later_calls_again(make_skill: Callable[[str], Skill]) -> None:
    code = (
        "calls = []\n"
        "def hook(ctx):\n"
        "    ctx.inputs.setdefault('calls', []).append(1)\n"
        "    if len(ctx.inputs['calls']) < 3:\n"
        "        raise RetryLater('no leader yet', after=5)\n"
        "    return len(ctx.inputs['calls'])\n"
    )
    seen: list[Event] = []
    assert await call(make_skill(code), seen) == 3
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise GiveUp('no such topic')", "hook hook: no such topic"),
        ("raise RetryLater('still starting', after=60)", "still starting"),
        ("1 / 0", r"\(hooks.py:3\) raised ZeroDivisionError"),
    ],
)
async def test_failures_say_why_and_where(
    make_skill: Callable[[str], Skill], body: str, words: str
) -> None:
    with pytest.raises(HookFailed, match=words):
        await call(make_skill(f"def hook(ctx):\n    {body}\n"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def hook(:\n", r"hooks\.py:2: "),
        ("import no_such_module\n", "ModuleNotFoundError"),
        ("other = 1\n", "no function 'hook'"),
    ],
)
async def test_a_file_that_does_not_load_names_the_place(
    make_skill: Callable[[str], Skill], code: str, words: str
) -> None:
    with pytest.raises(SkillFileError, match=words):
        await call(make_skill(code))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    skill = Skill(name="demo", version="1.0.0", summary="", use_when="", folder=tmp_path)
    with pytest.raises(SkillFileError, match="missing"):
        load_hooks(skill.hooks_file, skill.name)


async def test_a_hook_that_knows_the_cause_names_it(make_skill: Callable[[str], Skill]) -> None:
    body = "raise GiveUp('no daprd\\nas seen', code='SIDECAR_MISSING', resource='Pod a/b')"
    with pytest.raises(HookFailed) as failed:
        await call(make_skill(f"def hook(ctx):\n    {body}\n"))
    problem = failed.value.problem
    assert (problem.code, problem.resource, problem.cause, problem.evidence) == (
        "SIDECAR_MISSING",
        "Pod a/b",
        "no daprd",
        ("as seen",),
    )


CONFIG = "{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'late'}}"
OUTLIVES = f"""
import asyncio

def hook(ctx):
    ctx.inputs["go on"].wait()
    for call in (ctx.apply({CONFIG}), ctx.list("v1", "Pod"), ctx.exec("p", [], container="c")):
        try:
            asyncio.run(call)
        except Exception as error:
            ctx.inputs["said"].append(str(error))
    ctx.inputs["over"].set()
"""


@pytest.mark.parametrize("how", ["late", "cancelled"])
async def test_a_thread_that_outlives_its_hook_does_nothing_more_to_the_cluster(
    make_skill: Callable[[str], Skill], how: str
) -> None:
    go_on, over, said = threading.Event(), threading.Event(), list[str]()
    cluster = MemoryCluster()
    context = replace(
        make_context([]), inputs={"go on": go_on, "over": over, "said": said}, cluster=cluster
    )
    limit = 0.05 if how == "late" else 3600.0
    task = asyncio.ensure_future(call_hook(make_skill(OUTLIVES), "hook", context, timeout=limit))
    if how == "late":
        with pytest.raises(
            HookFailed, match=r"after 0\.05 s; it still runs, and its further calls"
        ):
            await task
    else:
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    go_on.set()
    assert await asyncio.to_thread(over.wait, 30)
    assert said == [
        f"hook hook is over; its call of {name} is refused" for name in ("apply", "list", "exec")
    ]
    assert cluster.requests == []


async def test_a_loop_that_catches_everything_is_ended(make_skill: Callable[[str], Skill]) -> None:
    body = """
    import asyncio
    while True:
        try:
            await asyncio.Event().wait()
        except:
            ctx.inputs["caught"] = True
            await asyncio.Event().wait()
"""
    inputs: dict[str, Any] = {}
    context = replace(make_context([]), inputs=inputs)
    skill = make_skill(f"async def hook(ctx):{body}")
    with Haste() as haste:
        task = asyncio.ensure_future(call_hook(skill, "hook", context, timeout=3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    haste.hurry()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inputs == {"caught": True}


@pytest.mark.parametrize("how", ["def", "async def"])
async def test_a_hook_does_not_end_the_process(
    make_skill: Callable[[str], Skill], how: str
) -> None:
    with pytest.raises(HookFailed, match=r"called sys\.exit\(3\)"):
        await call(make_skill(f"import sys\n{how} hook(ctx):\n    sys.exit(3)\n"))


async def test_a_time_out_of_something_else_keeps_its_words(
    make_skill: Callable[[str], Skill],
) -> None:
    body = "raise TimeoutError('`psql` did not end within 60 s')"
    with pytest.raises(HookFailed, match="raised TimeoutError: “`psql` did not end within 60 s”"):
        await call(make_skill(f"async def hook(ctx):\n    {body}\n"))


def test_a_module_of_the_runner_that_has_moved_is_answered_with_the_one_import(
    make_skill: Callable[[str], Skill],
) -> None:
    skill = make_skill("import importlib\nimportlib.import_module('skill_runner.claims')\n")
    with pytest.raises(SkillFileError, match=r"No module named 'skill_runner\.claims'") as caught:
        load_hooks(skill.hooks_file, skill.name)
    assert "from skill_runner.hooks import" in caught.value.hint
