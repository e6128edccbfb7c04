from __future__ import annotations

import hashlib
import io
import socket
import tarfile
from pathlib import Path

import pytest

from skill_runner.binaries.catalogue import PARTS, Download, Part, machine_architecture
from skill_runner.binaries.download import Downloader, checksum_of
from skill_runner.progress import Amount, Event, silent
from tests.unit.binaries.server import serving

ARCH = machine_architecture()
ARCHIVED = Part(
    "thing",
    "1.2.3",
    ("thing", "helper"),
    None,
    (
        Download(
            "https://example.com/dl/v{version}/thing-{arch}.tar.gz",
            "https://example.com/dl/v{version}/SHA256SUMS",
            members=("thing-{arch}/thing", "./helper"),
        ),
    ),
    None,
)
PLAIN = Part(
    "plain",
    "2.0.0",
    ("plain",),
    None,
    (
        Download(
            "https://example.com/v{version}/plain.{arch}",
            "https://example.com/v{version}/plain.sha256",
        ),
    ),
    None,
)


def publish(root: Path, *, checksum: str = "") -> None:
    """Both releases as a mirror has them."""
    folder = root / "example.com/dl/v1.2.3"
    folder.mkdir(parents=True)
    archive = folder / f"thing-{ARCH}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (f"thing-{ARCH}/thing", "./helper", f"thing-{ARCH}/README"):
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    digest = checksum or hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  other.tar.gz\n{digest}  {archive.name}\n")
    folder = root / "example.com/v2.0.0"
    folder.mkdir(parents=True)
    (folder / f"plain.{ARCH}").write_bytes(b"a program")
    (folder / "plain.sha256").write_text(hashlib.sha256(b"a program").hexdigest())


async def test_archive_from_a_mirror(tmp_path: Path) -> None:
    publish(tmp_path / "mirror")
    into = tmp_path / "into"
    into.mkdir()
    events: list[Event] = []
    with serving(tmp_path / "mirror") as address:
        assert await Downloader(address).fetch(ARCHIVED, into, events.append) == ""
    assert {file.name for file in into.iterdir()} == {"thing", "helper"}
    assert (into / "thing").read_text() == f"thing-{ARCH}/thing"
    assert any(isinstance(event, Amount) and event.done == event.total for event in events)


async def test_plain_binary_from_a_mirror(tmp_path: Path) -> None:
    publish(tmp_path / "mirror")
    with serving(tmp_path / "mirror") as address:
        assert await Downloader(address).fetch(PLAIN, tmp_path, silent) == ""
    assert (tmp_path / "plain").read_bytes() == b"a program"


async def test_wrong_checksum_is_refused(tmp_path: Path) -> None:
    publish(tmp_path / "mirror", checksum="1" * 64)
    with serving(tmp_path / "mirror") as address:
        problem = await Downloader(address).fetch(ARCHIVED, tmp_path, silent)
    assert "is not what its publisher released" in problem
    assert "1" * 64 in problem
    assert not (tmp_path / "thing").exists()


async def test_without_a_checksum_nothing_is_taken(tmp_path: Path) -> None:
    publish(tmp_path / "mirror")
    (tmp_path / "mirror/example.com/v2.0.0/plain.sha256").unlink()
    with serving(tmp_path / "mirror") as address:
        problem = await Downloader(address).fetch(PLAIN, tmp_path, silent)
    assert problem.endswith("plain.sha256 answered 404")
    assert not (tmp_path / "plain").exists()


async def test_a_silent_host_is_asked_once(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        downloads = Downloader(f"http://127.0.0.1:{closed.getsockname()[1]}")
        first = await downloads.fetch(PLAIN, tmp_path, silent)
    with serving(tmp_path):
        again = await downloads.fetch(ARCHIVED, tmp_path, silent)
    assert "does not answer" in first
    assert again == first


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a" * 64, "a" * 64),
        (f"{'A' * 64}  ./dir/file.tgz\n", "a" * 64),
        (f"{'b' * 64} *file.tgz\n", "b" * 64),
        (f"{'c' * 64}  other.tgz\n", None),
        ("<html>not a checksum</html>", None),
        ("", None),
    ],
)
def test_checksum_files(text: str, found: str | None) -> None:
    assert checksum_of("file.tgz", text, "sha256") == found


def test_every_download_has_a_checksum_at_its_publisher() -> None:
    for part in PARTS:
        for item in part.downloads:
            assert item.url.split("/")[2] == item.checksum.split("/")[2], part.name
