"""Addresses in the variables and arguments of a pod that lead to no port of a Service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.text.quoting import named

# NAME:PORT, NAME.NAMESPACE:PORT, NAME.NAMESPACE.svc…:PORT, alone or in a URL or a list of them.
_ADDRESS: Final = re.compile(
    r"(?:^|[/@,=\s])(?P<name>[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)"
    r"(?:\.(?P<space>[a-z0-9-]{1,63})(?:\.svc(?:\.[a-z0-9.-]{1,100})?)?)?"
    r":(?P<port>\d{2,5})(?![\w.])"
)
_LOWEST: Final = 80  # below it stand the tags of images: postgres:16
_LONGEST: Final = 2000  # characters of a value that is read


def lost_addresses(
    template: Mapping[str, Any], namespace: str, services: Mapping[str, Object]
) -> Iterator[str]:
    """A sentence for each address of a pod template that asks one of these Services of its
    namespace for a port that it does not have. Those without a cluster address answer at any."""
    for where, text in _texts(template):
        for found in _ADDRESS.finditer(text[:_LONGEST]):
            service, port = services.get(found["name"]), int(found["port"])
            if service is None or found["space"] not in (None, namespace) or port < _LOWEST:
                continue
            have = [p.get("port") for p in at(service, "spec.ports", [])]
            headless = at(service, "spec.clusterIP", "None") in ("", "None")
            if have and port not in have and not headless:
                there = ", ".join(map(str, have))
                yield (
                    f"{where} names {named(found['name'])}:{port}, and that Service has no such "
                    f"port (it has {there})"
                )


def _texts(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in ("containers", "initContainers"):
        for container in at(template, f"spec.{part}", []):
            for variable in container.get("env") or []:
                yield f"variable {named(variable.get('name'))}", str(variable.get("value") or "")
            for text in (*(container.get("command") or ()), *(container.get("args") or ())):
                yield f"an argument of container {named(container.get('name'))}", str(text)
