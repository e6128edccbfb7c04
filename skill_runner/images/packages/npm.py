"""Packages of npm, unpacked, by the registry's own checksums and this machine's npm settings."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import ssl
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import httpx

from skill_runner.errors import BuildFailed
from skill_runner.images.builders import ca_bundle
from skill_runner.images.package_settings import npm_registry, npm_settings
from skill_runner.progress import Note, Report

TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)  # seconds
ARCHITECTURES: Final = {"x86_64": "x64", "aarch64": "arm64"}  # as Node calls them


async def npm_modules(
    modules: Iterable[tuple[str, str]], target: Path, report: Report, *, registry: str = ""
) -> None:
    """Each (folder, package@version) unpacked into target/folder; BuildFailed with the answer."""
    address, headers = npm_registry(npm_settings(os.environ))
    trusted = ssl.create_default_context(cafile=ca_bundle(os.environ))
    async with httpx.AsyncClient(
        timeout=TIMEOUT, follow_redirects=True, headers=headers, verify=trusted
    ) as client:
        for folder, package in modules:
            package = package.format(arch=ARCHITECTURES.get(platform.machine(), "x64"))
            report(Note(f"npm package {package}"))
            try:
                content = await _fetch(client, registry or address, package)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                raise BuildFailed(
                    f"npm package {package} could not be had: {type(error).__name__}: {error}",
                    hint="The registry is that of npm's settings: npm config get registry",
                ) from error
            _unpack(content, target / folder)


async def _fetch(client: httpx.AsyncClient, registry: str, package: str) -> bytes:
    """The package's archive, as its registry's metadata describes it."""
    name, _, version = package.rpartition("@")
    answer = await client.get(f"{registry}{name.replace('/', '%2f')}/{version}")
    answer.raise_for_status()
    dist: dict[str, Any] = answer.json()["dist"]
    content = (await client.get(dist["tarball"])).raise_for_status().content
    algorithm, _, wanted = str(dist["integrity"]).partition("-")
    got = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
    if got != wanted:
        raise ValueError(f"its {algorithm} is {got}, the registry says {wanted}")
    return content


def _unpack(content: bytes, folder: Path) -> None:
    """The files of an npm archive without its outer folder."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for entry in archive.getmembers():
            _, _, entry.name = entry.name.partition("/")
            if entry.name and (entry.isfile() or entry.isdir()):
                archive.extract(entry, folder, filter="data")
