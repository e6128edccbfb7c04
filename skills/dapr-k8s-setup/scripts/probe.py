"""The two applications beside sidecars that prove Dapr's building blocks, with nothing but Python.

The `callee` answers calls and subscribes. The `caller` publishes, saves, calls and reads a Secret;
asks the callee, past Dapr, what came of it there; and reports each building block by itself, so
that one that fails says nothing of the others. A `loader` looks at what its own sidecar has loaded.
"""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DAPR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', '3500')}"
NONCE = os.environ.get("NONCE", "")
PUBSUB = os.environ.get("PUBSUB", "skill-probe-pubsub")
STATE = os.environ.get("STATE", "skill-probe-state")
SECRET = os.environ.get("SECRET", "skill-probe")
OWN_SPACE = os.environ.get("OWN_SPACE", "")
SPACE = os.environ.get("SPACE", "")  # of the callee; without it, the caller is its own callee
CALLEE = "skill-probe-callee"
ADDRESS = f"http://{CALLEE}.{SPACE}.svc:8080" if SPACE else "http://127.0.0.1:8080"
SECONDS = 30.0  # for anything that has to come
FOUND = 10.0  # for an address that has just been made
START = 80.0  # for a sidecar, which gives its components a minute
received: dict[str, set[str]] = {}
arrived = threading.Condition()


class Failed(Exception):
    """A building block does not work, and why; lines after the first are evidence."""


class Application(BaseHTTPRequestHandler):
    """What sidecars call, and what the caller asks of its callee."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/dapr/subscribe":
            topics = [{"topic": t, "route": f"/{t}"} for t in ("events", "poison", "dead")]
            topics[1]["deadLetterTopic"] = "dead"
            self.answer(200, [{"pubsubname": PUBSUB, **each} for each in topics])
        elif path == "/came":
            self.answer(200, came(query))
        elif path == "/ask":  # what this application's sidecar says; to whom knows the nonce
            nonce, _, asked = query.partition("&")
            known = nonce == NONCE != ""
            self.answer(200, dapr("GET", urllib.parse.unquote(asked)) if known else [403, ""])
        else:
            self.answer(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/echo":
            self.answer(200, {"said": json.loads(body), "space": OWN_SPACE})
            return
        with arrived:
            received.setdefault(self.path[1:], set()).add(str(json.loads(body).get("data")))
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


def came(topic: str) -> bool:
    """Wait until the event of this proof has come to this application."""
    with arrived:
        return arrived.wait_for(lambda: NONCE in received.get(topic, ()), SECONDS)


def request(
    method: str, url: str, document: object = None, timeout: float = SECONDS + 5
) -> tuple[int, str]:
    """Status and text of an answer, whatever it is; OSError without any."""
    data = None if document is None else json.dumps(document).encode()
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, data, kind, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def dapr(method: str, path: str, document: object = None, timeout: float = 20) -> tuple[int, str]:
    """What the own sidecar answers."""
    return request(method, f"{DAPR}{path}", document, timeout)


def must(words: str, said: tuple[int, str]) -> str:
    """The text of an answer that is well; `words` say what it is of."""
    status, text = said
    if status >= 300:
        raise Failed(f"{words}: {status} {own_words(text)}")
    return text


def own_words(text: str) -> str:
    """Dapr's code and message, out of its answer."""
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(text)
        text = f"{told['errorCode']}: {told['message']}"
    return text[:300]


def ask(path: str) -> object:
    """What the callee says, past Dapr."""
    status, text = request("GET", f"{ADDRESS}{path}")
    if status != 200:
        raise Failed(f"{CALLEE} answers {path} with {status} {text[:200]}")
    return json.loads(text)


def its_sidecar(path: str) -> tuple[int, str]:
    """What the callee's sidecar answers."""
    status, text = ask(f"/ask?{NONCE}&{urllib.parse.quote(path)}")
    return status, text


