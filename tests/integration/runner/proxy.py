"""A proxy between one process and an API server: it knows every request, and can end all of them.

WebSockets do not pass, and so neither `exec` nor `port-forward`.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import yaml
from aiohttp import web

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OF_THE_HOP: Final = frozenset({"host", "connection", "keep-alive", "transfer-encoding"})


@dataclass(slots=True, eq=False)
class Call:
    """One request; `status` is 0 until it is answered."""

    who: str
    method: str
    path: str
    status: int = 0

    @property
    def writes(self) -> bool:
        """Whether it changes an object that stays."""
        asks = "dryRun=All" in self.path or "accessreviews" in self.path
        return self.method in WRITES and not asks and "rulesreviews" not in self.path

    @property
    def of_lock(self) -> bool:
        return "/leases" in self.path

    @property
    def renews(self) -> bool:
        """Whether it is a heartbeat, or takes a lock over."""
        return self.of_lock and self.method == "PUT"

    def __str__(self) -> str:
        return f"{self.who}: {self.method} {self.path.partition('?')[0]} {self.status or ''}"


@dataclass(slots=True)
class Log:
    """What all processes asked, in order: each call once when it is sent, once when answered."""

    events: list[tuple[str, Call]] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, what: str, call: Call) -> None:
        async with self._changed:
            self.events.append((what, call))
            self._changed.notify_all()

    async def until(self, true: Callable[[str, Call], bool]) -> None:
        """Until there was such an event."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(true(*event) for event in self.events))

    def writes(self) -> list[Call]:
        """The writing requests that were sent, heartbeats aside."""
        return [c for what, c in self.events if what == "sent" and c.writes and not c.renews]


Step = Callable[[Call], Awaitable[None]]


async def _pass(_: Call) -> None: ...


@dataclass(slots=True)
class Proxy:
    """What one process sees of the API server. `before` and `after` are awaited at each call: when
    it came, and when the server has answered but the process does not know it yet."""

    who: str
    log: Log
    before: Step = _pass
    after: Step = _pass
    _end: asyncio.Event = field(default_factory=asyncio.Event)
    _silent: bool = False
    _server: str = ""
    _session: aiohttp.ClientSession | None = None

    def cut(self) -> None:
        """Say nothing more, and let nothing more through, as a network that is cut."""
        self._silent = True

    def end(self) -> None:
        """Break all connections, and refuse every other, as a machine that is off."""
        self._end.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        work = asyncio.ensure_future(self._forward(request))
        ending = asyncio.ensure_future(self._end.wait())
        try:
            await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError
        finally:
            work.cancel()
            ending.cancel()
            await asyncio.gather(work, ending, return_exceptions=True)

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._session is not None
        call = Call(self.who, request.method, request.path_qs)
        body = await request.read()
        await self._unless_cut()
        await self.before(call)
        await self.log.add("sent", call)
        async with self._session.request(
            request.method,
            self._server + request.raw_path,
            headers=_kept(request.headers),
            data=body or None,
            allow_redirects=False,
        ) as answer:
            call.status = answer.status
            await self.log.add("answered", call)
            await self.after(call)
            response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await self._unless_cut()
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _unless_cut(self) -> None:
        if self._silent:
            await asyncio.Event().wait()

    @asynccontextmanager
    async def serve(self, kubeconfig: Path, context: str, folder: Path) -> AsyncIterator[Path]:
        """Stand before the context's server; a kubeconfig that names this proxy."""
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = _of_context(config, context)
        self._server = cluster["server"].rstrip("/")
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(ssl=_tls(cluster, user, folder), limit=0)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            runner = web.ServerRunner(
                web.Server(self.handle, handler_cancellation=True), shutdown_timeout=0.1
            )
            await runner.setup()
            try:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                cluster.clear()
                cluster["server"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
                user.clear()
                file = folder / f"{self.who}.kubeconfig"
                file.write_text(yaml.safe_dump(config))
                yield file
            finally:
                self.end()
                await runner.cleanup()


def _kept(headers: Any) -> list[tuple[str, str]]:
    return [(key, value) for key, value in headers.items() if key.lower() not in _OF_THE_HOP]


def _of_context(config: dict[str, Any], context: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cluster and the user of a context."""
    (named,) = (c["context"] for c in config["contexts"] if c["name"] == context)
    (cluster,) = (c["cluster"] for c in config["clusters"] if c["name"] == named["cluster"])
    (user,) = (u["user"] for u in config["users"] if u["name"] == named["user"])
    return cluster, user


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    def pem(data: dict[str, Any], name: str) -> str:
        return base64.b64decode(data[f"{name}-data"]).decode()

    made = ssl.create_default_context(cadata=pem(cluster, "certificate-authority"))
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    file = folder / "client.pem"
    file.touch(0o600)
    file.write_text(pem(user, "client-certificate") + pem(user, "client-key"))
    made.load_cert_chain(file)
    with suppress(FileNotFoundError):
        file.unlink()
    return made
