"""From objects of Kubernetes to the configuration of a gateway, as Kong's controller does it.

Of Ingress, HTTPRoute, KongPlugin and KongConsumer, as much as tests use. Every entity carries the
tags by which the gateway's errors lead back to its object.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass
class World:
    """What the controller sees, by kind; every object has its apiVersion and kind."""

    objects: dict[str, list[Object]]
    class_name: str
    faults: list[tuple[Object, str]] = field(default_factory=list)

    def find(self, kind: str, namespace: str, name: str) -> Object | None:
        return next(
            (
                o
                for o in self.objects.get(kind, ())
                if o["metadata"]["name"] == name and o["metadata"].get("namespace") == namespace
            ),
            None,
        )

    def ours(self) -> Iterator[Object]:
        """The objects that become configuration."""
        for each in self.objects.get("Ingress", ()):
            if each["spec"].get("ingressClassName") == self.class_name:
                yield each
        yield from (r for r in self.objects.get("HTTPRoute", ()) if self.parent(r))
        yield from self.consumers()

    def consumers(self) -> Iterator[Object]:
        for each in self.objects.get("KongConsumer", ()):
            if notes(each).get("kubernetes.io/ingress.class") == self.class_name:
                yield each

    def parent(self, route: Object) -> Object | None:
        """The Gateway of this controller's class that a route names."""
        for ref in route["spec"].get("parentRefs", ()):
            space = ref.get("namespace") or route["metadata"]["namespace"]
            found = self.find("Gateway", space, ref["name"])
            if found and found["spec"]["gatewayClassName"] in self.classes():
                return found
        return None

    def classes(self) -> set[str]:
        return {
            c["metadata"]["name"]
            for c in self.objects.get("GatewayClass", ())
            if c["spec"]["controllerName"] == "konghq.com/kic-gateway-controller"
        }


