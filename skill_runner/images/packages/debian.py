"""A Debian root filesystem from packages, by mmdebstrap and this machine's own apt settings."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.errors import BuildFailed
from skill_runner.images.process import need, run_tool
from skill_runner.progress import Note, Report

# Documentation and translations are not wanted in a container.
LEFT_OUT: Final = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
)
APT: Final = Path("/etc/apt")
KEYRING_NAME: Final = "debian-archive-"  # how the files of Debian's keys begin
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# How apt reaches its sources here; the rest of its settings is about this machine, not the image.
HOST_SETTINGS: Final = ("Acquire::http", "Acquire::ftp", "Acquire::Check-", "Acquire::Retries")


@dataclass(frozen=True, slots=True)
class Source:
    """One address of an apt source, and the suites that it is used for here."""

    uri: str
    suites: tuple[str, ...]


async def debian_rootfs(suite: str, packages: Iterable[str], target: Path, report: Report) -> None:
    """A tar file with these packages and what they need; updates and security fixes included.

    Mirrors and proxies are those of this machine's apt. BuildFailed with apt's own words.
    """
    need("mmdebstrap", "mmdebstrap")
    if not KEYRING.is_file():
        raise BuildFailed(
            f"{KEYRING} is missing: it proves that Debian's packages are Debian's",
            hint="apt-get install debian-archive-keyring",
        )
    wanted = list(packages)
    report(Note(f"Debian {suite} base: {', '.join(wanted)}"))
    with tempfile.TemporaryDirectory(prefix="skill-debian-") as name:
        settings = Path(name) / "apt.conf"
        settings.write_text('Apt::Install-Recommends "false";\n' + await _host_settings())
        await run_tool(
            [
                "mmdebstrap",
                "--variant=essential",
                f"--include={','.join(wanted)}",
                f"--aptopt={settings}",
                f"--keyring={KEYRING}",
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
                # Java's packages link their manual pages while they are configured.
                '--essential-hook=mkdir -p "$1/usr/share/man/man1"',
                suite,
                str(target),
                *source_lines(suite, host_sources(APT)),
            ],
            report=report,
            env={"SOURCE_DATE_EPOCH": "0"},
        )


async def _host_settings() -> str:
    if shutil.which("apt-config") is None:
        return ""
    child = await asyncio.create_subprocess_exec(
        "apt-config",
        "dump",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await child.communicate()
    lines = out.decode(errors="replace").splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith(HOST_SETTINGS))


def source_lines(suite: str, sources: Iterable[Source]) -> list[str]:
    """Apt lines of `suite` with its updates and security fixes, at the addresses in use here.

    Empty, which leaves the choice to mmdebstrap, where this machine has no Debian sources.
    """
    lines = []
    for source in sources:
        kinds = {s.partition("-")[2].partition("/")[0] for s in source.suites}
        if "security" in kinds:
            lines.append(f"deb {source.uri} {suite}-security main")
        elif "" in kinds:
            lines.append(f"deb {source.uri} {suite} main")
            if "updates" in kinds:
                lines.append(f"deb {source.uri} {suite}-updates main")
    has_main = any(line.endswith(f" {suite} main") for line in lines)
    return list(dict.fromkeys(lines)) if has_main else []


def host_sources(apt: Path) -> list[Source]:
    """The Debian sources of an apt folder, in both of its formats.

    Those of other distributions are not, nor those of vendors, who name their addresses and suites
    after Debian's: they are signed by keys of their own, or have no `main`.
    """
    found: list[Source] = []
    for path in sorted(apt.glob("sources.list.d/*.sources")):
        found += _deb822(path.read_text())
    for path in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*.list"))]:
        if path.is_file():
            found += _one_line(path.read_text())
    return [source for source in found if "debian" in source.uri]


def _deb822(text: str) -> Iterator[Source]:
    """https://manpages.debian.org/sources.list, DEB822-STYLE FORMAT"""
    for stanza in text.split("\n\n"):
        fields = {
            key.strip().lower(): value.split()
            for key, sep, value in (line.partition(":") for line in stanza.splitlines())
            if sep and not key.startswith("#")
        }
        if fields.get("enabled") == ["no"] or "deb" not in fields.get("types", ()):
            continue
        if "main" not in fields.get("components", ()) or not _debians(fields.get("signed-by", ())):
            continue
        for uri in fields.get("uris", ()):
            yield Source(uri, tuple(fields.get("suites", ())))


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        words = line.partition("#")[0].replace("[", " [ ").replace("]", " ] ").split()
        if words[:1] != ["deb"]:
            continue
        options: list[str] = []
        if "]" in words:
            end = words.index("]")
            options, words = words[1:end], ["deb", *words[end + 1 :]]
        keys = [o.partition("=")[2] for o in options if o.startswith("signed-by=")]
        if "main" in words[3:] and _debians(keys):
            yield Source(words[1], (words[2],))


def _debians(keys: Sequence[str]) -> bool:
    """Tell whether a source's keys are Debian's own; without any, those that apt trusts anyway."""
    names = [Path(part).name for key in keys for part in key.split(",")]
    return not names or any(name.startswith(KEYRING_NAME) for name in names)
