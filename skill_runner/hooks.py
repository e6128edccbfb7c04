"""A skill's hooks.py: loaded once, called with a Context, which is its only way to the cluster."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from skill_runner.context import Context, GiveUp, PodResult, RetryLater
from skill_runner.errors import HookFailed, SkillError, SkillFileError
from skill_runner.outcome import Problem
from skill_runner.quoting import excerpt
from skill_runner.skill import Skill

__all__ = ["Context", "GiveUp", "PodResult", "RetryLater", "call_hook", "load_hooks"]

Hook = Callable[[Context], Any]


def load_hooks(skill: Skill) -> ModuleType:
    """Import the skill's hooks.py under a name of its own.

    SkillFileError names file and line when it does not even load.
    """
    path = skill.hooks_file
    spec = importlib.util.spec_from_file_location(_module_name(skill.name, path), path)
    if spec is None or spec.loader is None:
        raise SkillFileError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError as error:
        raise SkillFileError(f"{path}: missing, but skill.yaml names hooks") from error
    except SyntaxError as error:
        raise SkillFileError(f"{path}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        raise SkillFileError(f"{path}: {type(error).__name__} while loading: {error}") from error
    return module


def _module_name(skill: str, path: Path) -> str:
    return f"_skill_hooks_{skill.replace('-', '_')}_{abs(hash(str(path))):x}"


async def call_hook(skill: Skill, name: str, context: Context, *, timeout: float) -> Any:
    """Call one hook and await it; RetryLater calls it again until `timeout` seconds are over.

    Plain functions run in a worker thread. HookFailed (with the hook's own words) for GiveUp,
    for a hook that raises, and for one that is never done.
    """
    function = _find(skill, name)
    deadline = context.clock.monotonic() + timeout
    while True:
        try:
            return await asyncio.wait_for(
                _await_hook(function, context), max(0.1, deadline - context.clock.monotonic())
            )
        except RetryLater as later:
            if context.clock.monotonic() + later.after >= deadline:
                raise HookFailed(f"hook {name}: {later} (for {timeout:.0f} s)") from later
            context.note(f"{name}: {later}")
            await context.clock.sleep(later.after)
        except TimeoutError as error:
            raise HookFailed(f"hook {name} was not done after {timeout:.0f} s") from error
        except GiveUp as error:
            raise HookFailed(
                f"hook {name}: {error}", hint=error.hint, problem=_problem(error)
            ) from error
        except SkillError:
            raise
        except Exception as error:
            where = _line_in(skill.hooks_file, error)
            raise HookFailed(
                f"hook {name}{where} raised {type(error).__name__}: {excerpt(error)}"
            ) from error


def _problem(error: GiveUp) -> Problem | None:
    if error.code is None:
        return None
    first, *more = str(error).splitlines() or [""]
    return Problem(
        code=error.code, resource=error.resource, cause=first, evidence=tuple(more[:8]),
        retryable=True,
    )  # fmt: skip


def _find(skill: Skill, name: str) -> Hook:
    module = load_hooks(skill)
    function = getattr(module, name, None)
    if not callable(function):
        raise SkillFileError(f"{skill.hooks_file}: no function {name!r}, which skill.yaml names")
    hook: Hook = function
    return hook


async def _await_hook(function: Hook, context: Context) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(context)
    return await asyncio.to_thread(function, context)


def _line_in(path: Path, error: BaseException) -> str:
    """Where in the skill's own file the error was raised, such as ` (hooks.py:12)`."""
    trace = error.__traceback__
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" ({path.name}:{line})" if line else ""