def notes(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def tags(obj: Object) -> list[str]:
    group, _, version = obj["apiVersion"].rpartition("/")
    meta = obj["metadata"]
    values = {
        "name": meta["name"],
        "namespace": meta.get("namespace"),
        "kind": obj["kind"],
        "uid": meta["uid"],
        "group": group,
        "version": version,
    }
    return [f"k8s-{name}:{value}" for name, value in values.items() if value]


def configuration(world: World) -> Object:
    """The whole configuration; what cannot be translated is left out, and is in `world.faults`."""
    services: dict[str, Object] = {}
    for each in world.objects.get("Ingress", ()):
        if each["spec"].get("ingressClassName") == world.class_name:
            _ingress(world, each, services)
    for each in world.objects.get("HTTPRoute", ()):
        if world.parent(each):
            _route(world, each, services)
    upstreams = [{"name": s["host"], "targets": s.pop("targets")} for s in services.values()]
    consumers = [_consumer(world, each) for each in world.consumers()]
    return {
        "_format_version": "3.0",
        "services": list(services.values()),
        "consumers": consumers,
        "upstreams": upstreams or [{"name": "kong"}],
    }


def _ingress(world: World, obj: Object, services: dict[str, Object]) -> None:
    for rule in obj["spec"].get("rules", ()):
        for path in (rule.get("http") or {}).get("paths", ()):
            backend = path["backend"]["service"]
            hosts = [rule["host"]] if rule.get("host") else []
            exact = path.get("pathType") == "Exact"
            paths = _paths(path.get("path", "/"), exact=exact)
            _add(world, obj, services, backend["name"], backend["port"], hosts, paths)


def _route(world: World, obj: Object, services: dict[str, Object]) -> None:
    for rule in obj["spec"].get("rules", ()):
        matches = [m.get("path", {}) for m in rule.get("matches", ())] or [{}]
        paths = [
            p for m in matches for p in _paths(m.get("value", "/"), exact=m.get("type") == "Exact")
        ]
        for backend in rule.get("backendRefs", ()):
            port = {"number": backend.get("port", 80)}
            hosts = obj["spec"].get("hostnames") or []
            _add(world, obj, services, backend["name"], port, hosts, paths)


def _paths(path: str, *, exact: bool) -> list[str]:
    if path == "/":
        return ["/"]
    return [f"~{path}$"] if exact else [f"~{path.rstrip('/')}$", f"{path.rstrip('/')}/"]


def _service(world: World, services: dict[str, Object], target: Object, port: Object) -> Object:
    """The gateway's service for one port of a Service, made at the first route to it."""
    meta = target["metadata"]
    name = f"{meta['namespace']}.{meta['name']}.{port['port']}"
    return services.setdefault(
        name,
        {
            "name": name,
            "id": _id("service", name),
            "host": f"{name}.svc",
            "port": 80,
            "protocol": "http",
            "path": notes(target).get("konghq.com/path", "/"),
            "tags": tags(target),
            "routes": [],
            "targets": _targets(world, target, port),
        },
    )


def _add(
    world: World,
    obj: Object,
    services: dict[str, Object],
    backend: str,
    port: Object,
    hosts: list[str],
    paths: list[str],
) -> None:
    """One route, at the service of its backend."""
    namespace = obj["metadata"]["namespace"]
    target = world.find("Service", namespace, backend)
    if target is None:
        said = f"failed to fetch Service {namespace}/{backend}: not found"
        world.faults.append((obj, said))
        return
    ports = target["spec"]["ports"]
    number, called = port.get("number"), port.get("name")
    fitting = (p for p in ports if p["port"] == number or p.get("name") == called)
    service = _service(world, services, target, next(fitting, ports[0]))
    service["routes"].append(
        {
            "name": f"{obj['kind']}.{namespace}.{obj['metadata']['name']}.{len(service['routes'])}",
            "id": _id("route", obj["metadata"]["uid"] + paths[0]),
            "hosts": hosts,
            "paths": paths,
            "strip_path": notes(obj).get("konghq.com/strip-path") == "true",
            "tags": tags(obj),
            "plugins": list(_plugins(world, obj)),
        }
    )


def _targets(world: World, service: Object, port: Object) -> list[Object]:
    space, name = service["metadata"]["namespace"], service["metadata"]["name"]
    found = set()
    for each in world.objects.get("EndpointSlice", ()):
        labels = each["metadata"].get("labels") or {}
        if each["metadata"]["namespace"] != space or labels.get(SERVICE) != name:
            continue
        numbers = [
            p["port"]
            for p in each.get("ports") or ()
            if (p.get("name") or "") == (port.get("name") or "")
        ]
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready"):
                found |= {f"{a}:{n}" for a in endpoint["addresses"] for n in numbers}
    return [{"target": target, "weight": 100} for target in sorted(found)]


SERVICE = "kubernetes.io/service-name"


def _plugins(world: World, obj: Object) -> Iterator[Object]:
    for name in filter(None, notes(obj).get("konghq.com/plugins", "").split(",")):
        found = world.find("KongPlugin", obj["metadata"]["namespace"], name.strip())
        if found is None:
            world.faults.append((obj, f"referenced KongPlugin {name} not found"))
            continue
        yield {
            "name": found["plugin"],
            "config": found.get("config") or {},
            "tags": tags(found),
            "id": _id("plugin", obj["metadata"]["uid"] + found["metadata"]["uid"]),
        }


KEPT = {"key-auth": "keyauth_credentials", "jwt": "jwt_secrets", "acl": "acls"}


def _consumer(world: World, obj: Object) -> Object:
    """A consumer with its credentials, which its Secrets are by their label."""
    held: dict[str, list[Object]] = {name: [] for name in KEPT.values()}
    for name in obj.get("credentials") or ():
        secret = world.find("Secret", obj["metadata"]["namespace"], name)
        kind = ((secret or {}).get("metadata", {}).get("labels") or {}).get(CREDENTIAL)
        if secret is None or kind not in KEPT or not secret.get("data"):
            world.faults.append((obj, f"failed to provision credential: Secret {name}"))
            continue
        values = {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
        held[KEPT[kind]].append({**values, "tags": tags(secret)})
    return {
        "username": obj.get("username"),
        "id": _id("consumer", obj["metadata"]["uid"]),
        "tags": tags(obj),
        **held,
    }


CREDENTIAL = "konghq.com/credential"


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{name}"))
