"""A failing HTTP probe → the body that it answers, which the kubelet's event leaves out."""

from __future__ import annotations

import re
from asyncio import timeout
from typing import Any, Final

import httpx

from skill_runner.backends.base import Cluster
from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.text import AGENT

MOST: Final = 200
READ: Final = 4096  # characters of a body
_TITLE: Final = re.compile(r"<title>([^<]{1,200})</title>", re.IGNORECASE)
TIMEOUT: Final = 3.0


async def ask_probe(cluster: Cluster, pod: Object, container: str, probe: dict[str, Any]) -> str:
    """ "503: database is not reachable", by a port-forward to the pod; empty for other probes."""
    http = probe.get("httpGet")
    if not http:
        return ""
    port = port_number(pod, container, http.get("port"))
    if port is None:
        return ""
    scheme = str(http.get("scheme", "HTTP")).lower()
    headers = {
        "User-Agent": AGENT,
        **{h["name"]: h["value"] for h in http.get("httpHeaders") or []},
    }
    url_path = http.get("path") or "/"
    async with (
        timeout(2 * TIMEOUT),  # a body may have no end
        cluster.port_forward(
            at(pod, "metadata.namespace", ""), at(pod, "metadata.name", ""), port
        ) as local,
        # The probe itself verifies no certificate either.
        httpx.AsyncClient(verify=False, timeout=TIMEOUT, trust_env=False) as client,  # noqa: S501
    ):
        url = f"{scheme}://127.0.0.1:{local}{url_path}"
        try:
            async with client.stream("GET", url, headers=headers) as answer:
                return f"{answer.status_code}: {await _beginning(answer)}"
        except httpx.HTTPError:
            return ""


async def _beginning(answer: httpx.Response) -> str:
    """The first words of a body, whose length its sender decides."""
    text = ""
    async for part in answer.aiter_text(READ):
        text += part
        if len(text) >= READ:
            break
    text = text[:READ]
    if text.lstrip()[:1] == "<":  # a page for people: its title says what there is to say
        title = _TITLE.search(text)
        return f"a page, {title[1].strip()}" if title else "a page"
    return " ".join(text.split())[:MOST]


def port_number(pod: Object, container: str, port: Any) -> int | None:
    """A probe's port: a number, or the name of one of the container's ports."""
    if isinstance(port, int) or (isinstance(port, str) and port.isdigit()):
        return int(port)
    for spec in at(pod, "spec.containers", []):
        for named in spec.get("ports") or [] if spec.get("name") == container else []:
            if named.get("name") == port:
                return int(named["containerPort"])
    return None
