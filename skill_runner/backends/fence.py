"""Doors to the cluster that close: every write passes a check first.

One fence stands around a run and closes when its lock is lost; one around each call of a hook, and
closes when the call is over, so that a hook that outlives its time can do nothing more.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, Protocol, cast

from skill_runner.backends.base import Cluster, Helm
from skill_runner.errors import HookFailed

# What changes nothing. Everything else that a door offers is a write, also what it gains later.
READS: Final = frozenset(
    {
        "close",
        "definitions",
        "denied",
        "get",
        "history",
        "hooks",
        "list",
        "logs",
        "manifest",
        "resource_type",
        "resource_types",
        "template",
        "version",
        "watch",
    }
)


class Fence(Protocol):
    """Whatever decides whether a call may pass."""

    def pass_(self, call: str, *, read: bool, clean_up: bool) -> None:
        """Raise when `call` may not pass. To delete is to clean up."""


class Closable:
    """A fence that lets everything pass until it is closed, and nothing afterwards."""

    def __init__(self, closed: str) -> None:
        self._closed = closed
        self._open = True

    def close(self) -> None:
        self._open = False

    def pass_(self, call: str, *, read: bool, clean_up: bool) -> None:
        if not self._open:
            raise HookFailed(f"{self._closed}; its call of {call} is refused")


def fence_cluster(cluster: Cluster, fence: Fence) -> Cluster:
    """The cluster behind a fence."""
    return cast(Cluster, _Fenced(cluster, fence))


def fence_helm(helm: Helm, fence: Fence) -> Helm:
    """Helm behind a fence."""
    return cast(Helm, _Fenced(helm, fence))


class _Fenced:
    """`inner`, with methods that ask the fence first."""

    def __init__(self, inner: object, fence: Fence) -> None:
        self._inner = inner
        self._fence = fence

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return _fenced(name, value, self._fence) if callable(value) else value


def _fenced(name: str, method: Callable[..., Any], fence: Fence) -> Callable[..., Any]:
    def check(options: dict[str, Any]) -> None:
        read = name in READS or bool(options.get("dry_run"))
        fence.pass_(name, read=read, clean_up=name == "delete")

    @wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        check(options)
        return method(*arguments, **options)

    @wraps(method)
    async def call_later(*arguments: Any, **options: Any) -> Any:
        check(options)
        return await method(*arguments, **options)

    return call_later if inspect.iscoroutinefunction(method) else call
