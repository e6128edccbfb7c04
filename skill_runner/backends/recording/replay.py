"""A recorded history as a Cluster: reads answer what was there at that moment of the recording.

Objects keep their UIDs, versions and generations; time is the clock's, so that a fake clock plays
minutes in milliseconds. Writes are refused: a history is about looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from skill_runner.backends.base import (
    FIELD_MANAGER,
    Clock,
    ExecResult,
    ObjectList,
    Pick,
    ResourceType,
    Right,
    Target,
    WatchEvent,
)
from skill_runner.backends.recording.file import History, Moment
from skill_runner.backends.selectors import matches
from skill_runner.errors import ApiError, ClusterUnreachable, Forbidden, NotFound
from skill_runner.objects import Object, Ref, at
from skill_runner.tasks import ended


@dataclass(frozen=True, slots=True)
class _Change:
    before: Object | None
    after: Object | None


class ReplayCluster:
    """Open it with `async with`: the history plays while the context lasts, from `start` on
    (seconds after the recording began)."""

    def __init__(self, history: History, clock: Clock, *, start: float = 0.0) -> None:
        self.target = Target("", "replay", "https://replay.invalid")
        self._history = history
        self._clock = clock
        self._start = start
        self._away = False
        self._objects: dict[str, Object] = {}
        self._log: list[_Change] = []
        self._bell = asyncio.Condition()
        self._missing: set[Ref] = set()
        self._absent: set[tuple[str, str]] = set()
        self._forbidden: dict[tuple[str, str], str] = {}
        self._logs = _all_logs(history)
        self._moments = _as_it_was(history)
        self._player: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ReplayCluster:
        self._began = self._clock.monotonic() - self._start
        await self._play_until(self._start)
        self._player = asyncio.create_task(self._play())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._player:
            await ended(self._player)

    async def _play_until(self, end: float) -> None:
        for moment in self._moments:
            if moment.at <= end:
                await self._take(moment)

    async def _play(self) -> None:
        for moment in self._moments:
            if moment.at <= self._start:
                continue
            late = self._began + moment.at - self._clock.monotonic()
            if late > 0:
                await self._clock.sleep(late)
            await self._take(moment)

    async def _take(self, moment: Moment) -> None:
        data = dict(moment.data)
        kind = (str(data.get("apiVersion", "")), str(data.get("kind", "")))
        if moment.what in ("set", "delete"):
            uid = str(data["metadata"].get("uid"))
            before = self._objects.pop(uid, None)
            if moment.what == "set":
                self._objects[uid] = data
            self._log.append(_Change(before, data if moment.what == "set" else None))
        elif moment.what == "missing":
            self._missing.add(Ref.of(data))
        elif moment.what == "absent":
            self._absent.add(kind)
        elif moment.what == "served":
            self._absent.discard(kind)
        elif moment.what == "forbidden":
            self._forbidden[kind] = str(data.get("message", ""))
        elif moment.what in ("unreachable", "reached"):
            self._away = moment.what == "unreachable"
        async with self._bell:
            self._bell.notify_all()

    def _check(self, api_version: str, kind: str) -> None:
        if self._away:
            raise ClusterUnreachable("the API server did not answer when this was recorded")
        if message := self._forbidden.get((api_version, kind)):
            raise Forbidden(message)
        if (api_version, kind) in self._absent:
            raise NotFound(f"the server does not serve {kind} ({api_version})", status=404)

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        pick: Pick | None = None,
        most: int | None = None,
        bare: bool = False,
        retry: bool = True,
    ) -> ObjectList:
        await asyncio.sleep(0)
        self._check(api_version, kind)
        items = [
            kept
            for o in self._objects.values()
            if _selected(o, api_version, kind, namespace, labels, fields)
            and (kept := pick(o) if pick else o) is not None
        ]
        return ObjectList(tuple(items[:most]), str(len(self._log)))

    async def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        resource_version: str | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        position = int(resource_version or 0)
        while True:
            for change in self._log[position:]:
                position += 1
                before, after = (
                    o if o and _selected(o, api_version, kind, namespace, labels, fields) else None
                    for o in (change.before, change.after)
                )
                if after:
                    yield WatchEvent("MODIFIED" if before else "ADDED", after)
                elif before:
                    yield WatchEvent("DELETED", before)
            async with self._bell:
                if self._away:
                    return
                if position >= len(self._log):
                    await self._bell.wait()

    async def get(self, ref: Ref) -> Object:
        found = await self.list(
            ref.api_version, ref.kind, namespace=ref.namespace, fields=f"metadata.name={ref.name}"
        )
        if found.items:
            return found.items[-1]
        if ref in self._missing:
            raise NotFound(f"{ref} does not exist", status=404)
        raise ApiError(f"nobody asked for {ref} when this was recorded", status=503)

    async def logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int = 100
    ) -> str:
        await asyncio.sleep(0)
        texts = self._logs.get((namespace, pod, container, previous))
        if not texts:
            raise NotFound(f"no log of {pod} {container}", status=404)
        now = self._clock.monotonic() - self._began
        # A log is asked for a moment earlier or later than when it was recorded.
        text = next((text for at, text in texts if at >= now), texts[-1][1])
        return "".join(text.splitlines(keepends=True)[-tail:])

    async def version(self) -> str:
        return str(self._history.header.get("version", ""))

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        for found in await self.resource_types():
            if (found.api_version, found.kind) == (api_version, kind):
                return found
        raise NotFound(f"no definition of {kind} ({api_version}) was recorded", status=404)

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        found = (o for o in self._objects.values() if o["kind"] == "CustomResourceDefinition")
        return tuple(
            ResourceType(
                f"{o['spec']['group']}/{v['name']}",
                o["spec"]["names"]["kind"],
                o["spec"]["names"]["plural"],
                o["spec"]["scope"] == "Namespaced",
            )
            for o in found
            for v in o["spec"]["versions"]
        )

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        return ()

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        raise _refused()

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        raise _refused()

    async def replace(self, obj: Object) -> Object:
        raise _refused()

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        raise _refused()

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        raise _refused()

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        raise _refused()

    async def close(self) -> None:
        """Nothing to release."""


def _all_logs(history: History) -> dict[tuple[str, str, str, bool], list[tuple[float, str]]]:
    found: dict[tuple[str, str, str, bool], list[tuple[float, str]]] = {}
    for moment in history.moments:
        if moment.what == "logs":
            data = moment.data
            key = (data["namespace"], data["pod"], data["container"], bool(data["previous"]))
            found.setdefault(key, []).append((moment.at, data["text"]))
    return found


def _as_it_was(history: History) -> tuple[Moment, ...]:
    """Put what was there before the recording began at its start, though it was read later.

    So is what the API did not serve or forbade when it was first asked for.
    """
    began = float(history.header.get("began", 0.0))
    seen: set[str] = set()
    moments = []
    for moment in history.moments:
        kind = f"{moment.data.get('apiVersion')} {moment.data.get('kind')}"
        uid = str(at(moment.data, "metadata.uid", ""))
        made = at(moment.data, "metadata.creationTimestamp")
        old = moment.what == "set" and uid not in seen and made and _epoch(str(made)) < began
        refused = moment.what in ("absent", "forbidden") and kind not in seen
        seen |= {uid, kind}
        moments.append(Moment(0.0, moment.what, moment.data) if old or refused else moment)
    return tuple(sorted(moments, key=lambda m: m.at))


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _refused() -> ApiError:
    return ApiError("a recorded history can only be read", status=405)


def _selected(
    obj: Object,
    api_version: str,
    kind: str,
    namespace: str | None,
    labels: str | None,
    fields: str | None,
) -> bool:
    if (obj.get("apiVersion"), obj.get("kind")) != (api_version, kind):
        return False
    meta: dict[str, Any] = obj.get("metadata", {})
    return namespace in (None, meta.get("namespace")) and matches(obj, labels, fields)
