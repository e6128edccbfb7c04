"""A skill's hooks.py: loaded once, called with a Context, which is its only way to the cluster."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, Self

from skill_runner.backends.base import Clock
from skill_runner.backends.fence import Closable, Fence
from skill_runner.errors import HookFailed, SkillError, SkillFileError
from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater
from skill_runner.outcome import Problem
from skill_runner.skill.model import Skill
from skill_runner.tasks import patiently, uncancelled
from skill_runner.text.quoting import excerpt

__all__ = ["Context", "GiveUp", "PodResult", "RetryLater", "call_hook", "load_hooks"]

Hook = Callable[[Any], Any]
CLEAN_UP: Final = 10.0  # seconds that a cancelled hook may take to end
INSIST: Final = 0.1  # seconds between further cancellations of one that catches them


class Doors(Protocol):
    """A hook's one argument, as far as calling it needs."""

    @property
    def clock(self) -> Clock: ...

    def note(self, text: str) -> None: ...

    def behind(self, fence: Fence) -> Self: ...


class _Late(Exception):
    """The time of a hook is over."""


def load_hooks(path: Path, owner: str) -> ModuleType:
    """Import the hooks.py of a skill or a platform under a name of its own.

    SkillFileError names file and line when it does not even load.
    """
    module_name = f"_skill_hooks_{owner.replace('-', '_')}_{abs(hash(str(path))):x}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise SkillFileError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError as error:
        raise SkillFileError(f"{path}: missing, but its hooks are named") from error
    except SyntaxError as error:
        raise SkillFileError(f"{path}:{error.lineno}: {error.msg}") from error
    except ImportError as error:
        ours = (error.name or "").partition(".")[0] == "skill_runner"
        raise SkillFileError(
            f"{path}: {type(error).__name__} while loading: {error.msg}",
            hint="A skill imports only skill_runner.hooks: from skill_runner.hooks import …"
            if ours
            else "",
        ) from error
    except Exception as error:
        raise SkillFileError(f"{path}: {type(error).__name__} while loading: {error}") from error
    return module


async def call_hook(skill: Skill, name: str, context: Context, *, timeout: float) -> Any:
    """Call one hook of a skill's hooks.py (see `call_function`)."""
    return await call_in_file(skill.hooks_file, skill.name, name, context, timeout=timeout)


async def call_in_file(file: Path, owner: str, name: str, context: Doors, *, timeout: float) -> Any:
    """Call one function of a hooks.py that belongs to `owner` (see `call_function`)."""
    function = getattr(load_hooks(file, owner), name, None)
    if not callable(function):
        raise SkillFileError(f"{file}: no function {name!r}, which {owner} names as a hook")
    called = f"hook {name}"
    return await call_function(function, name, context, timeout=timeout, called=called, file=file)


async def call_function(
    function: Hook,
    name: str,
    context: Doors,
    *,
    timeout: float,
    called: str = "",
    file: Path | None = None,
) -> Any:
    """Call a function with a Context; RetryLater calls it again until `timeout` seconds are over.

    HookFailed (with its own words, after what it is `called`) for GiveUp, for a function that
    raises, and for one that is never done. A coroutine is cancelled then. A plain function runs in
    a thread, which cannot be ended: every call of its Context is refused from then on.
    """
    called = called or name
    deadline = context.clock.monotonic() + timeout
    while True:
        try:
            left = max(0.1, deadline - context.clock.monotonic())
            return await _call(function, name, context, left)
        except RetryLater as later:
            if context.clock.monotonic() + later.after >= deadline:
                said = f"{later} (for {timeout:.0f} s)"
                raise HookFailed(said, called=called) from later
            context.note(f"{name}: {later}")
            await context.clock.sleep(later.after)
        except _Late as error:
            raise HookFailed(f"{called} was not done after {timeout:g} s{error}") from error
        except GiveUp as error:
            raise gave_up(called, error) from error
        except SkillError:
            raise
        except Exception as error:
            where = _line_in(file, error) if file else ""
            raise HookFailed(
                f"{called}{where} raised {type(error).__name__}: {excerpt(error)}"
            ) from error


def gave_up(called: str, error: GiveUp) -> HookFailed:
    """The failure of a hook that gave up, with the problem where it names its code."""
    first, *more = error.message.splitlines() or [""]
    problem = error.code and Problem(
        code=error.code,
        resource=error.resource,
        cause=first,
        evidence=(*more, *error.listed)[:8],
        retryable=True,
    )
    return HookFailed(
        error.message, called=called, listed=error.listed, hint=error.hint, problem=problem
    )


async def _call(function: Hook, name: str, context: Doors, seconds: float) -> Any:
    """Return the hook's result; _Late, with what is left of it, after `seconds`.

    However it ends, its Context is closed then.
    """
    fence = Closable(f"hook {name} is over")
    task = asyncio.ensure_future(_await_hook(function, name, context.behind(fence)))
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        ended = await uncancelled(_end(task))
        fence.close()
    alive = not ended or not inspect.iscoroutinefunction(function)
    raise _Late("; it still runs, and its further calls are refused" if alive else "")


async def _await_hook(function: Hook, name: str, context: Doors) -> Any:
    try:
        if inspect.iscoroutinefunction(function):
            return await function(context)
        return await _in_thread(function, name, context)
    except SystemExit as error:
        raise HookFailed(f"hook {name} called sys.exit({error.code!r})") from error


async def _end(task: asyncio.Future[Any]) -> bool:
    """Cancel what is not done; whether it has ended. A bare `except:` in a loop catches the first
    cancellation, so there are more of them."""
    task.cancel()
    with suppress(TimeoutError):
        await patiently(asyncio.wait({task}), CLEAN_UP)
    for _ in range(int(CLEAN_UP / INSIST)):
        if task.done():
            break
        task.cancel()
        await asyncio.wait({task}, timeout=INSIST)
    if task.done() and not task.cancelled():
        task.exception()  # it is seen: what counts is that its time is over
    return task.done()


async def _in_thread(function: Hook, name: str, context: Doors) -> Any:
    """Return a plain function's result, from a thread that does not keep the process from
    ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            set_(value)

    def work() -> None:
        outcome: tuple[Callable[[Any], None], Any]
        try:
            outcome = future.set_result, copied.run(function, context)
        except StopIteration as error:  # no future can hold one
            outcome = future.set_exception, RuntimeError(f"StopIteration: {error}")
        except BaseException as error:
            outcome = future.set_exception, error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, *outcome)

    copied = copy_context()
    threading.Thread(target=work, name=f"hook-{name}", daemon=True).start()
    return await future


def _line_in(path: Path, error: BaseException) -> str:
    """Return where in the skill's own file the error was raised, such as ` (hooks.py:12)`."""
    trace = error.__traceback__
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" ({path.name}:{line})" if line else ""
