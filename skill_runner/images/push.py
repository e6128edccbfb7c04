"""Push an archive to a registry by the tool that built it."""

from __future__ import annotations

import tarfile
from pathlib import Path

from skill_runner.errors import BuildFailed
from skill_runner.images.builders import Builder, find_builder
from skill_runner.images.process import run_tool
from skill_runner.images.recipe import LOCAL_PREFIX
from skill_runner.images.registry import parse_reference
from skill_runner.progress import Report


def pushed_ref(ref: str, registry: str) -> str:
    """skill.local/kafka:… → REGISTRY/kafka:…"""
    return f"{registry.rstrip('/')}/{ref.removeprefix(f'{LOCAL_PREFIX}/')}"


def push_commands(builder: Builder, archive: Path, ref: str, target: str) -> list[list[str]]:
    """Command lines that load the archive, name it, and push it."""
    if builder.name == "buildah":
        # A registry on this machine has no certificate; docker and podman take that for granted.
        plain = ["--tls-verify=false"] if parse_reference(target).is_here else []
        return [["buildah", "push", "--quiet", *plain, ref, f"docker://{target}"]]
    return [[builder.name, "tag", ref, target], [builder.name, "push", target]]


def archive_kind(archive: Path) -> str:
    """The format of an archive of ours, by what buildah calls it."""
    with tarfile.open(archive) as opened:
        docker = any(entry.name == "manifest.json" for entry in opened)
    return "docker-archive" if docker else "oci-archive"


async def push_archive(archive: Path, ref: str, registry: str, report: Report) -> str:
    """The pushed reference; BuildFailed with the registry's own answer otherwise."""
    builder = await find_builder()
    target = pushed_ref(ref, registry)
    load = ["buildah", "pull", "--quiet", f"{archive_kind(archive)}:{archive}"]
    if builder.name != "buildah":
        load = [builder.name, "load", "--input", str(archive)]
    await run_tool(load, report=report)
    try:
        for argv in push_commands(builder, archive, ref, target):
            await run_tool(argv, report=report)
    except BuildFailed as error:
        raise BuildFailed(
            f"{registry} did not take {target}\n{error.message}",
            hint=f"Log in first: {builder.name} login {registry.split('/')[0]}",
        ) from error
    finally:
        await run_tool(builder.drop_command(ref), report=report)
    return target
