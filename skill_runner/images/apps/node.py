"""A Node project: its package manager by its lock file, and the lines that install and build."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import UsageError
from skill_runner.images.apps.layout import NPM, NPM_ENV

NODE: Final = 24  # of the base image
LOCKS: Final = {"pnpm-lock.yaml": "pnpm", "package-lock.json": "npm", "npm-shrinkwrap.json": "npm"}
# What else an installation reads: pnpm refuses a frozen lock file without its settings.
BESIDE: Final = {"pnpm": ("pnpm-workspace.yaml", ".pnpmfile.cjs"), "npm": ()}
PNPM: Final = "10"  # reads and writes lock files of version 9.0
_VERSION: Final = re.compile(r"\d{1,9}(\.\d{1,9}){0,2}(-[0-9A-Za-z.-]{1,64})?")
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProject:
    """`version` is the framework's as package.json asks for it; `lock` the lock file's name.

    `manifests` are the files that an installation of packages reads.
    """

    data: Mapping[str, Any]
    manager: str
    lock: str | None
    version: str
    manifests: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.data.get("name") or "")

    @property
    def build_script(self) -> str:
        return "build" if "build" in (self.data.get("scripts") or {}) else ""


def read_project(folder: Path, framework: str, package: str) -> NodeProject:
    """The project of a folder; UsageError when it is not one of this framework."""
    file = folder / "package.json"
    if not file.is_file():
        raise UsageError(
            f"{folder} is not a {framework} project: it has no package.json",
            hint="`source` names the folder that holds package.json.",
        )
    try:
        data = json.loads(file.read_text())
        wanted = {**(data.get("devDependencies") or {}), **(data.get("dependencies") or {})}
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{file} is not the JSON of a package: {error}") from error
    if package not in wanted:
        raise UsageError(
            f"{folder} is not a {framework} project: its package.json does not depend on {package}",
            hint=f"It depends on: {', '.join(sorted(wanted)[:8]) or 'nothing'}.",
        )
    _check_node(data, file)
    lock = next((name for name in LOCKS if (folder / name).is_file()), None)
    if lock:
        _check_locked(folder / lock, framework, package)
    if lock is None and (folder / "yarn.lock").is_file():
        raise UsageError(
            f"{folder} has a yarn.lock; npm and pnpm are built",
            hint="Make one of theirs: `npm install --package-lock-only`, or `pnpm import`.",
        )
    named = LOCKS[lock] if lock else str(data.get("packageManager", "npm")).partition("@")[0]
    manager = "pnpm" if named == "pnpm" else "npm"
    beside = (name for name in BESIDE[manager] if (folder / name).is_file())
    return NodeProject(
        data=data,
        manager=manager,
        lock=lock,
        version=str(wanted[package]),
        manifests=("package.json", *((lock,) if lock else ()), *beside),
    )


def major(version: str) -> int | None:
    """The major version that a range such as ^16.1.0 begins with; None for a tag or an address."""
    found = _NUMBER.search(version) if re.match(r"[\^~>=v\s]*\d", version) else None
    return int(found[0]) if found else None


def check_major(project: NodeProject, framework: str, allowed: range) -> None:
    """UsageError for a version of the framework that is not built here."""
    number = major(project.version)
    if number is not None and number not in allowed:
        raise UsageError(
            f"the project asks for {framework} {project.version}; "
            f"{' and '.join(map(str, allowed))} are built",
            hint="Bring your own Containerfile in the source folder for another version.",
        )


def _check_node(data: Mapping[str, Any], file: Path) -> None:
    """The project's `engines.node` against the base image's."""
    wanted = str((data.get("engines") or {}).get("node") or "")
    if _is_too_new(wanted):
        raise UsageError(
            f"{file} asks for Node {wanted} (engines.node), the build has Node {NODE}",
            hint=f"Allow {NODE} in engines.node, or bring your own Containerfile.",
        )


def _check_locked(lock: Path, framework: str, package: str) -> None:
    """Check what the locked version of the framework asks of Node against the base image's."""
    wanted = _locked_engine(lock, package)
    if _is_too_new(wanted):
        raise UsageError(
            f"{framework} as {lock} has it asks for Node {wanted}, the build has Node {NODE}",
            hint=f"Take a version of {framework} that runs on Node {NODE}, or bring your own "
            "Containerfile.",
        )


def _locked_engine(lock: Path, package: str) -> str:
    """`engines.node` of a package in a lock file; empty where it does not say."""
    text = lock.read_text()
    if LOCKS[lock.name] == "pnpm":
        entry = rf"^  '?{re.escape(package)}@[^\n]+:\n(?:    .+\n)*?"
        found = re.search(entry + r"    engines: \{node: ([^}\n]+)\}", text, re.MULTILINE)
        return found[1].strip("'\"") if found else ""
    try:
        locked = json.loads(text)["packages"][f"node_modules/{package}"]
        return str(locked.get("engines", {}).get("node", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""  # npm itself says best what is wrong with its file


def _is_too_new(wanted: str) -> bool:
    """Tell whether a range of Node versions is plainly above the base image's."""
    numbers = [int(n) for n in re.findall(r"(\d+)(?:\.[\dx*]+)*", wanted)]
    return bool(numbers) and "<" not in wanted and min(numbers) > NODE


def install_stage(project: NodeProject) -> str:
    """The stage `dependencies`: it is built again only when a manifest of packages changed."""
    if project.manager == "pnpm":
        frozen = "--frozen-lockfile" if project.lock else "--no-frozen-lockfile"
        command = (
            f"npm install --global pnpm@{_pnpm(project.data)} && "
            f"pnpm install {frozen} --store-dir /cache/npm/pnpm"
        )
    else:
        command = "npm ci --no-fund" if project.lock else "npm install --no-fund"
    return (
        "FROM {node} AS dependencies\n"
        "WORKDIR /app\n"
        f"COPY {' '.join(project.manifests)} ./\n"
        f"RUN {NPM} {NPM_ENV}{command}\n"
    )


def _pnpm(data: Mapping[str, Any]) -> str:
    """The version of pnpm that package.json names, or ours."""
    named, _, version = str(data.get("packageManager") or "").partition("@")
    if named != "pnpm" or not version:
        return PNPM
    version = version.partition("+")[0]
    if not _VERSION.fullmatch(version):
        raise UsageError(
            f"package.json asks for pnpm {version!r} (packageManager), which is no version",
            hint="For example: pnpm@10.4.1",
        )
    return version


def lock_note(project: NodeProject) -> tuple[str, ...]:
    """Say what a project without a lock file risks."""
    if project.lock:
        return ()
    return (
        f"no lock file: `{project.manager} install` takes the newest versions that package.json "
        "allows, and another build may take others; commit a lock file",
    )


def run_script(project: NodeProject, otherwise: str) -> str:
    """The command that builds: the project's own script, or the framework's."""
    return f"{project.manager} run build" if project.build_script else f"npx {otherwise}"
