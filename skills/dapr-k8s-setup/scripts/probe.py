"""The application beside a sidecar that proves Dapr's building blocks, with nothing but Python.

As `server` it answers calls. As `client` it publishes and receives, keeps state, reads a Secret,
calls the server, lets an event fail until it is in its dead-letter topic, and ends the sidecar.
"""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DAPR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', '3500')}"
NONCE = os.environ.get("NONCE", "")
PUBSUB = os.environ.get("PUBSUB", "skill-probe-pubsub")
SECONDS = 45.0  # for anything that has to come
START = 80.0  # for the sidecar, which gives its components a minute
received: dict[str, set[str]] = {}
arrived = threading.Condition()


class Application(BaseHTTPRequestHandler):
    """What the sidecar calls."""

    def do_GET(self) -> None:
        subscriptions = [
            {"pubsubname": PUBSUB, "topic": "events", "route": "/events"},
            {
                "pubsubname": PUBSUB,
                "topic": "poison",
                "route": "/poison",
                "deadLetterTopic": "dead",
            },
            {"pubsubname": PUBSUB, "topic": "dead", "route": "/dead"},
        ]
        subscribes = self.path == "/dapr/subscribe" and os.environ.get("SUBSCRIBE")
        self.answer(200, subscriptions if subscribes else [])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/echo":
            self.answer(200, {"said": body.decode()})
            return
        with arrived:
            received.setdefault(self.path, set()).add(str(json.loads(body).get("data")))
            arrived.notify_all()
        self.answer(500 if self.path == "/poison" else 200, {})

    def answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        pass


def dapr(method: str, path: str, document: object = None, *, timeout: float = 10.0) -> bytes:
    """One call of the sidecar's API; exit with what it said when it refuses."""
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(
        f"{DAPR}{path}", data, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()[:300]}") from error


def await_sidecar() -> None:
    """Until components and subscriptions are ready; the sidecar may be slow, or may never come.

    `/v1.0/healthz/outbound` is ready before the subscriptions are, and what is published then to a
    broker in memory is lost.
    """
    deadline = time.monotonic() + START
    while True:
        try:
            urllib.request.urlopen(f"{DAPR}/v1.0/healthz", timeout=2).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"no sidecar after {START:.0f} s: {error}") from None
        time.sleep(0.1)


def loaded_components() -> list[str]:
    """The components that are loaded; exit unless all that were asked for are among them."""
    loaded = [c["name"] for c in json.loads(dapr("GET", "/v1.0/metadata")).get("components", [])]
    missing = [name for name in os.environ.get("EXPECTED", "").split(",") if name not in loaded]
    if any(missing):
        raise SystemExit(f"not loaded: {', '.join(missing)} (loaded: {', '.join(loaded)})")
    return loaded


def await_event(path: str, what: str) -> None:
    with arrived:
        if not arrived.wait_for(lambda: NONCE in received.get(path, ()), SECONDS):
            raise SystemExit(f"{what} did not arrive within {SECONDS:.0f} s")


def events() -> str:
    began = time.monotonic()
    dapr("POST", f"/v1.0/publish/{PUBSUB}/events", NONCE)
    await_event("/events", "the event")
    return f"event back after {1000 * (time.monotonic() - began):.0f} ms"


def dead_letter() -> str:
    dapr("POST", f"/v1.0/publish/{PUBSUB}/poison", NONCE)
    await_event("/dead", "the failing event")
    return "a failing event is in its dead-letter topic"


def state(store: str) -> None:
    """Save, read back, delete."""
    key = f"skill-probe-{NONCE}"
    dapr("POST", f"/v1.0/state/{store}", [{"key": key, "value": NONCE}])
    found = dapr("GET", f"/v1.0/state/{store}/{key}").decode()
    dapr("DELETE", f"/v1.0/state/{store}/{key}")
    if json.loads(found or "null") != NONCE:
        raise SystemExit(f"state store {store} gave {found!r} back")


def secret() -> None:
    name = os.environ["SECRET"]
    if json.loads(dapr("GET", f"/v1.0/secrets/kubernetes/{name}")).get("nonce") != NONCE:
        raise SystemExit(f"secret {name} came back with another value")


def invocation() -> None:
    said = json.loads(dapr("POST", "/v1.0/invoke/skill-probe-server/method/echo", NONCE))
    if NONCE not in said["said"]:
        raise SystemExit(f"the call came back as {said}")


def client() -> str:
    """Every proof that the environment asks for, and what to say of them."""
    await_sidecar()
    loaded = loaded_components()
    said = [f"{len(loaded)} components loaded"]
    if os.environ.get("SUBSCRIBE"):
        said.append(events())
    stores = [name for name in os.environ.get("STORES", "").split(",") if name]
    for store in stores:
        state(store)
        said.append(f"{store} keeps state")
    if os.environ.get("SECRET"):
        secret()
        said.append("a secret is read")
    if os.environ.get("INVOKE"):
        invocation()
        said.append("a call is answered")
    if os.environ.get("SUBSCRIBE"):
        said.append(dead_letter())
    return ", ".join(said)


def main() -> None:
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if sys.argv[1:] == ["server"]:
        threading.Event().wait()
    try:
        sys.stdout.write(f"{client()}\n")
    finally:
        with suppress(OSError, SystemExit):  # there is none, or it is gone
            dapr("POST", "/v1.0/shutdown", timeout=2)


if __name__ == "__main__":
    main()
