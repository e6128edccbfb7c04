"""Commands in containers and connections to pods, over the API server's WebSockets.

Channels as in k8s.io/apimachinery/pkg/util/remotecommand/constants.go: the first byte of a
message says which stream it belongs to. Version 5 can also say that a stream has ended, without
which a command that reads its standard input to the end would wait for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp

from skill_runner.backends.base import ExecResult
from skill_runner.backends.kube.transport import Query, Transport
from skill_runner.errors import ApiError
from skill_runner.log import get_logger
from skill_runner.tasks import ended

STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
CHUNK: Final = 32 * 1024
# What a pipe holds. containerd's shim keeps the reading end of a command's standard input open as
# well (go-runc's pipeIO.CloseAfterStart), so its writing end never hears that nobody reads any
# more: with more than this left unread, the command's end is never told.
UNREAD: Final = 64 * 1024

log = get_logger(__name__)


async def run(
    transport: Transport,
    path: str,
    container: str,
    argv: Sequence[str],
    *,
    stdin: str | None,
    timeout: float,
) -> ExecResult:
    """Run a command to its end.

    TimeoutError after `timeout` seconds (the command may live on in the container); ApiError
    when it could not be started.
    """
    query = {"container": container, "command": list(argv), "stdout": "true", "stderr": "true"}
    if stdin is not None:
        query["stdin"] = "true"
    try:
        async with asyncio.timeout(timeout):
            channels = await _talk(transport, path, query, stdin)
    except TimeoutError:
        raise TimeoutError(_late(argv, stdin or "", timeout)) from None
    out, err, told = (b"".join(channels[channel]) for channel in (STDOUT, STDERR, ERROR))
    return ExecResult(_exit_code(told, argv), _text(out), _text(err))


def _late(argv: Sequence[str], stdin: str, timeout: float) -> str:
    said = f"`{argv[0]}` did not end within {timeout:g} s"
    if (given := len(stdin.encode())) <= UNREAD:
        return said
    return (
        f"{said}, or did not read the {given} bytes of its standard input: containerd does not "
        f"report the end of a command that leaves more than {UNREAD // 1024} KiB unread. Send it "
        "no more than it reads"
    )


async def _talk(
    transport: Transport, path: str, query: Query, stdin: str | None
) -> dict[int, list[bytes]]:
    """Collect what came on each channel until the command ended."""
    channels: dict[int, list[bytes]] = {STDOUT: [], STDERR: [], ERROR: []}
    async with transport.websocket(path, query, PROTOCOLS) as socket:
        feeder = asyncio.ensure_future(_feed(socket, stdin)) if stdin is not None else None
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY and len(message.data) > 1:
                    channels.setdefault(message.data[0], []).append(message.data[1:])
                    # The status is the last word: whether the server closes then is its affair.
                    if message.data[0] == ERROR:
                        break
        finally:
            if feeder is not None:
                await ended(feeder)
    return channels


async def _feed(socket: aiohttp.ClientWebSocketResponse, stdin: str) -> None:
    """Send the standard input and its end."""
    data = stdin.encode()
    with suppress(aiohttp.ClientError, ConnectionError):
        for start in range(0, len(data), CHUNK):
            await socket.send_bytes(bytes([STDIN]) + data[start : start + CHUNK])
            await asyncio.sleep(0)  # a turn for the reader, which ends this when the command ended
        if socket.protocol == PROTOCOLS[0]:
            await socket.send_bytes(bytes([CLOSE, STDIN]))


def _exit_code(told: bytes, argv: Sequence[str]) -> int:
    """The command's exit code from the error channel, which holds one Status object."""
    if not told:
        raise ApiError(f"the connection to `{argv[0]}` ended before the command did")
    status = json.loads(told)
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ApiError(
        f"`{argv[0]}` could not be run: {status.get('message', 'no reason given')}",
        status=int(status.get("code") or 500),
        reason=str(status.get("reason") or ""),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@asynccontextmanager
async def forward(transport: Transport, pod_path: str, port: int) -> AsyncGenerator[int, None]:
    """A port on 127.0.0.1 whose connections reach `port` of the pod, each by a WebSocket.

    NotFound when there is no such pod. A connection that the pod does not take is closed.
    """
    await transport.json("GET", pod_path)
    carrying: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of its own is what is cancelled at the end: asyncio complains of a cancelled
        # `accept` (until Python 3.12).
        path = f"{pod_path}/portforward"
        task = asyncio.ensure_future(_carry(transport, path, port, reader, writer))
        carrying.add(task)
        await asyncio.wait({task})
        carrying.discard(task)
        writer.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("port-forward", pod=pod_path, port=port, error=str(error))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await ended(*carrying)


async def _carry(
    transport: Transport,
    path: str,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Bytes both ways until the pod's side ends."""
    query = {"ports": str(port)}
    async with transport.websocket(path, query, PROTOCOLS[1:]) as socket:
        sender = asyncio.ensure_future(_send(socket, reader))
        try:
            await _receive(socket, writer)
        finally:
            await ended(sender)


async def _send(socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(CHUNK):
        await socket.send_bytes(b"\0" + data)
    # This protocol has no half-close: the pod's answer may still be on its way.


async def _receive(socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    """Channel 0 is data, 1 an error; the first message of each holds only the port's number."""
    opened: set[int] = set()
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel not in opened:
            opened.add(channel)
        elif channel == 1:
            raise ApiError(_text(data).strip())
        else:
            writer.write(data)
            await writer.drain()
