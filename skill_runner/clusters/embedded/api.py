"""A small client of the node's own API server: just what starting and storage need (httpx)."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx

Object = dict[str, Any]
MANAGER: Final = "skill-cluster"  # of fields: as a User-Agent it is that of every write


def connect_api(kubeconfig: Path) -> httpx.AsyncClient:
    """A client that speaks to the kubeconfig's server as its user, past any proxy."""
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:  # the ssl module reads key pairs from files only
        for item in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[item]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return httpx.AsyncClient(
        base_url=cluster["server"],
        verify=context,
        headers={"User-Agent": MANAGER},
        trust_env=False,
        timeout=5.0,
    )


async def apply(client: httpx.AsyncClient, path: str, obj: Object) -> None:
    """Server-side apply of one object. httpx.HTTPError if it is refused."""
    answer = await client.patch(
        path,
        params={"fieldManager": MANAGER, "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=json.dumps(obj),
    )
    answer.raise_for_status()


async def merge(client: httpx.AsyncClient, path: str, patch: Object) -> None:
    """A JSON merge patch. httpx.HTTPError if it is refused."""
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = await client.patch(path, headers=headers, content=json.dumps(patch))
    answer.raise_for_status()


async def changes(client: httpx.AsyncClient, path: str) -> AsyncIterator[Object]:
    """Every object at `path`, then each time one is added or changed; ends when the watch does."""
    listed = await client.get(path)
    listed.raise_for_status()
    body = listed.json()
    for item in body["items"]:
        yield item
    query = {"watch": "true", "resourceVersion": body["metadata"]["resourceVersion"]}
    async with client.stream("GET", path, params=query, timeout=None) as stream:
        stream.raise_for_status()
        async for line in stream.aiter_lines():
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] in ("ADDED", "MODIFIED"):
                yield event["object"]
