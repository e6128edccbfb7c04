"""Walk a directed acyclic graph: a task each, begun when its own requirements are done.

No layers: a task waits for nobody but those that it needs. What fails keeps its dependents from
beginning, and nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


class Cycle(Exception):
    """These require each other, in this order; the first is also the last."""

    def __init__(self, path: Sequence[Hashable]) -> None:
        super().__init__(" → ".join(map(str, path)))
        self.path = tuple(path)


def in_order(needs: Mapping[K, Iterable[K]]) -> tuple[K, ...]:
    """Every node after all that it needs. Cycle when there is no such order."""
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise Cycle(tuple(reversed(error.args[1]))) from None


@dataclass(frozen=True, slots=True)
class Work(Generic[K, R]):
    """`do` works on one node; `good` says of a result whether dependents may begin; `blocked` is
    the result of a node that never began, for those of its needs that are not good."""

    do: Callable[[K], Awaitable[R]]
    good: Callable[[R], bool]
    blocked: Callable[[K, tuple[K, ...]], R]


async def walk(needs: Mapping[K, Iterable[K]], work: Work[K, R]) -> dict[K, R]:
    """The result of every node. What `do` raises ends the whole walk, and is raised as it is."""
    tasks: dict[K, asyncio.Task[R]] = {}

    async def one(node: K) -> R:
        wanted = tuple(needs.get(node, ()))
        results = [(need, await tasks[need]) for need in wanted]
        bad = tuple(need for need, result in results if not work.good(result))
        return work.blocked(node, bad) if bad else await work.do(node)

    try:
        async with asyncio.TaskGroup() as group:
            for node in in_order(needs):
                tasks[node] = group.create_task(one(node), name=str(node))
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return {node: task.result() for node, task in tasks.items()}
