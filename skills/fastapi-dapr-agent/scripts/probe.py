"""Another application beside a sidecar of its own, which proves a service, with nothing but Python.

It asks the service through its Service and through the sidecars, publishes events to its topic,
reads their effects in the state store, and listens to the dead-letter topic. It runs in the image
of the service, which has Python whatever else it has. Its last line says what was seen.
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
from urllib.parse import quote

GIVEN = json.loads(os.environ["GIVEN"])
DAPR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', '3500')}"
SECONDS = 60.0  # for anything that has to come
dead: dict[str, str] = {}  # the reason of each, as far as the service said one
arrived = threading.Condition()


class Application(BaseHTTPRequestHandler):
    """What the sidecar calls: it listens to the dead letters alone."""

    def do_GET(self) -> None:
        topic = {"pubsubname": GIVEN["pubsub"], "topic": GIVEN["dead_letter"], "route": "/dead"}
        listens = self.path == "/dapr/subscribe" and GIVEN.get("fails")
        self.answer([topic] if listens else [])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with arrived:
            event = json.loads(body)
            dead[str(event.get("id"))] = str(event.get("reason") or "")
            arrived.notify_all()
        self.answer({})

    def answer(self, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        pass


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def ask(
    method: str,
    url: str,
    document: object = None,
    *,
    kind: str = "application/json",
    timeout: float = 10.0,
) -> bytes:
    """One request; exit with what was answered when it is not a success."""
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:300]
        raise SystemExit(f"{method} {url.removeprefix(DAPR)}: {error.code} {said}") from error
    except OSError as error:
        raise SystemExit(f"{method} {url.removeprefix(DAPR)}: {error}") from error


def until(true: object, otherwise: str, *, seconds: float = SECONDS) -> None:
    """Until `true()`; exit with `otherwise` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit(f"{otherwise} within {seconds:.0f} s")
        time.sleep(0.2)


def sidecar_serves() -> bool:
    try:
        urllib.request.urlopen(f"{DAPR}/v1.0/healthz/outbound", timeout=2).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Tell whether anybody answers, well or not."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError as error:
        return isinstance(error, urllib.error.HTTPError)
    return True


def filled(value: object, name: str) -> object:
    """The value with `name` in place of {id} in its texts."""
    return json.loads(json.dumps(value).replace("{id}", name))


def publish(name: str, data: object) -> None:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "skill-runner",
        "type": "dev.skill-runner.probe",
        "datacontenttype": "application/json",
        "data": filled(data, name),
    }
    path = f"{GIVEN['pubsub']}/{quote(GIVEN['topic'], safe='')}"
    ask("POST", f"{DAPR}/v1.0/publish/{path}", event, kind="application/cloudevents+json")


def key(name: str) -> str:
    return str(filled(GIVEN["key"], name))


def kept(names: list[str]) -> set[str]:
    """Which of these have their effect in the state store."""
    keys = {key(name): name for name in names}
    asked = {"keys": list(keys), "parallelism": 10}
    found = json.loads(ask("POST", f"{DAPR}/v1.0/state/{GIVEN['store']}/bulk", asked) or b"[]")
    return {keys[each["key"]] for each in found if each.get("data") is not None}


def forget(name: str) -> None:
    ask("DELETE", f"{DAPR}/v1.0/state/{GIVEN['store']}/{quote(key(name), safe='')}")


def effect() -> str:
    name, began = GIVEN["nonce"], time.monotonic()
    try:
        publish(name, GIVEN["data"])
        until(
            lambda: kept([name]),
            f"the event {name} of {GIVEN['topic']} had no effect: no entry {key(name)}",
        )
        took = 1000 * (time.monotonic() - began)
    finally:
        with suppress(SystemExit):
            forget(name)
    return f"an event had its effect after {took:.0f} ms"


def dead_letter() -> str:
    name = f"{GIVEN['nonce']}-fails"
    publish(name, GIVEN["fails"])
    with arrived:
        if not arrived.wait_for(lambda: name in dead, 2 * SECONDS):
            raise SystemExit(
                f"the event {name}, which fails, did not come to {GIVEN['dead_letter']}"
            )
    reason = f" ({dead[name]})" if dead[name] else ""
    return f"one that fails is in {GIVEN['dead_letter']}{reason}"


def prove() -> str:
    """Everything that was asked for, and words about what was not."""
    url = f"http://{GIVEN['service']}{GIVEN['health']}"
    # A node's kube-proxy follows the endpoints when it gets to it, and says nowhere that it has.
    until(lambda: answers(url), f"nobody answers at {url}", seconds=15)
    ask("GET", url)
    said = [f"200 at {GIVEN['health']} through the Service"]
    until(sidecar_serves, "the probe's sidecar does not serve")
    ask("GET", f"{DAPR}/v1.0/invoke/{GIVEN['app']}/method{GIVEN['call']}")
    said.append(f"called by another application at {GIVEN['call']}")
    if GIVEN.get("key"):
        said.append(effect())
    if GIVEN.get("fails"):
        said.append(dead_letter())
    return "; ".join([*said, *GIVEN["skipped"]])


def stream() -> str:
    """Events one after the other, whatever happens to the service; then every effect of theirs."""
    until(sidecar_serves, "the probe's sidecar does not serve")
    names = [f"{GIVEN['nonce']}-{number}" for number in range(GIVEN["count"])]
    for number, name in enumerate(names, 1):
        publish(name, GIVEN["data"])
        if number % 10 == 0:
            say(f"published {number}")
        time.sleep(GIVEN["pause"])
    done: set[str] = set()

    def all_are() -> bool:
        done.update(kept([name for name in names if name not in done]))
        return len(done) == len(names)

    try:
        until(all_are, f"not all of {len(names)} events had an effect", seconds=2 * SECONDS)
    except SystemExit as error:
        raise SystemExit(f"{error}: {len(names) - len(done)} are missing") from None
    finally:
        with suppress(SystemExit):
            for name in names:
                forget(name)
    return f"{len(names)} of {len(names)} events had their effect"


def main() -> None:
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        say({"prove": prove, "stream": stream}[sys.argv[1]]())
    finally:
        with suppress(SystemExit):  # it is gone already
            ask("POST", f"{DAPR}/v1.0/shutdown", timeout=2)


if __name__ == "__main__":
    main()
