"""`skill doctor`: what this machine has and lacks, and what to install."""

from __future__ import annotations

import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from skill_runner import binaries
from skill_runner.cli.options import output_option


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact. `needed_for` says what works without it, by leaving that out."""

    what: str
    ok: bool
    detail: str
    needed_for: str = ""
    remedy: str = ""


# tool, package, what for
TOOLS = (
    ("unshare", "util-linux", "the embedded cluster"),
    ("ip", "iproute2", "the embedded cluster"),
    ("nft", "nftables", "the embedded cluster"),
    ("runc", "runc", "the embedded cluster"),
    ("slirp4netns", "slirp4netns", "image pulls and egress of the embedded cluster"),
    ("buildah", "buildah", "building images from recipes, where docker and podman are absent"),
    ("mmdebstrap", "mmdebstrap", "building images from recipes"),
    ("mvn", "maven", "the recipe of Kafka's image"),
)


@click.command(epilog="Example: skill doctor -o json")
@output_option
def command(output: str) -> int:
    """Check what this machine has: system tools, pinned binaries, privileges."""
    findings = [*_machine(), *_tools(), *_assets()]
    if output == "json":
        click.echo(json.dumps({"findings": [asdict(f) for f in findings]}))
        return 0
    table = Table("", "what", "state", "needed for", "remedy", box=None)
    for item in findings:
        mark = "[green]✓[/green]" if item.ok else "[yellow]✗[/yellow]"
        table.add_row(mark, item.what, item.detail, item.needed_for, item.remedy)
    Console().print(table)
    return 0


def _machine() -> list[Finding]:
    linux = platform.system() == "Linux"
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return [
        Finding(
            "operating system",
            linux,
            platform.platform(),
            "the embedded cluster",
            "" if linux else "use --provider kind or minikube",
        ),
        Finding(
            "root",
            root,
            "root" if root else "not root",
            "the embedded cluster",
            "" if root else "run as root, or use --provider kind",
        ),
        Finding("cgroups", linux, "v2" if unified else "v1", "the embedded cluster"),
    ]


def _tools() -> list[Finding]:
    return [
        Finding(
            tool,
            path is not None,
            path or "not on PATH",
            what_for,
            "" if path else f"apt-get install {package}",
        )
        for tool, package, what_for in TOOLS
        for path in [shutil.which(tool)]
    ]


def _assets() -> list[Finding]:
    findings = []
    for part in binaries.PARTS:
        paths, source = binaries.find(part)
        findings.append(
            Finding(
                f"{part.name} {part.version}",
                bool(paths),
                source or "not here yet",
                "every run" if part.name == "helm" else "the embedded cluster",
                "" if paths else "skill cluster prefetch",
            )
        )
    return findings
