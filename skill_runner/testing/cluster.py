"""A Cluster in memory, for tests of the runner and of skills: nothing runs unless you say so.

`on_apply` plays the controllers (see simulate for ready-made ones), `fail` and `deny` make
requests fail, `set_logs`, `on_exec` and `on_connect` answer for containers, `requests` and
`writes` say what was asked.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from io import StringIO
from typing import Any

from skill_runner.backends.base import (
    FIELD_MANAGER,
    LOG_BYTES,
    Clock,
    ExecResult,
    ObjectList,
    Pick,
    ResourceType,
    Right,
    Target,
    WatchEvent,
)
from skill_runner.backends.clock import within
from skill_runner.backends.selectors import matches
from skill_runner.backends.virtual_clock import FakeClock
from skill_runner.errors import Conflict, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.testing.calls import ExecCall, ExecHandler, Fault, PortHandler, Request, Troubles
from skill_runner.testing.store import Store, not_found
from skill_runner.testing.watches import Watches

Controller = Callable[["MemoryCluster", Object], Awaitable[None] | None]


class MemoryCluster:
    """The Cluster Protocol over a Store; safe to use from several threads and loops."""

    def __init__(self, clock: Clock | None = None, *, version: str = "v1.37.2") -> None:
        self.clock: Clock = clock or FakeClock()
        self.target = Target("/dev/null", "memory", "https://memory.invalid:6443")
        self.store = Store(self.clock)
        self.requests: list[Request] = []
        self.closed = False
        self._version = version
        self._watches = Watches(self.store)
        self._controllers: dict[str, list[Controller]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._troubles = Troubles()
        self._logs: dict[tuple[str, str, str, bool], str] = {}
        self._exec: ExecHandler | None = None
        self._ports: dict[tuple[str, str, int], PortHandler] = {}

    # what a test says

    def on_apply(self, kind: str, controller: Controller) -> None:
        """Call `controller(cluster, object)` after each create or change of spec of this kind."""
        self._controllers.setdefault(kind, []).append(controller)

    def fail(self, verb: str, error: Exception, *, kind: str | None = None, times: int = 1) -> None:
        """Let the next `times` calls of this verb ("*" for any) raise `error`."""
        self._troubles.faults.append(Fault(verb, kind, error, times))

    def heal(self) -> None:
        """Forget every fault that `fail` announced."""
        self._troubles.faults.clear()

    def deny(self, verb: str, kind: str) -> None:
        """Forbid a verb on a kind, for access reviews as well as for requests."""
        self._troubles.denied.add((verb, kind))

    def grant(self, rights: Iterable[Right]) -> None:
        """Allow these from now on, and nothing else, as RBAC would."""
        self._troubles.granted = frozenset(rights)

    def drop_watches(self) -> None:
        """End every watch that is open, as a server that restarts does."""
        self._watches.drop()

    def bookmark(self) -> None:
        """Send a bookmark to every watch that is open."""
        self._watches.bookmark()

    def compact(self) -> None:
        """Forget the history, so that watches from an older resourceVersion are Gone."""
        self.store.compact()

    def put(self, obj: Object) -> Object:
        """Make an object as it is, status included, as a controller of the cluster would."""
        ref = Ref.of(obj)
        try:
            live = self.store.get(ref)
        except NotFound:
            made = self.store.create(obj, manager=("controller", "Update"))
        else:
            meta = {**obj.get("metadata", {}), "resourceVersion": None}
            meta["resourceVersion"] = live["metadata"]["resourceVersion"]
            made = self.store.replace({**obj, "metadata": meta}, manager=("controller", "Update"))
        return self.store.set_status(ref, obj["status"]) if "status" in obj else made

    def set_status(self, ref: Ref, **fields: Any) -> Object:
        """Change some fields of an object's status."""
        status = self.store.get(ref).get("status") or {}
        return self.store.set_status(ref, {**status, **fields})

    def edit(
        self, ref: Ref, change: Callable[[Object], None], *, by: str = "kubectl-edit"
    ) -> Object:
        """Let someone else change an object."""
        obj, before = self.store.get(ref), self._generation(ref)
        change(obj)
        made = self.store.replace(obj, manager=(by, "Update"))
        self._control(made, changed=before != self._generation(ref))
        return made

    def set_logs(
        self, namespace: str, pod: str, container: str, text: str, *, previous: bool = False
    ) -> None:
        """Set what `logs` answers."""
        self._logs[namespace, pod, container, previous] = text

    def on_exec(self, handler: ExecHandler) -> None:
        """Set who answers `exec`; without one every command is missing (exit code 127)."""
        self._exec = handler

    def on_connect(self, namespace: str, pod: str, port: int, handler: PortHandler) -> None:
        """Set who answers connections to a pod's port."""
        self._ports[namespace, pod, port] = handler

    @property
    def writes(self) -> tuple[Request, ...]:
        """The calls that changed something, or tried to."""
        verbs = {"create", "apply", "replace", "delete"}
        return tuple(r for r in self.requests if r.verb in verbs and not r.dry_run)

    # the Protocol

    async def version(self) -> str:
        await self._enter(Request("version", ""))
        return self._version

    async def get(self, ref: Ref) -> Object:
        await self._enter(Request.about("get", ref))
        return self.store.get(self._placed(ref))

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
        await self._enter(Request("list", kind, namespace=namespace, api_version=api_version))
        self.store.type_of(api_version, kind)
        with self.store.guard:
            items = self.store.select(
                lambda ref, obj: (
                    (ref.api_version, ref.kind) == (api_version, kind)
                    and namespace in (None, ref.namespace)
                    and matches(obj, labels, fields)
                )
            )
            version = str(self.store.version)
        if bare:
            items = [{k: o[k] for k in ("apiVersion", "kind", "metadata")} for o in items]
        kept = [k for k in map(pick, items) if k is not None] if pick else items
        return ObjectList(tuple(kept[:most]), version)

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
        await self._enter(Request("watch", kind, namespace=namespace, api_version=api_version))
        self.store.type_of(api_version, kind)

        def wanted(ref: Ref, obj: Object) -> bool:
            return (
                (ref.api_version, ref.kind) == (api_version, kind)
                and namespace in (None, ref.namespace)
                and matches(obj, labels, fields)
            )

        async for event in self._watches.events(wanted, api_version, kind, resource_version):
            yield event

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        ref = Ref.of(manifest)
        await self._enter(Request.about("apply", ref, dry_run=dry_run))
        before = self._generation(ref)
        made = self.store.apply(manifest, dry_run=dry_run, force=force, manager=manager)
        self._control(made, changed=not dry_run and before != self._generation(ref))
        return made

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        await self._enter(Request.about("create", Ref.of(manifest), dry_run=dry_run))
        made = self.store.create(manifest, dry_run=dry_run)
        self._control(made, changed=not dry_run)
        return made

    async def replace(self, obj: Object) -> Object:
        ref = Ref.of(obj)
        await self._enter(Request.about("replace", ref))
        before = self._generation(ref)
        made = self.store.replace(obj)
        self._control(made, changed=before != self._generation(ref))
        return made

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        await self._enter(Request.about("delete", ref))
        with self.store.guard:
            try:
                meta = self.store.get(self._placed(ref))["metadata"]
            except NotFound:
                return
            if uid is not None and meta["uid"] != uid:
                return
            if resource_version not in (None, meta["resourceVersion"]):
                raise Conflict(f"{ref} has been modified; read it again", status=409)
            self.store.delete(self._placed(ref), propagation=propagation)

    async def logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int = 100
    ) -> str:
        await self._enter(Request("log", "Pod", pod, namespace))
        text = self._logs.get((namespace, pod, container, previous))
        if text is None:
            raise NotFound(f"container {container} of Pod {namespace}/{pod} has no logs")
        last = "".join(StringIO(text, newline="\n").readlines()[-tail:])
        return last.encode()[:LOG_BYTES].decode("utf-8", "replace")

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
        await self._enter(Request("exec", "Pod", pod, namespace))
        if self._exec is None:
            return ExecResult(127, "", f"{argv[0]}: not found")
        answer = self._exec(ExecCall(namespace, pod, container, tuple(argv), stdin))
        if inspect.isawaitable(answer):
            return await within(self.clock, timeout, answer)
        return answer

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[int]:
        await self._enter(Request("portforward", "Pod", pod, namespace))
        handler = self._ports.get((namespace, pod, port))
        if handler is None:
            raise not_found(Ref("v1", "Pod", pod, namespace))
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        await self._enter(Request("discover", ""))
        return self.store.types()

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        await self._enter(Request("discover", kind))
        return self.store.type_of(api_version, kind)

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        for space in sorted({r.namespace or "" for r in rights}):
            await self._enter(Request("review", "", namespace=space or None))
        return self._troubles.missing(rights)

    async def close(self) -> None:
        """End the controllers; what one of them raised is raised here."""
        self.closed = True
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    # inside

    async def _enter(self, request: Request) -> None:
        """Pass every request through here: the loop gets its turn, then faults and denials."""
        await asyncio.sleep(0)
        self.requests.append(request)
        asks = self._troubles.granted is not None and request.verb == "apply"
        self._troubles.strike(request, creates=asks and not self._is_there(request))

    def _is_there(self, request: Request) -> bool:
        ref = Ref(request.api_version, request.kind, request.name, request.namespace)
        return bool(self.store.select(lambda each, _: each == ref))

    def _placed(self, ref: Ref) -> Ref:
        served = self.store.type_of(ref.api_version, ref.kind)
        return ref if served.namespaced else Ref(ref.api_version, ref.kind, ref.name)

    def _generation(self, ref: Ref) -> Any:
        try:
            obj = self.store.get(self._placed(ref))
        except NotFound:
            return None
        meta = obj["metadata"]
        return meta["uid"], meta.get("generation", meta["resourceVersion"])

    def _control(self, obj: Object, *, changed: bool) -> None:
        for controller in self._controllers.get(obj["kind"], []) if changed else ():
            work = controller(self, deepcopy(obj))
            if inspect.isawaitable(work):
                task = asyncio.ensure_future(work)
                self._tasks.add(task)
                task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        failed = not task.cancelled() and task.exception() is not None
        self._tasks -= set() if failed else {task}
