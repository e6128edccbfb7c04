"""The configuration of the gateway that the tests play: what it takes, and what it does with it.

As Kong 3.9 without a database was seen to: 201 for a new configuration, 304 for the same, 400 for
a bad one, which names every bad entity by its tags and leaves what is served as it was.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

Entity = dict[str, Any]
EMPTY = "0" * 32  # the hash before any configuration
WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
ORDER = ("jwt", "key-auth", "acl", "rate-limiting", "request-termination")  # by their priorities
NUMBER, TEXT, BOOL, LIST = (int, float), str, bool, list
NAMES = {NUMBER: "a number", TEXT: "a string", BOOL: "a boolean", LIST: "an array"}
TYPES = {NUMBER: "number", TEXT: "string", BOOL: "boolean", LIST: "array"}
FIELDS: dict[str, dict[str, Any]] = {
    "key-auth": {
        "key_names": LIST,
        "hide_credentials": BOOL,
        "key_in_header": BOOL,
        "key_in_query": BOOL,
        "key_in_body": BOOL,
        "run_on_preflight": BOOL,
    },
    "jwt": {"claims_to_verify": LIST, "key_claim_name": TEXT, "header_names": LIST},
    "acl": {"allow": LIST, "deny": LIST, "hide_groups_header": BOOL},
    "rate-limiting": {
        **dict.fromkeys(WINDOWS, NUMBER),
        "policy": TEXT,
        "limit_by": TEXT,
        "fault_tolerant": BOOL,
        "hide_client_headers": BOOL,
        "error_code": NUMBER,
    },
    "request-termination": {"status_code": NUMBER, "message": TEXT},
}


def faults(plugin: Entity) -> Iterator[Entity]:
    """Each field that the schema of a plugin does not allow."""
    fields = FIELDS.get(str(plugin.get("name")))
    if fields is None:
        message = f"plugin '{plugin.get('name')}' not enabled; add it to the 'plugins' "
        yield {"type": "field", "field": "name", "message": message + "configuration property"}
        return
    for name, value in (plugin.get("config") or {}).items():
        wanted = fields.get(name)
        if wanted is None:
            yield {"type": "field", "field": f"config.{name}", "message": "unknown field"}
        elif value is not None and (
            not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not BOOL)
        ):
            message = f"expected {NAMES[wanted]}"
            yield {"type": "field", "field": f"config.{name}", "message": message}


class Gateway:
    """What is configured, and what it counts."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hash = EMPTY
        self.config: Entity = {}
        self.turn = itertools.count()
        self.counts: dict[tuple[Any, ...], int] = {}

    def load(self, raw: bytes, *, check_hash: bool) -> tuple[int, Entity]:
        """The answer to POST /config; nothing changes unless it is 201."""
        try:
            config = json.loads(raw)
        except ValueError as error:
            return 400, {"message": f"failed parsing declarative configuration: {error}"}
        digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        if check_hash and digest == self.hash:
            return 304, {}
        bad = [
            _flat("plugin", each, found)
            for each in _plugins(config)
            if (found := list(faults(each)))
        ]
        bad += _twice(config.get("consumers", ()))
        if bad:
            return 400, {
                "code": 14,
                "name": "invalid declarative configuration",
                "fields": {},
                "message": "declarative config is invalid: {}",
                "flattened_errors": bad,
            }
        with self.lock:
            self.config, self.hash = config, digest
        return 201, {"message": "configuration loaded"}

    def match(self, host: str, path: str) -> tuple[Entity, Entity, str] | None:
        """The service and route of a request, and the path that goes on to the service."""
        found: list[tuple[Any, Entity, Entity, str]] = []
        for service in self.config.get("services", ()):
            for route in service.get("routes", ()):
                hosts = route.get("hosts") or ["*"]
                if not any(_is_host(host, pattern) for pattern in hosts):
                    continue
                for wanted in route.get("paths") or ["/"]:
                    if (taken := _taken(path, wanted)) is not None:
                        rank = (
                            hosts != ["*"],
                            wanted.startswith("~"),
                            route.get("regex_priority") or 0,
                            len(wanted),
                        )
                        rest = path[taken:] if route.get("strip_path", True) else path
                        found.append((rank, service, route, rest))
        if not found:
            return None
        _, service, route, rest = max(found, key=lambda each: each[0])
        base = (service.get("path") or "").rstrip("/")
        return service, route, (base + "/" + rest.lstrip("/")) if rest or not base else base

    def plugins(self, service: Entity, route: Entity) -> list[Entity]:
        """Those of a request, in the order in which they act."""
        here = {_key(route), str(route.get("name"))}, {_key(service), str(service.get("name"))}
        found = [*route.get("plugins", ()), *service.get("plugins", ())]
        for plugin in self.config.get("plugins", ()):
            asked = _refers(plugin, "route"), _refers(plugin, "service")
            if all(not name or name in names for name, names in zip(asked, here, strict=True)):
                found.append(plugin)
        found = [p for p in found if p.get("enabled", True) and p["name"] in ORDER]
        return sorted(found, key=lambda plugin: ORDER.index(plugin["name"]))

    def consumer(self, key: str) -> Entity | None:
        """Who has an API key; `credential` is the key itself."""
        for each in self.config.get("consumers", ()):
            for held in each.get("keyauth_credentials", ()):
                if held["key"] == key:
                    return {**each, "credential": key}
        return None

    def bearer(self, token: str) -> Entity | None:
        """Who has signed a token (HS256) that is still valid, by its issuer."""
        try:
            signed, _, signature = token.rpartition(".")
            claims = json.loads(_decoded(signed.split(".")[1]))
            given = _decoded(signature)
        except (ValueError, IndexError):
            return None
        for each in self.config.get("consumers", ()):
            for held in each.get("jwt_secrets", ()):
                mine = hmac.digest(held["secret"].encode(), signed.encode(), "sha256")
                if held["key"] == claims.get("iss") and hmac.compare_digest(mine, given):
                    late = float(claims.get("exp", 0)) < time.time()
                    return None if late else {**each, "credential": held["key"]}
        return None

    def count(self, plugin: Entity, who: str) -> dict[str, str] | None:
        """Count one request; the headers, where Retry-After says that it was one too many."""
        headers: dict[str, str] = {}
        for name, seconds in WINDOWS.items():
            limit = (plugin.get("config") or {}).get(name)
            if limit is None:
                continue
            now = time.time()
            with self.lock:
                slot = (plugin.get("id"), who, name, int(now // seconds))
                used = self.counts.get(slot, 0)
                self.counts[slot] = used + (used < limit)
            reset = str(int(seconds - now % seconds) or 1)
            left = str(max(0, int(limit) - used - 1))
            headers |= {
                "RateLimit-Limit": str(limit),
                "RateLimit-Remaining": left,
                "RateLimit-Reset": reset,
                f"X-RateLimit-Limit-{name.title()}": str(limit),
                f"X-RateLimit-Remaining-{name.title()}": left,
            }
            if used >= limit:
                headers["Retry-After"] = reset
                break
        return headers

    def target(self, service: Entity) -> tuple[str, int] | None:
        """The next target of the service's upstream; None where it has none."""
        for upstream in self.config.get("upstreams", ()):
            if upstream["name"] == service["host"]:
                targets = upstream.get("targets") or ()
                if not targets:
                    return None
                host, _, port = targets[next(self.turn) % len(targets)]["target"].rpartition(":")
                return host.strip("[]"), int(port)
        return str(service["host"]), int(service.get("port") or 80)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _plugins(config: Entity) -> Iterator[Entity]:
    yield from config.get("plugins", ())
    for service in config.get("services", ()):
        yield from service.get("plugins", ())
        for route in service.get("routes", ()):
            yield from route.get("plugins", ())
    for consumer in config.get("consumers", ()):
        yield from consumer.get("plugins", ())


def _twice(consumers: Any) -> list[Entity]:
    """Consumers whose name another has already."""
    seen: set[str] = set()
    bad = []
    for each in consumers:
        name = str(each.get("username"))
        if name in seen:
            message = f"uniqueness violation: 'consumers' entity with username set to '{name}' "
            error = {"type": "entity", "message": f"{message}already declared"}
            bad.append(_flat("consumer", each, [error]))
        seen.add(name)
    return bad


def _flat(kind: str, entity: Entity, errors: list[Entity]) -> Entity:
    return {
        "entity_type": kind,
        "entity_name": entity.get("name") or entity.get("username"),
        "entity_id": entity.get("id"),
        "entity_tags": entity.get("tags", []),
        "errors": errors,
        "entity": entity,
    }


def _key(entity: Entity) -> str:
    return str(entity.get("id") or entity.get("name"))


def _refers(plugin: Entity, kind: str) -> str:
    """The name or id of the route or service that a plugin is for."""
    found = plugin.get(kind)
    return str(_key(found) if isinstance(found, dict) else found or "")


def _is_host(host: str, pattern: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _taken(path: str, wanted: str) -> int | None:
    """How much of a path a route's path takes; None where it does not match."""
    if wanted.startswith("~"):
        found = re.match(wanted[1:], path)
        return found.end() if found else None
    return len(wanted.rstrip("/")) if path.startswith(wanted) else None


def entities(config: Entity, kind: str) -> Iterator[Entity]:
    """Each configured entity of a kind, without what is nested in it."""
    for service in config.get("services", ()) if kind == "routes" else ():
        for route in service.get("routes", ()):
            yield {**route, "service": {"id": service["id"]}}
    for each in config.get(kind, ()):
        yield {
            key: value
            for key, value in each.items()
            if key
            not in ("routes", "plugins", "targets", "keyauth_credentials", "acls", "jwt_secrets")
        }