def await_answer(url: str, what: str, seconds: float) -> None:
    """Until it answers well; it may be slow, or may never come."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            status, text = request("GET", url, timeout=2)
            if status < 300:
                return
            said = f"{status} {text[:200]}"
        except OSError as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} does not answer after {seconds:.0f} s: {said}")
        time.sleep(0.1)


def await_sidecar() -> None:
    """Until components and subscriptions are ready, of which `/healthz/outbound` says nothing."""
    await_answer(f"{DAPR}/v1.0/healthz", "the sidecar", START)


def pubsub() -> str:
    """One publishes, the other receives; what it refuses becomes a dead letter."""
    began = time.monotonic()
    must("publishing an event", dapr("POST", f"/v1.0/publish/{PUBSUB}/events", NONCE))
    if ask("/came?events") is not True:
        raise Failed(f"an event was published and did not come to {CALLEE} in {SECONDS:.0f} s")
    took = 1000 * (time.monotonic() - began)
    must("publishing an event", dapr("POST", f"/v1.0/publish/{PUBSUB}/poison", NONCE))
    if ask("/came?dead") is not True:
        why = "was not in its dead-letter topic" if ask("/came?poison") else "did not come to it"
        raise Failed(f"an event that {CALLEE} refuses {why} in {SECONDS:.0f} s")
    return f"an event came after {took:.0f} ms, and one that fails is in its dead-letter topic"


def state() -> str:
    """What one saves the other reads, until it is deleted."""
    key = f"skill-probe-{NONCE}"
    must("saving state", dapr("POST", f"/v1.0/state/{STATE}", [{"key": key, "value": NONCE}]))
    said = must(f"reading state by {CALLEE}", its_sidecar(f"/v1.0/state/{STATE}/{key}"))
    must("deleting state", dapr("DELETE", f"/v1.0/state/{STATE}/{key}"))
    if said != json.dumps(NONCE):
        raise Failed(f"what one application saved, {CALLEE} reads as {said!r}")
    said = must(f"reading state by {CALLEE}", its_sidecar(f"/v1.0/state/{STATE}/{key}"))
    if said:
        raise Failed(f"state that was deleted is still read as {said!r}")
    return "what one application saves the other reads, until it is deleted"


def invocation() -> str:
    """A call by name, into the other namespace."""
    path = f"/v1.0/invoke/{CALLEE}.{SPACE}/method/echo"
    deadline = time.monotonic() + FOUND
    status, text = dapr("POST", path, NONCE)
    while status >= 500 and time.monotonic() < deadline:  # its name may be seconds old
        time.sleep(0.5)
        status, text = dapr("POST", path, NONCE)
    answer = must(f"calling {CALLEE} in namespace {SPACE}", (status, text))
    if json.loads(answer) != {"said": NONCE, "space": SPACE}:
        raise Failed(f"the call came back as {answer[:200]}")
    return f"a call from namespace {OWN_SPACE} is answered in namespace {SPACE}"


def secrets() -> str:
    """Who may read a Secret reads it, and who may not is refused."""
    path = f"/v1.0/secrets/kubernetes/{SECRET}"
    read = must(f"reading Secret {SECRET}", dapr("GET", path))
    if json.loads(read).get("nonce") != NONCE:
        raise Failed(f"Secret {SECRET} came back with another value")
    if not SPACE:
        return "a Secret is read"
    status, text = its_sidecar(f"{path}?metadata.namespace={OWN_SPACE}")
    if status < 300:
        raise Failed(
            f"{CALLEE} read Secret {OWN_SPACE}/{SECRET}, which its account may not read\n"
            "some role lets every account of its namespace, or of the cluster, read Secrets"
        )
    if "forbidden" not in text and status != 403:
        raise Failed(f"{CALLEE} is not refused, it fails: {status} {own_words(text)}")
    return f"a Secret is read by who may, and {CALLEE} is refused ({status}, forbidden)"


BLOCKS: dict[str, Callable[[], str]] = {
    "pubsub": pubsub,
    "state": state,
    "invocation": invocation,
    "secrets": secrets,
}


def caller() -> str:
    """Each building block that is asked for, with what was seen or what failed, as JSON."""
    await_sidecar()
    await_answer(f"{ADDRESS}/healthz", f"{CALLEE} in namespace {SPACE}", START)
    report = {}
    for name in os.environ.get("BLOCKS", ",".join(BLOCKS)).split(","):
        try:
            report[name] = {"seen": BLOCKS[name]()}
        except (Failed, OSError) as error:
            report[name] = {"failed": str(error)}
    return json.dumps(report)


def loader() -> str:
    """The components that are loaded and that are missing, and state kept in each store: JSON."""
    await_sidecar()
    metadata = json.loads(must("asking the sidecar", dapr("GET", "/v1.0/metadata")))
    loaded = [each["name"] for each in metadata.get("components", [])]
    missing = [name for name in os.environ["EXPECTED"].split(",") if name not in loaded]
    seen = [f"{len(loaded)} components loaded"]
    for store in () if missing else filter(None, os.environ.get("STORES", "").split(",")):
        path, key = f"/v1.0/state/{store}", f"skill-probe-{NONCE}"
        must(f"saving in {store}", dapr("POST", path, [{"key": key, "value": NONCE}]))
        found = must(f"reading from {store}", dapr("GET", f"{path}/{key}"))
        must(f"deleting from {store}", dapr("DELETE", f"{path}/{key}"))
        if found != json.dumps(NONCE):
            raise Failed(f"state store {store} gave {found!r} back")
        seen.append(f"{store} keeps state")
    return json.dumps({"loaded": loaded, "missing": missing, "seen": seen})


def main() -> None:
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if sys.argv[1:] == ["callee"]:
        threading.Event().wait()
    try:
        sys.stdout.write(f"{caller() if sys.argv[1:] == ['caller'] else loader()}\n")
    except Failed as error:
        raise SystemExit(str(error)) from error
    finally:
        with suppress(OSError):  # there is none, or it is gone
            dapr("POST", "/v1.0/shutdown", timeout=2)


if __name__ == "__main__":
    main()
