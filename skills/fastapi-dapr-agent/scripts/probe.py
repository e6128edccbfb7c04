"""Another application beside a sidecar of its own, which proves a service, with nothing but Python.

It asks the service through its Service and through the sidecars, publishes events to its topic,
reads their effects in the state store, and listens to the dead-letter topic. It runs in the image
of the service, which has Python whatever else it has. Its last line says what was seen; it exits
with NOT_YET where the service is at work, and has not come to what was awaited.
"""

import json
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

GIVEN = json.loads(os.environ["GIVEN"])
DAPR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', '3500')}"
PROBE = GIVEN["probe"]
TOPIC = PROBE.get("topic") or next(iter(GIVEN["subscribe"]), "")
SERVICE = f"{GIVEN['service']}.{GIVEN['namespace']}.svc"
STATE = f"{DAPR}/v1.0/state/{GIVEN['state_store']}"
HAS_EFFECT = bool(TOPIC and GIVEN["state_store"] and PROBE.get("key"))
FAILS = bool(TOPIC and "fails" in PROBE)
SECONDS = 50.0  # for anything that has to come
LONGEST = 75.0  # where the service is at work on events before it
NOT_YET = 3
COUNT = re.compile(r"^dapr_component_pubsub_ingress_count\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
dead: dict[str, str] = {}  # the reason of each, as far as the service said one


class Application(BaseHTTPRequestHandler):
    """What the sidecar calls: it listens to the dead letters alone."""

    def do_GET(self) -> None:
        topic = {"pubsubname": GIVEN["pubsub"], "topic": GIVEN["dead_letter"], "route": "/dead"}
        listens = self.path == "/dapr/subscribe" and FAILS
        self.answer([topic] if listens else [])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        event = json.loads(body)
        dead[str(event.get("id"))] = str(event.get("reason") or "")
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


def until(true: Callable[[], object], otherwise: str, *, seconds: float = SECONDS) -> None:
    """Until `true()`; exit with `otherwise` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
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


def handed_over(status: str) -> float:
    """Count events of the topic that the service's sidecars report with this status."""
    counted = 0.0
    with suppress(OSError):  # no such name, or a pod that went meanwhile
        name = f"{GIVEN['app_id']}-dapr.{GIVEN['namespace']}.svc"
        for address in {str(each[4][0]) for each in socket.getaddrinfo(name, 9090)}:
            host = f"[{address}]" if ":" in address else address
            with urllib.request.urlopen(f"http://{host}:9090/metrics", timeout=5) as answer:
                for labels, value in COUNT.findall(answer.read().decode()):
                    if f'topic="{TOPIC}"' in labels and f'process_status="{status}"' in labels:
                        counted += float(value)
    return counted


def awaited(
    true: Callable[[], object], otherwise: Callable[[], str], progress: Callable[[], float]
) -> None:
    """Until `true()`; exit with `otherwise()` after SECONDS without progress, NOT_YET amid some."""
    began = moved = time.monotonic()
    before = progress()
    while not true():
        now = time.monotonic()
        if (after := progress()) > before:
            before, moved = after, now
        if now > moved + SECONDS:
            raise SystemExit(otherwise())
        if now > began + LONGEST:
            say(f"{otherwise()}: events before it are being handled")
            raise SystemExit(NOT_YET)
        time.sleep(0.5)


def filled(value: object, name: str) -> object:
    """The value with `name` in place of {id} in its texts."""
    return json.loads(json.dumps(value).replace("{id}", name))


def publish(name: str, data: object) -> None:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "skill-runner",
        "type": "dev.skill-runner.probe",
        # for whom it is: others who listen to the topic can tell
        "subject": f"{GIVEN['namespace']}.{GIVEN['app_id']}",
        "datacontenttype": "application/json",
        "data": filled(data, name),
    }
    path = f"{GIVEN['pubsub']}/{quote(TOPIC, safe='')}"
    ask("POST", f"{DAPR}/v1.0/publish/{path}", event, kind="application/cloudevents+json")


def key(name: str) -> str:
    return str(filled(PROBE["key"], name))


