"""The controller of the gateway that the tests play: as much of Kong's as a skill and a wait see.

Once a second it pushes the whole configuration, and writes what became of it where the real one
was seen to: into conditions and addresses once it is in, into events and counters when the gateway
refused it. What is refused stops everything that is new; the probes stay green.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .translate import Object, World, configuration

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
GATEWAY = "https://localhost:8444"
NEVER = "1970-01-01T00:00:00Z"
PENDING = {
    "type": "Programmed",
    "status": "Unknown",
    "reason": "Pending",
    "message": "Waiting for controller",
    "lastTransitionTime": NEVER,
}
GROUPS = {
    "Service": "v1",
    "Secret": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "KongPlugin": "configuration.konghq.com/v1",
    "KongConsumer": "configuration.konghq.com/v1",
}
PLURALS = {"Ingress": "ingresses", "GatewayClass": "gatewayclasses"}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Api:
    """The API server, by the pod's own account."""

    def __init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def call(self, method: str, path: str, body: Object | None = None) -> Object:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        request = urllib.request.Request(
            f"https://kubernetes.default.svc{path}",
            json.dumps(body).encode() if body else None,
            {
                "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
                "Content-Type": f"application/{kind}",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10, context=self.context) as answer:
            found: Object = json.loads(answer.read())
        return found

    def list(self, kind: str) -> list[Object]:
        query = "?labelSelector=konghq.com/credential" if kind == "Secret" else ""
        path = f"{_base(GROUPS[kind])}/{_plural(kind)}{query}"
        try:
            items = self.call("GET", path)["items"]
        except urllib.error.HTTPError as error:
            if error.code == 404:  # the kind is not served
                return []
            raise
        return [{"apiVersion": GROUPS[kind], "kind": kind, **o} for o in items]

    def set_status(self, obj: Object, status: Object) -> None:
        meta = obj["metadata"]
        space = f"/namespaces/{meta['namespace']}" if meta.get("namespace") else ""
        path = f"{_base(obj['apiVersion'])}{space}/{_plural(obj['kind'])}/{meta['name']}/status"
        self.call("PUT", path, {**obj, "status": status})


def _base(api_version: str) -> str:
    return f"/api/{api_version}" if api_version == "v1" else f"/apis/{api_version}"


def _plural(kind: str) -> str:
    return PLURALS.get(kind, f"{kind.lower()}s")


class Controller:
    """What was pushed, how often, and what was said of it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.pushed = ""  # the last configuration that was taken
        self.ever = False
        self.counts = {"true": 0, "false": 0}
        self.said: dict[tuple[str, ...], tuple[str, int]] = {}

    def look(self) -> None:
        """One turn."""
        objects = {kind: self.api.list(kind) for kind in GROUPS}
        world = World(objects, os.environ.get("CONTROLLER_INGRESS_CLASS", "kong"))
        text = json.dumps(configuration(world), sort_keys=True)
        for obj, message in world.faults:
            self.event(obj, "KongConfigurationTranslationFailed", message)
        if text != self.pushed or self._is_empty():
            self.push(text)
        self.report(world, configured=text == self.pushed)

    def _is_empty(self) -> bool:
        """Tell whether the gateway has lost what it had, by a restart of its own."""
        return bool(set(_admin("GET", "/status")[1]["configuration_hash"]) == {"0"})

    def push(self, text: str) -> None:
        status, answer = _admin("POST", "/config?check_hash=1&flatten_errors=1", text)
        good = status in (201, 304)
        self.counts[str(good).lower()] += 1
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": os.environ["POD_NAME"],
                "namespace": os.environ["POD_NAMESPACE"],
                "uid": self._own_uid(),
            },
        }
        if good:
            self.pushed, self.ever = text, True
            said = f"successfully applied Kong configuration to {GATEWAY}"
            self.event(pod, "KongConfigurationSucceeded", said)
            return
        said = f"failed to apply Kong configuration to {GATEWAY}: HTTP status {status} "
        said += '(message: "failed posting new config to /config")'
        self.event(pod, "KongConfigurationApplyFailed", said)
        for each in answer.get("flattened_errors", ()):
            names = dict(tag[4:].split(":", 1) for tag in each["entity_tags"])
            group = names.get("group")
            obj = {
                "apiVersion": f"{group}/{names['version']}" if group else names["version"],
                "kind": names["kind"],
                "metadata": names,
            }
            for error in each["errors"]:
                what = error.get("field") or f"{each['entity_type']}:{each['entity_name']}"
                self.event(
                    obj, "KongConfigurationApplyFailed", f"invalid {what}: {error['message']}"
                )

    def _own_uid(self) -> str:
        path = f"/api/v1/namespaces/{os.environ['POD_NAMESPACE']}/pods/{os.environ['POD_NAME']}"
        return str(self.api.call("GET", path)["metadata"]["uid"])

    def event(self, obj: Object, reason: str, message: str) -> None:
        """One event for each object and message, which counts."""
        meta = obj["metadata"]
        space = meta.get("namespace") or "default"
        path = f"/api/v1/namespaces/{space}/events"
        key = (meta["uid"], reason, message)
        name, count = self.said.get(key, (f"{meta['name']}.{time.time_ns():x}", 0))
        self.said[key] = name, count + 1
        times = {"count": count + 1, "lastTimestamp": _now()}
        if count:
            self.api.call("PATCH", f"{path}/{name}", times)
            return
        about = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            **{k: meta[k] for k in ("name", "namespace", "uid") if k in meta},
        }
        self.api.call(
            "POST",
            path,
            {
                "metadata": {"name": name, "namespace": space},
                "involvedObject": about,
                "reason": reason,
                "message": message,
                "firstTimestamp": _now(),
                **times,
                "type": "Normal" if reason.endswith("Succeeded") else "Warning",
                "source": {"component": "kong-client"},
                "reportingComponent": "kong-client",
            },
        )

    def report(self, world: World, *, configured: bool) -> None:
        """The status of each object; what is new has none but Unknown while nothing gets through.

        What was configured before stays so, as long as its generation is the same.
        """
        for each in world.objects["GatewayClass"]:
            if each["metadata"]["name"] in world.classes():
                self.write(each, {"conditions": [_condition(each, "Accepted")]})
        for each in world.objects["Gateway"]:
            if each["spec"]["gatewayClassName"] in world.classes():
                both = [_condition(each, kind) for kind in ("Accepted", "Programmed")]
                self.write(each, {"conditions": both})
        for each in world.ours():
            done = (configured and not any(o is each for o, _ in world.faults)) or _is_in(each)
            self.write(each, _status(world, each, done=done))

    def write(self, obj: Object, status: Object) -> None:
        """Write a status that differs, times aside."""
        if _timeless(obj.get("status") or {}) == _timeless(status):
            return
        try:
            self.api.set_status(obj, status)
        except urllib.error.HTTPError as error:
            if error.code not in (404, 409):  # gone, or changed meanwhile
                raise


def _status(world: World, obj: Object, *, done: bool) -> Object:
    if obj["kind"] == "Ingress":
        name = os.environ["CONTROLLER_PUBLISH_SERVICE"].split("/")
        service = world.find("Service", *name)
        if not done or service is None or service["spec"]["type"] == "LoadBalancer":
            return {"loadBalancer": {}}
        return {"loadBalancer": {"ingress": [{"ip": service["spec"]["clusterIP"]}]}}
    if obj["kind"] == "KongConsumer":
        return {"conditions": [_condition(obj, "Programmed") if done else PENDING]}
    gateway = world.parent(obj)
    assert gateway is not None
    lost = [m for o, m in world.faults if o is obj]
    refs = _condition(obj, "ResolvedRefs")
    if lost:
        refs |= {"status": "False", "reason": "BackendNotFound", "message": lost[0]}
    programmed = _condition(obj, "Programmed", reason="ConfiguredInGateway")
    if not done:
        programmed |= {"status": "Unknown", "reason": "Unknown"}
    where = {key: gateway["metadata"][key] for key in ("name", "namespace")}
    ref = {"group": "gateway.networking.k8s.io", "kind": "Gateway", **where}
    return {
        "parents": [
            {
                "controllerName": "konghq.com/kic-gateway-controller",
                "parentRef": ref,
                "conditions": [_condition(obj, "Accepted"), refs, programmed],
            }
        ]
    }


def _condition(obj: Object, kind: str, *, reason: str = "") -> Object:
    return {
        "type": kind,
        "status": "True",
        "reason": reason or kind,
        "message": "",
        "observedGeneration": obj["metadata"].get("generation", 1),
        "lastTransitionTime": _now(),
    }


def _is_in(obj: Object) -> bool:
    """Tell whether an object was configured as it is, by its own status."""
    status = obj.get("status") or {}
    if obj["kind"] == "Ingress":
        return bool((status.get("loadBalancer") or {}).get("ingress"))
    found = [c for p in status.get("parents", [status]) for c in p.get("conditions", ())]
    return any(
        c["type"] == "Programmed"
        and c["status"] == "True"
        and c.get("observedGeneration") == obj["metadata"].get("generation")
        for c in found
    )


def _timeless(status: Any) -> Any:
    if isinstance(status, dict):
        return {k: _timeless(v) for k, v in status.items() if k != "lastTransitionTime"}
    return [_timeless(v) for v in status] if isinstance(status, list) else status


def _admin(method: str, path: str, body: str = "") -> tuple[int, Object]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(f"{GATEWAY}{path}", body.encode() or None, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10, context=trusting) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


class Health(BaseHTTPRequestHandler):
    """Probes and metrics, on either port."""

    controller: Controller

    def do_GET(self) -> None:
        ready = self.controller.ever or self.path != "/readyz"
        self.send_response(200 if ready else 500)
        self.end_headers()
        if self.path == "/metrics":
            for good, count in self.controller.counts.items():
                self.wfile.write(
                    b'ingress_controller_configuration_push_count{dataplane="%s",success="%s"} %d\n'
                    % (GATEWAY.encode(), good.encode(), count)
                )

    def log_request(self, *_: object) -> None:
        """Say nothing: the kubelet asks every other second."""


def main() -> None:
    Health.controller = Controller(Api())
    for port in (10254, 10255):
        server = ThreadingHTTPServer(("0.0.0.0", port), Health)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            Health.controller.look()
        except (OSError, ValueError) as error:
            sys.stdout.write(f"{type(error).__name__}: {error}\n")
        time.sleep(1)


if __name__ == "__main__":
    main()
