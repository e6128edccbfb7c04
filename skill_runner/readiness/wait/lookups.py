"""Look up what a diagnosis needs beyond watched objects, once it is needed: nodes, storage
classes, last log lines, a failing probe's answer, whether a kind has a status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, Final, TypeVar

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import Forbidden, NotFound, SkillError
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.diagnosis.missing_config import Missing
from skill_runner.readiness.diagnosis.text import bounded
from skill_runner.readiness.wait.answers import ask_probe
from skill_runner.tasks import ended

T = TypeVar("T")
FRESH: Final = 15.0
AGAIN: Final = 1.0  # seconds after which a failed request is made again, at the next look
LOG_LINES: Final = 30


class Lookups:
    """Answers that arrive later: `None` now, a call of `changed` when they are there."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        changed: Callable[[], None],
        *,
        reads_only: bool = False,
    ) -> None:
        self.cluster = self._cluster = cluster
        self.clock = self._clock = clock
        self._changed = changed
        self.reads_only = reads_only
        self._answers: dict[Hashable, Any] = {}
        self._asked: dict[Hashable, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarms: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await ended(*self._tasks, *self._alarms)

    async def settle(self) -> bool:
        """Wait for every answer that was asked for; whether there was one to wait for."""
        asked = tuple(self._tasks)
        await asyncio.gather(*asked, return_exceptions=True)
        return bool(asked)

    def nodes(self) -> tuple[Object, ...] | None:
        return self._have("nodes", FRESH, lambda: self._all("v1", "Node"))  # type: ignore[no-any-return]

    def classes(self) -> tuple[Object, ...] | None:
        return self._have(  # type: ignore[no-any-return]
            "classes", FRESH, lambda: self._all("storage.k8s.io/v1", "StorageClass")
        )

    def autoscalers(self, namespace: str) -> tuple[Object, ...] | None:
        """The HorizontalPodAutoscalers of a namespace; none where they may not be read."""
        key = ("autoscalers", namespace)
        return self._have(key, FRESH, lambda: self._scalers(namespace))  # type: ignore[no-any-return]

    async def _scalers(self, namespace: str) -> tuple[Object, ...]:
        try:
            kind = ("autoscaling/v2", "HorizontalPodAutoscaler")
            return (await self._cluster.list(*kind, namespace=namespace)).items
        except (Forbidden, NotFound):
            return ()

    def namespace(self, name: str) -> tuple[Object | None, ...]:
        """The namespace in a tuple, None in it when it does not exist; empty until it is known."""
        found = self._have(("namespace", name), AGAIN, lambda: self._namespace(name))
        return found or ()

    def has_status(self, ref: Ref) -> bool | None:
        """Tell whether the CRD of a custom resource declares a status."""
        key = ("status", ref.api_version, ref.kind)
        return self._have(key, 60.0, lambda: self._kind_has_status(ref))  # type: ignore[no-any-return]

    def later(self, key: Hashable, ask: Callable[[], Awaitable[str]]) -> str | None:
        """Ask again, every second, what is in the way until nothing is; None before an answer."""
        if self._answers.get(key) == "":
            return ""
        return self._have(key, AGAIN, lambda: self._ask_again(ask))  # type: ignore[no-any-return]

    def renewed(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The latest answer, asked for again every 15 s; None before the first."""
        found: T | None = self._have(key, FRESH, ask)
        return found

    async def _ask_again(self, ask: Callable[[], Awaitable[str]]) -> str:
        said = await ask()
        if said:
            self._look_again()
        return said

    def arrived(self, namespace: str, missing: Missing) -> bool:
        """Tell whether what a kubelet missed is there by now, asked again every second; False
        before the first answer and where nobody may ask. Values are not kept."""
        key = ("arrived", namespace, missing)
        return bool(self._have(key, AGAIN, lambda: self._is_there(namespace, missing)))

    async def _is_there(self, namespace: str, missing: Missing) -> bool:
        try:
            there = missing.is_in(
                await self._cluster.get(Ref("v1", missing.kind, missing.name, namespace))
            )
        except NotFound:
            there = False
        self._look_again()
        return there

    def _look_again(self) -> None:
        alarm = asyncio.create_task(self._wake())
        self._alarms.add(alarm)
        alarm.add_done_callback(self._alarms.discard)

    async def _wake(self) -> None:
        await self._clock.sleep(AGAIN)
        self._changed()

    def log(self, pod: Object, container: str, end: str, *, ended: bool) -> tuple[str, bool]:
        """The last lines of the instance that ended, one request for each end; whether they are of
        this `end`, or the best there is until they come: those of the instance before."""
        uid, name = at(pod, "metadata.uid"), at(pod, "metadata.name", "")
        space = at(pod, "metadata.namespace", "")
        latest = ("log", uid, container)
        found = self._have(
            (*latest, end), 1e9, lambda: self._log(space, name, container, not ended)
        )
        if found is None:
            return str(self._answers.get(latest) or ""), False
        self._answers[latest] = found
        return str(found), True

    def answer(self, pod: Object, container: str, probe: dict[str, Any]) -> str:
        """Return what an HTTP probe's address answers; empty for other probes. Asking takes a
        port-forward, which is no read, though it changes nothing."""
        if self.reads_only:
            return ""
        key = ("answer", at(pod, "metadata.uid"), container)
        found = self._have(key, FRESH, lambda: ask_probe(self._cluster, pod, container, probe))
        return str(found or "")

    def _have(self, key: Hashable, fresh: float, ask: Callable[[], Awaitable[Any]]) -> Any:
        now = self._clock.monotonic()
        if now - self._asked.get(key, -1e9) >= fresh:
            self._asked[key] = now
            task = asyncio.create_task(self._fill(key, fresh, ask))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._answers.get(key)

    async def _fill(self, key: Hashable, fresh: float, ask: Callable[[], Awaitable[Any]]) -> None:
        try:
            answer = await ask()
        except (SkillError, OSError, TimeoutError):
            self._asked[key] = self._clock.monotonic() - fresh + AGAIN
            return
        if self._answers.get(key) != answer:
            self._answers[key] = answer
            self._changed()

    async def _all(self, api_version: str, kind: str) -> tuple[Object, ...]:
        return (await self._cluster.list(api_version, kind)).items

    async def _namespace(self, name: str) -> tuple[Object | None, ...]:
        try:
            return (await self._cluster.get(Ref("v1", "Namespace", name)),)
        except NotFound:
            return (None,)

    async def _log(self, space: str, pod: str, container: str, previous: bool) -> str:
        logs = partial(self._cluster.logs, space, pod, container, tail=LOG_LINES)
        try:
            return bounded(await logs(previous=previous))
        except NotFound:
            return bounded(await logs())

    async def _kind_has_status(self, ref: Ref) -> bool | None:
        group, _, version = ref.api_version.rpartition("/")
        try:
            served = await self._cluster.resource_type(ref.api_version, ref.kind)
        except NotFound:
            return None
        crd = await self._cluster.get(
            Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{served.plural}.{group}")
        )
        for one in at(crd, "spec.versions", []):
            if one.get("name") == version:
                return declares_status(one)
        return None


def declares_status(version: Any) -> bool:
    """Tell whether a CRD's version has a status, as a subresource or in its schema."""
    if at(version, "subresources.status") is not None:
        return True
    return at(version, "schema.openAPIV3Schema.properties.status") is not None
