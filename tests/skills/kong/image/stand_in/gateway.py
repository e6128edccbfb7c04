"""The listeners of the gateway that the tests play: Admin API, status and proxy, as of Kong 3.9."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import subprocess
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .model import EMPTY, FIELDS, TYPES, Entity, Gateway, entities, faults


def _listener(port: int, *, ssl: bool) -> Entity:
    return {"ip": "0.0.0.0", "port": port, "ssl": ssl, "listener": f"0.0.0.0:{port}"}


OWN = ("connection", "transfer-encoding", "content-length", "server", "date")  # of one hop
GATEWAY = Gateway()
NODE = str(uuid.uuid4())


class Handler(BaseHTTPRequestHandler):
    """One listener's requests; `answer` writes JSON."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(document).encode() if status != 304 else b""
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self.reply(status, data, {**kind, **(headers or {})})

    def reply(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def version_string(self) -> str:
        return "kong/3.9.3"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        sys.stdout.write(f"{type(self).__name__.lower()}: {self.requestline} {code}\n")


class Status(Handler):
    """What the probes ask."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/status/ready":
            if GATEWAY.hash == EMPTY:
                said = "no configuration available (empty configuration present)"
                self.answer(503, {"message": said})
            else:
                self.answer(200, {"message": "ready"})
        elif path == "/status":
            self.answer(
                200,
                {
                    "configuration_hash": GATEWAY.hash,
                    "server": {"total_requests": 1},
                    "database": {"reachable": True},
                },
            )
        else:
            self.answer(404, {"message": "Not found"})


class Admin(Status):
    """What the controller asks."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            self.answer(
                200,
                {
                    "version": "3.9.3",
                    "node_id": NODE,
                    "tagline": "played by a test",
                    "configuration": {
                        "database": "off",
                        "router_flavor": "traditional",
                        "stream_listeners": {},
                        "proxy_listeners": [_listener(8000, ssl=False), _listener(8443, ssl=True)],
                    },
                },
            )
        elif path == "/config":
            self.answer(200, {"config": json.dumps(GATEWAY.config)})
        elif path.startswith("/schemas/plugins/") and path.rpartition("/")[2] in FIELDS:
            fields = FIELDS[path.rpartition("/")[2]]
            known = [{name: {"type": TYPES[kind]}} for name, kind in fields.items()]
            self.answer(200, {"fields": [{"config": {"type": "record", "fields": known}}]})
        elif "size=" in self.path:
            self.answer(
                200, {"data": list(entities(GATEWAY.config, path.strip("/"))), "next": None}
            )
        else:
            super().do_GET()

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        data = self.body()
        if path == "/config":
            self.answer(*GATEWAY.load(data, check_hash="check_hash=1" in query))
        elif path.startswith("/schemas/") and path.endswith("/validate"):
            plugin = json.loads(data) if path == "/schemas/plugins/validate" else None
            found = [f"{f['field']}: {f['message']}" for f in faults(plugin)] if plugin else []
            said = f"schema violation ({'; '.join(found)})"
            fine = {"message": "schema validation successful"}
            self.answer(400 if found else 200, {"message": said} if found else fine)
        else:
            kind = path.strip("/").split("/")[0]
            said = f"cannot create '{kind}' entities when not using a database"
            self.answer(405, {"code": 12, "name": "operation unsupported", "message": said})


class Proxy(Handler):
    """What clients ask."""

    def do_GET(self) -> None:
        data = self.body()
        host = self.headers.get("Host", "").partition(":")[0]
        path, mark, query = self.path.partition("?")
        found = GATEWAY.match(host, path)
        if found is None:
            self.answer(404, {"message": "no Route matched with those values"})
            return
        service, route, rest = found
        who: Entity = {}
        more: dict[str, str] = {}
        for plugin in GATEWAY.plugins(service, route):
            config = plugin.get("config") or {}
            if plugin["name"] in ("key-auth", "jwt"):
                who, said = self.identify(plugin["name"], config)
                if not who:
                    scheme = {"key-auth": "Key", "jwt": "Bearer"}[plugin["name"]]
                    self.answer(401, {"message": said}, {"WWW-Authenticate": scheme})
                    return
            elif plugin["name"] == "acl":
                groups = {each["group"] for each in who.get("acls", ())}
                if not groups & set(config.get("allow") or ()):
                    self.answer(403, {"message": "You cannot consume this service"})
                    return
            elif plugin["name"] == "rate-limiting":
                by = config.get("limit_by", "consumer")
                mine = who.get("credential" if by == "credential" else "username")
                asked = mine if mine and by != "ip" else self.client_address[0]
                more = GATEWAY.count(plugin, asked) or {}
                if "Retry-After" in more:
                    self.answer(429, {"message": "API rate limit exceeded"}, more)
                    return
            elif plugin["name"] == "request-termination":
                said = config.get("message", "")
                self.answer(config.get("status_code", 503), {"message": said}, more)
                return
        self.forward(service, rest + mark + query, data, host, more)

    def identify(self, plugin: str, config: Entity) -> tuple[Entity, str]:
        """Who asks, or nobody and why not."""
        if plugin == "jwt":
            token = self.headers.get("Authorization", "").partition("Bearer ")[2]
            found = GATEWAY.bearer(token)
            return found or {}, "Invalid signature" if token else "Unauthorized"
        names = config.get("key_names") or ["apikey"]
        key = next((k for name in names if (k := self.headers.get(name))), "")
        if config.get("hide_credentials"):
            del self.headers[names[0]]
        found = GATEWAY.consumer(key)
        return found or {}, "Unauthorized" if key else "No API key found in request"

    def __getattr__(self, name: str) -> Any:
        """The other methods are asked of the service as well."""
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def forward(
        self, service: Entity, path: str, data: bytes, host: str, more: dict[str, str]
    ) -> None:
        """Ask the service in the client's place."""
        target = GATEWAY.target(service)
        if target is None:
            said = "failure to get a peer from the ring-balancer"
            self.answer(503, {"message": said}, more)
            return
        upstream = http.client.HTTPConnection(*target, timeout=30)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in OWN}
            upstream.request(self.command, path, data or None, {**headers, "Host": host})
            got = upstream.getresponse()
            kept = {k: v for k, v in got.getheaders() if k.lower() not in OWN}
            self.reply(got.status, got.read(), {**kept, **more, "Via": "1.1 kong/3.9.3"})
        except OSError:
            said = "An invalid response was received from the upstream server"
            self.answer(502, {"message": said}, more)
        finally:
            upstream.close()


def own_certificate() -> ssl.SSLContext:
    """TLS by a certificate of its own, as the gateway makes at its start."""
    pair = "/tmp/own.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
            "-keyout",
            pair,
            "-out",
            pair + ".crt",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair + ".crt", pair)
    return context


def main() -> None:
    tls = own_certificate()
    listeners: list[tuple[str, int, type[Handler], bool]] = [
        ("127.0.0.1", 8444, Admin, True),
        ("0.0.0.0", 8100, Status, False),
        ("0.0.0.0", 8000, Proxy, False),
        ("0.0.0.0", 8443, Proxy, True),
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for host, port, handler, secure in listeners:
        server = ThreadingHTTPServer((host, port), handler)
        server.daemon_threads = True
        if secure:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