def kept(names: list[str]) -> set[str]:
    """Which of these have their effect in the state store."""
    keys = {key(name): name for name in names}
    asked = {"keys": list(keys), "parallelism": 10}
    found = json.loads(ask("POST", f"{STATE}/bulk", asked) or b"[]")
    return {keys[each["key"]] for each in found if each.get("data") is not None}


def forget(names: list[str]) -> None:
    """Delete their entries, however many, at once."""
    keys = [{"operation": "delete", "request": {"key": key(name)}} for name in names]
    with suppress(SystemExit):
        ask("POST", f"{STATE}/transaction", {"operations": keys})


def effect() -> str:
    name, began = GIVEN["nonce"], time.monotonic()
    try:
        publish(name, PROBE["data"])
        awaited(
            lambda: kept([name]),
            lambda: f"the event {name} of {TOPIC} had no effect: no entry {key(name)}",
            lambda: handed_over("success"),
        )
        took = 1000 * (time.monotonic() - began)
    finally:
        forget([name])
    return f"an event had its effect after {took:.0f} ms"


def dead_letter() -> str:
    name, before = f"{GIVEN['nonce']}-fails", handed_over("retry")
    publish(name, PROBE["fails"])

    def missing() -> str:
        said = f"the event {name}, which fails, did not come to {GIVEN['dead_letter']}"
        if handed_over("retry") == before:
            return said
        return (
            f"{said}: its handler asks for another try, {GIVEN['retries']} times, and its partition"
            " waits meanwhile; let it answer DROP to what no retry fixes"
        )

    # letters of before come first where this group of listeners was forgotten by the broker
    awaited(lambda: name in dead, missing, lambda: len(dead))
    reason = f" ({dead[name]})" if dead[name] else ""
    return f"one that fails is in {GIVEN['dead_letter']}{reason}"


def unproven() -> list[str]:
    """What is not proven, and what it would take."""
    said = []
    if TOPIC and not HAS_EFFECT:
        said.append("an event's effect was not looked for (probe.data and probe.key are not given)")
    if TOPIC and not FAILS:
        said.append("no dead letter was looked for (probe.fails is not given)")
    return said


def prove() -> str:
    """Everything that was asked for, and words about what was not."""
    url = f"http://{SERVICE}{GIVEN['health']}"
    # A node's kube-proxy follows the endpoints when it gets to it, and says nowhere that it has.
    until(lambda: answers(url), f"nobody answers at {url}", seconds=15)
    ask("GET", url)
    said = [f"200 at {GIVEN['health']} through the Service"]
    until(sidecar_serves, "the probe's sidecar does not serve")
    call = PROBE.get("call") or GIVEN["health"]
    ask("GET", f"{DAPR}/v1.0/invoke/{GIVEN['app_id']}/method{call}")
    said.append(f"called by another application at {call}")
    if HAS_EFFECT:
        said.append(effect())
    if FAILS:
        said.append(dead_letter())
    return "; ".join([*said, *unproven()])


def stream() -> str:
    """Events one after the other, whatever happens to the service; then every effect of theirs."""
    until(sidecar_serves, "the probe's sidecar does not serve")
    names = [f"{GIVEN['nonce']}-{number}" for number in range(GIVEN["count"])]
    done: set[str] = set()

    def all_are() -> bool:
        done.update(kept([name for name in names if name not in done]))
        return len(done) == len(names)

    def missing() -> str:
        return f"{len(names) - len(done)} of {len(names)} events had no effect"

    try:
        for number, name in enumerate(names, 1):
            publish(name, PROBE["data"])
            if number % 10 == 0:
                say(f"published {number}")
            time.sleep(GIVEN["pause"])
        awaited(all_are, missing, lambda: len(done))
    finally:
        forget(names)
    return f"{len(names)} of {len(names)} events had their effect"


def main() -> None:
    # also one that is called off takes back what it made
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("called off"))
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        say({"prove": prove, "stream": stream}[sys.argv[1]]())
    finally:
        with suppress(SystemExit):  # it is gone already
            ask("POST", f"{DAPR}/v1.0/shutdown", timeout=2)


if __name__ == "__main__":
    main()
