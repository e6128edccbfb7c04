"""A broker and a state store in memory, for the seconds of a proof, with nothing but Python.

Dapr's sidecars reach it by MQTT 3.1.1 (pubsub.mqtt3) and by memcached's text (state.memcached): two
applications can share events and state, whatever else is in the cluster. A topic is kept whole, so
that who subscribes late misses nothing.
"""

import struct
import threading
from collections import defaultdict
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14
topics: dict[bytes, list[bytes]] = defaultdict(list)
subscribers: dict[bytes, list["Mqtt"]] = defaultdict(list)
values: dict[bytes, tuple[bytes, bytes]] = {}  # flags and value
turn = threading.RLock()


class Mqtt(StreamRequestHandler):
    """One connection of a sidecar; what it is sent, it gets once (QoS 1, never again)."""

    sent = 0

    def handle(self) -> None:
        while head := self.rfile.read(1):
            kind, flags = head[0] >> 4, head[0] & 0x0F
            body = self.rfile.read(self.length())
            if kind == CONNECT:
                self.send(0x20, b"\0\0")
            elif kind == PUBLISH:
                self.publish(flags, body)
            elif kind == SUBSCRIBE:
                self.subscribe(body)
            elif kind == UNSUBSCRIBE:
                self.send(0xB0, body[:2])
            elif kind == PINGREQ:
                self.send(0xD0, b"")
            elif kind == DISCONNECT:
                return

    def length(self) -> int:
        """Seven bits a byte, the lowest first."""
        total = shift = 0
        while True:
            byte = self.rfile.read(1)[0]
            total |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return total
            shift += 7

    def publish(self, flags: int, body: bytes) -> None:
        topic, rest = text(body)
        if (flags >> 1) & 3:
            self.send(PUBACK << 4, rest[:2])
            rest = rest[2:]
        with turn:
            topics[topic].append(rest)
            for other in subscribers[topic]:
                other.deliver(topic, rest)

    def subscribe(self, body: bytes) -> None:
        number, rest = body[:2], body[2:]
        granted = b""
        with turn:
            while rest:
                topic, rest = text(rest)
                granted, rest = granted + b"\1", rest[1:]
                if self not in subscribers[topic]:
                    subscribers[topic].append(self)
                    for each in topics[topic]:
                        self.deliver(topic, each)
        self.send(0x90, number + granted)

    def deliver(self, topic: bytes, data: bytes) -> None:
        self.sent += 1
        head = struct.pack("!H", len(topic)) + topic + struct.pack("!H", self.sent)
        with suppress(OSError):  # it has gone; who published has nothing to do with it
            self.send(0x32, head + data)

    def send(self, head: int, body: bytes) -> None:
        size, rest = b"", len(body)
        while True:
            rest, low = rest >> 7, rest & 0x7F
            size += bytes([low | 0x80 if rest else low])
            if not rest:
                break
        with turn:
            self.wfile.write(bytes([head]) + size + body)

    def finish(self) -> None:
        with turn:
            for each in subscribers.values():
                if self in each:
                    each.remove(self)
        super().finish()


def text(body: bytes) -> tuple[bytes, bytes]:
    """A text with its length before it, and the rest."""
    (length,) = struct.unpack("!H", body[:2])
    return body[2 : 2 + length], body[2 + length :]


class Memcached(StreamRequestHandler):
    """One connection of a sidecar: set, get, delete."""

    def handle(self) -> None:
        while line := self.rfile.readline().split():
            self.wfile.write(self.answer(*line))

    def answer(self, command: bytes, key: bytes = b"", *rest: bytes) -> bytes:
        if command == b"version":
            return b"VERSION 1.6.0\r\n"
        if command == b"set":
            flags, _, size = rest[:3]
            values[key] = flags, self.rfile.read(int(size) + 2)[:-2]
            return b"STORED\r\n"
        if command in (b"get", b"gets"):
            flags, value = values.get(key, (b"", None))
            if value is None:
                return b"END\r\n"
            return b"VALUE %s %s %d 1\r\n%s\r\nEND\r\n" % (key, flags, len(value), value)
        if command == b"delete":
            return b"DELETED\r\n" if values.pop(key, None) else b"NOT_FOUND\r\n"
        return b"ERROR\r\n"


class Server(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def main() -> None:
    threading.Thread(target=Server(("", 1883), Mqtt).serve_forever, daemon=True).start()
    Server(("", 11211), Memcached).serve_forever()


if __name__ == "__main__":
    main()
