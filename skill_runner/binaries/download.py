"""A part from its official release, checked against the publisher's checksum file."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx

from skill_runner.binaries.catalogue import Download, Part, machine_architecture
from skill_runner.progress import Amount, Report

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class Unobtainable(Exception):
    """One file could not be had; the message says from where, and what was answered."""


class Downloader:
    """Downloads of one process: it remembers which hosts did not answer, and asks them no more."""

    def __init__(self, mirror: str = "") -> None:
        self._mirror = mirror.rstrip("/")
        self._unreachable: dict[str, str] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def fetch(self, part: Part, folder: Path, report: Report) -> str:
        """A part's binaries into `folder`; the answer is empty when it worked, or says why not."""
        if not part.downloads:
            return "its publisher offers no binaries"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True) as client:
                for item in part.downloads:
                    await self._one(client, part, item, folder, report)
        except Unobtainable as error:
            return str(error)
        missing = [tool for tool in part.tools if not (folder / tool).is_file()]
        return f"the release has no {', '.join(missing)}" if missing else ""

    async def _one(
        self, client: httpx.AsyncClient, part: Part, item: Download, folder: Path, report: Report
    ) -> None:
        words = {"version": part.version, "arch": machine_architecture()}
        url = item.url.format(**words)
        name = PurePosixPath(urlsplit(url).path).name
        checksum_url = item.checksum.format(**words)
        listed = (await self._get(client, checksum_url)).decode(errors="replace")
        expected = checksum_of(name, listed, item.digest)
        if expected is None:
            raise Unobtainable(f"{checksum_url} has no {item.digest} of {name}")
        target = folder / f".{name}"
        got = await self._save(client, url, target, item.digest, report)
        if got != expected:
            raise Unobtainable(
                f"{url} is not what its publisher released: {item.digest} {got}, and "
                f"{checksum_url} says {expected}"
            )
        await asyncio.to_thread(_unpack, item, words, target, folder, part)

    def address(self, url: str) -> str:
        """The address to ask: the publisher's, or the mirror's for it."""
        parts = urlsplit(url)
        return f"{self._mirror}/{parts.netloc}{parts.path}" if self._mirror else url

    async def _get(self, client: httpx.AsyncClient, url: str) -> bytes:
        address = self.address(url)
        host = urlsplit(address).netloc
        # One question at a time to a host, so that only the first waits for one that is silent.
        async with self._asking.setdefault(host, asyncio.Lock()):
            if host in self._unreachable:
                raise Unobtainable(f"{host} does not answer: {self._unreachable[host]}")
            try:
                answer = await client.get(address)
            except httpx.TransportError as error:
                self._unreachable[host] = _text(error)
                raise Unobtainable(f"{host} does not answer: {_text(error)}") from None
        if answer.status_code != httpx.codes.OK:
            raise Unobtainable(f"{address} answered {answer.status_code}")
        return answer.content

    async def _save(
        self, client: httpx.AsyncClient, url: str, target: Path, digest: str, report: Report
    ) -> str:
        address, sum_ = self.address(url), hashlib.new(digest)
        what, done = f"download {target.name[1:]}", 0
        try:
            async with client.stream("GET", address) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise Unobtainable(f"{address} answered {answer.status_code}")
                length = answer.headers.get("content-length")
                with target.open("wb") as file:
                    async for chunk in answer.aiter_bytes(1 << 20):
                        file.write(chunk)
                        sum_.update(chunk)
                        done += len(chunk)
                        report(Amount(what, done, float(length) if length else None))
        except httpx.TransportError as error:
            raise Unobtainable(f"{address} broke off after {done} bytes: {_text(error)}") from None
        return sum_.hexdigest()


def checksum_of(name: str, text: str, digest: str) -> str | None:
    """A file's checksum from the publisher's file: a bare one, or the line that names the file."""
    length = hashlib.new(digest).digest_size * 2
    for line in text.splitlines():
        words = line.split()
        if not words or len(words[0]) != length:
            continue
        if len(words) == 1 or PurePosixPath(words[1].lstrip("*")).name == name:
            return words[0].lower()
    return None


def _unpack(item: Download, words: dict[str, str], target: Path, folder: Path, part: Part) -> None:
    """Take the named members out of the archive, or the file itself as the tool that it is."""
    if not item.members:
        tool = next(t for t in part.tools if target.name[1:] in (t, f"{t}.{words['arch']}"))
        target.rename(folder / tool)
        return
    wanted = {PurePosixPath(member.format(**words)) for member in item.members}
    try:
        with tarfile.open(target) as archive:
            for entry in archive:
                if PurePosixPath(entry.name) in wanted and (source := archive.extractfile(entry)):
                    with (folder / PurePosixPath(entry.name).name).open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (tarfile.TarError, OSError) as error:
        raise Unobtainable(f"{target.name[1:]} cannot be unpacked: {error}") from None
    target.unlink()


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def downloader() -> Downloader:
    """Downloads from the publishers, or from SKILL_DOWNLOAD_MIRROR in their stead."""
    return Downloader(os.environ.get("SKILL_DOWNLOAD_MIRROR", ""))
