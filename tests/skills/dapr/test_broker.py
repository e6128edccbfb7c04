"""The broker of Dapr's proof, by the bytes that a sidecar's clients send and expect."""

from __future__ import annotations

import runpy
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from skill_runner.skill.library import default_library

SCRIPT = default_library().find("dapr-k8s-setup").folder / "scripts" / "broker.py"
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
SUBSCRIBE = b"\x82\x0b\x00\x07\x00\x06events\x01"
PUBLISH = b"\x32\x0d\x00\x06events\x00\x05one"


@pytest.fixture
def broker() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@contextmanager
def serving(broker: dict[str, Any], handler: str) -> Iterator[tuple[str, int]]:
    with broker["Server"](("127.0.0.1", 0), broker[handler]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address
        finally:
            server.shutdown()
            thread.join()


def expect(connection: socket.socket, wanted: bytes) -> None:
    found = b""
    while len(found) < len(wanted):
        part = connection.recv(len(wanted) - len(found))
        assert part, f"closed after {found!r}"
        found += part
    assert found == wanted


def connect(address: tuple[str, int]) -> socket.socket:
    connection = socket.create_connection(address, timeout=10)
    connection.sendall(CONNECT)
    expect(connection, b"\x20\x02\x00\x00")
    return connection


def test_an_event_comes_to_who_subscribed_and_to_who_comes_late(broker: dict[str, Any]) -> None:
    with serving(broker, "Mqtt") as address, connect(address) as early, connect(address) as other:
        early.sendall(SUBSCRIBE)
        expect(early, b"\x90\x03\x00\x07\x01")
        other.sendall(PUBLISH)
        expect(other, b"\x40\x02\x00\x05")
        expect(early, b"\x32\x0d\x00\x06events\x00\x01one")
        with connect(address) as late:
            late.sendall(SUBSCRIBE)
            expect(late, b"\x32\x0d\x00\x06events\x00\x01one\x90\x03\x00\x07\x01")


def test_a_long_event_and_a_ping(broker: dict[str, Any]) -> None:
    data = b"x" * 20_000
    with serving(broker, "Mqtt") as address, connect(address) as client:
        client.sendall(SUBSCRIBE)
        expect(client, b"\x90\x03\x00\x07\x01")
        size = 10 + len(data)
        head = bytes([0x32, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
        client.sendall(head + b"\x00\x06events\x00\x09" + data)
        expect(client, b"\x40\x02\x00\x09" + head + b"\x00\x06events\x00\x01" + data)
        client.sendall(b"\xc0\x00")
        expect(client, b"\xd0\x00")


@pytest.mark.parametrize("politely", [True, False], ids=["by a word", "by a reset"])
def test_one_that_has_gone_stops_nobody(broker: dict[str, Any], politely: bool) -> None:
    with serving(broker, "Mqtt") as address, connect(address) as client:
        gone = connect(address)
        gone.sendall(SUBSCRIBE)
        expect(gone, b"\x90\x03\x00\x07\x01")
        if politely:
            gone.sendall(b"\xe0\x00")
            assert gone.recv(1) == b""
        else:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        for _ in range(2):
            client.sendall(PUBLISH)
            expect(client, b"\x40\x02\x00\x05")


def test_values_are_kept_until_they_are_deleted(broker: dict[str, Any]) -> None:
    with (
        serving(broker, "Memcached") as address,
        socket.create_connection(address, timeout=10) as client,
    ):
        for asked, answer in (
            (b"version\r\n", b"VERSION 1.6.0\r\n"),
            (b"gets a\r\n", b"END\r\n"),
            (b"set a 7 0 4\r\nb\r\nc\r\n", b"STORED\r\n"),
            (b"gets a\r\n", b"VALUE a 7 4 1\r\nb\r\nc\r\nEND\r\n"),
            (b"delete a\r\n", b"DELETED\r\n"),
            (b"delete a\r\n", b"NOT_FOUND\r\n"),
            (b"gets a\r\n", b"END\r\n"),
            (b"flush_all\r\n", b"ERROR\r\n"),
        ):
            client.sendall(asked)
            expect(client, answer)
