"""What the tests of the web skills share: answers of pods, and what becomes of a source folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from skill_runner.backends.kube import connect
from skill_runner.plan import Installation
from tests.support.browser import BROWSER, MISSING
from tests.support.driver import Driver


def ask(
    driver: Driver,
    installation: Installation,
    port: int,
    *paths: str,
    headers: Mapping[str, str] | None = None,
) -> list[httpx.Response]:
    """The answers of the newest pod, by a port-forward; redirects are not followed."""

    async def work() -> list[httpx.Response]:
        cluster = await connect(str(driver.kubeconfig), driver.context)
        try:
            space, labels = installation.namespace, f"app.kubernetes.io/name={installation.name}"
            pods = (await cluster.list("v1", "Pod", namespace=space, labels=labels)).items
            stay = [p for p in pods if not p["metadata"].get("deletionTimestamp")]
            newest = max(stay, key=lambda p: str(p["metadata"]["creationTimestamp"]))
            async with (
                cluster.port_forward(space, newest["metadata"]["name"], port) as local,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{local}", headers=headers) as client,
            ):
                return [await client.get(path) for path in paths]
        finally:
            await cluster.close()

    return asyncio.run(work())


def assert_a_browser_saw(proof: str, words: str) -> None:
    """And kept a screenshot. Without a browser the proof must say so; CI must have one."""
    if BROWSER is None and os.environ.get("CI") != "true":
        assert "browser skipped: no Chromium on this machine" in proof
        return
    assert f"a browser saw {words}" in proof, MISSING
    shot = Path(proof.rpartition("screenshot ")[2])
    assert shot.read_bytes().startswith(b"\x89PNG")


def assert_told_of_the_build(outcome: Mapping[str, Any], *patterns: str) -> None:
    """In the note on the image; only a cluster that is used again may have it from before."""
    (step,) = (step for step in outcome["steps"] if step["id"] == "image")
    if step["status"] == "unchanged":
        assert "SKILL_TEST_CONTEXT" in os.environ, "a cluster of the tests' own begins empty"
        return
    for pattern in patterns:
        assert re.search(pattern, outcome["notes"][0])


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder, by name: what it holds."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def archive_of(driver: Driver, outcome: dict[str, Any]) -> bytes:
    """The built image with all its layers, none of which is compressed."""
    name = str(outcome["outputs"]["image"]).replace("/", "_").replace(":", "_")
    return (driver.cache / "images" / f"{name}.tar").read_bytes()
