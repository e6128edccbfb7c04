"""Builders of images: docker, podman or buildah, whichever works on this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.errors import BuildFailed
from skill_runner.images.isolation import (
    OCI,
    VARIABLE,
    Isolation,
    asked_isolation,
    check_mounts,
    choose_isolation,
)
from skill_runner.images.process import run_tool
from skill_runner.progress import Report, silent

MOST_LAYERS: Final = 300
PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# Where distributions keep the certificates that this machine trusts.
CA_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Builder:
    """One of the tools; all take the same context and give an archive that a cluster can load.

    `store` is a folder of our own where buildah keeps layers and caches (docker and podman have
    theirs, and tend them).
    """

    name: str
    store: Path | None = None

    @property
    def tool(self) -> list[str]:
        if self.store is None or self.name != "buildah":
            return [self.name]
        return ["buildah", "--root", str(self.store / "root"), "--runroot", str(self.store / "run")]

    async def build(
        self,
        context: Path,
        ref: str,
        archive: Path,
        report: Report,
        *,
        file: Path | None = None,
        secrets: Mapping[str, Path] | None = None,
        application: bool = False,
    ) -> None:
        """Build `context`/Containerfile as `ref` into an archive file; BuildFailed otherwise.

        An `application` is built often: its layers are kept, and its output is of interest.
        """
        if self.name != "docker":
            check_mounts(file or context / "Containerfile")
        isolation = await choose_isolation(os.environ, silent) if self.name == "buildah" else OCI
        argv = self.build_command(
            context,
            ref,
            file=file,
            secrets=secrets or {},
            application=application,
            isolation=isolation,
        )
        await run_tool(argv, report=report, env=self._environment(), name=self.name)
        try:
            await run_tool(self.save_command(ref, archive, fast=application), report=report)
        finally:
            if application:  # a name that stays keeps the layers for the next build
                kept_name = f"{ref.rpartition(':')[0]}:last-build"
                await run_tool([*self.tool, "tag", ref, kept_name], report=report)
            await run_tool(self.drop_command(ref), report=report)

    def build_command(
        self,
        context: Path,
        ref: str,
        *,
        file: Path | None = None,
        secrets: Mapping[str, Path] | None = None,
        application: bool = False,
        isolation: Isolation = OCI,
    ) -> list[str]:
        """RUN steps use this machine's network, proxy and trusted certificates (secret `ca`)."""
        how = [*isolation.command(self.tool), "--layers" if application else "--quiet"]
        if self.name != "buildah":
            how = [*self.tool, "build", *(OCI.flags if self.name == "podman" else ())]
            how += ["--progress", "plain"] if application and self.name == "docker" else []
        file = file or context / "Containerfile"
        given = secrets or _secrets(file, os.environ)
        mounts = [f"id={name},src={path}" for name, path in given.items()]
        return [
            *how,
            "--network",
            "host",
            *(word for mount in mounts for word in ("--secret", mount)),
            *_proxies(os.environ),
            "--tag",
            ref,
            "--file",
            str(file),
            str(context),
        ]

    def save_command(self, ref: str, archive: Path, *, fast: bool = False) -> list[str]:
        """`fast` is Docker's format, whose layers are not compressed: larger, and much sooner."""
        if self.name == "buildah":
            kind = "docker-archive" if fast else "oci-archive"
            return [*self.tool, "push", "--quiet", ref, f"{kind}:{archive}:{ref}"]
        return [*self.tool, "save", "--output", str(archive), ref]

    def drop_command(self, ref: str) -> list[str]:
        return [*self.tool, "rmi", ref]

    def _environment(self) -> dict[str, str]:
        """buildah keeps the caches that steps mount in its folder for temporary files."""
        if self.store is None or self.name != "buildah":
            return {}
        temporary = self.store / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {"TMPDIR": str(temporary)}

    async def has(self, ref: str) -> bool:
        """Tell whether the builder's own store has this very image."""
        child = await asyncio.create_subprocess_exec(
            *self.tool,
            "inspect",
            "--type",
            "image",
            ref,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await child.wait() == 0

    async def load(self, archive: Path, ref: str, report: Report) -> None:
        """An archive of ours into the builder's own store, under its name."""
        argv = [*self.tool, "pull", "--quiet", f"oci-archive:{archive}"]
        if self.name != "buildah":
            argv = [*self.tool, "load", "--input", str(archive)]
        await run_tool(argv, report=report)

    async def tidy(self, report: Report) -> None:
        """Remove the layers that no image's name keeps, where our own store holds many."""
        if self.store is None or self.name != "buildah":
            return
        listed = await run_tool([*self.tool, "images", "--all", "--quiet"], report=silent)
        if len(listed.splitlines()) > MOST_LAYERS:
            await run_tool([*self.tool, "rmi", "--prune", "--force"], report=report)


def _secrets(containerfile: Path, environ: Mapping[str, str]) -> dict[str, Path]:
    """The CA bundle, for a Containerfile that mounts it; as a secret it stays out of the image."""
    wanted = containerfile.is_file() and "id=ca" in containerfile.read_text()
    bundle = ca_bundle(environ) if wanted else None
    return {"ca": Path(bundle)} if bundle else {}


def ca_bundle(environ: Mapping[str, str]) -> str | None:
    """The file of the certificates that this machine trusts: SSL_CERT_FILE, or the system's."""
    known = (environ.get("SSL_CERT_FILE", ""), *CA_BUNDLES)
    return next((path for path in known if path and Path(path).is_file()), None)


def _proxies(environ: Mapping[str, str]) -> list[str]:
    found = {n: environ.get(n) or environ.get(n.lower()) for n in PROXY_VARIABLES}
    return [word for n, value in found.items() if value for word in ("--build-arg", f"{n}={value}")]


async def find_builder() -> Builder:
    """The first that works: docker and podman must answer, buildah must only be there.

    Where SKILL_BUILD_ISOLATION asks for `chroot`, only buildah knows it.
    """
    tried = []
    for name in ("docker", "podman", "buildah"):
        if shutil.which(name) is None:
            tried.append(f"{name}: not on PATH")
        elif name != "buildah" and asked_isolation(os.environ) == "chroot":
            tried.append(f"{name}: has no chroot isolation, which {VARIABLE} asks for")
        elif name == "buildah" or await _answers(name):
            return Builder(name)
        else:
            tried.append(f"{name}: its engine does not answer")
    raise BuildFailed(
        f"nothing here can build an image ({'; '.join(tried)})",
        hint="Install one: apt-get install buildah",
    )


async def _answers(name: str) -> bool:
    child = await asyncio.create_subprocess_exec(
        name,
        "info",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(10):
            return await child.wait() == 0
    except TimeoutError:
        child.kill()
        await child.wait()
        return False
