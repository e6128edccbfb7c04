"""A step or proof of skill.yaml called: its hook, or the function for what it declares."""

from __future__ import annotations

from functools import partial
from typing import Any

from skill_runner.hooks.admission import await_admission
from skill_runner.hooks.call import call_function, call_hook
from skill_runner.hooks.context import Context
from skill_runner.hooks.web import prove_pages
from skill_runner.plan import PlannedAdmits, PlannedHook
from skill_runner.skill.model import Proof, Skill


async def call(skill: Skill, asked: PlannedHook | PlannedAdmits | Proof, context: Context) -> Any:
    """Return what it says, within its `timeout`; HookFailed otherwise, as for a hook."""
    if isinstance(asked, PlannedHook):
        return await call_hook(skill, asked.hook, context, timeout=asked.timeout)
    if asked.admits is not None:
        function = partial(await_admission, admission=asked.admits)
        return await call_function(function, "admits", context, timeout=asked.timeout)
    assert isinstance(asked, Proof)
    if asked.web is not None:
        function = partial(prove_pages, pages=asked.web)
        return await call_function(function, "web", context, timeout=asked.timeout)
    return await call_hook(skill, asked.hook, context, timeout=asked.timeout)
