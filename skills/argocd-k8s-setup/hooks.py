"""Prove that Argo CD delivers: two commits of a repository in the cluster, and a broken third."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from skill_runner.hooks import (
    Context,
    GiveUp,
    Object,
    PodResult,
    Ref,
    await_application,
    ensure_password,
    excerpt,
    uncancelled,
)

SCRIPTS: Final = Path(__file__).parent / "scripts"
CONTROLLER: Final = "argocd-application-controller"
REPOSITORY: Final = "/tmp/proof"  # in the proof's pod
LABEL: Final = "skill-runner.dev/proof"
LOOK_EVERY: Final = 0.25  # seconds


async def check_only_one(ctx: Context) -> None:
    """Before anything is touched: two controllers would fight over every Application."""
    for kind in ("StatefulSet", "Deployment"):
        labels = f"app.kubernetes.io/name={CONTROLLER}"
        for each in (await ctx.cluster.list("apps/v1", kind, labels=labels)).items:
            found = Ref.of({"apiVersion": "apps/v1", "kind": kind, **each})
            if (found.namespace, found.name) != (ctx.namespace, CONTROLLER):
                raise GiveUp(
                    f"Argo CD is in this cluster already: {found}",
                    hint="Use that one, or remove it: its definitions serve the whole cluster.",
                )


async def ensure_cache_password(ctx: Context) -> str:
    """Generate the password of Argo CD's cache, which reads it as `auth`, if there is none."""
    ref = Ref("v1", "Secret", "argocd-redis", ctx.namespace)
    made = await ensure_password(ctx, ref, lambda made: dict.fromkeys(("password", "auth"), made))
    return "a password generated" if made else ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An Application that follows the branch of a repository, which a pod serves."""

    ctx: Context
    name: str
    pod: Object

    @property
    def application(self) -> Ref:
        return Ref("argoproj.io/v1alpha1", "Application", self.name, self.ctx.namespace)

    @property
    def delivered(self) -> Ref:
        return Ref("v1", "ConfigMap", self.name, self.ctx.namespace)

    async def push(self, tag: str) -> str:
        """Let the branch be this commit, and Argo CD look at it; the commit in full."""
        git = f"cd {REPOSITORY} && git update-ref refs/heads/main {tag} && git rev-parse {tag}"
        name = self.pod["metadata"]["name"]
        done = await self.ctx.exec(name, ["bash", "-c", git], container="main")
        if done.exit_code:
            raise GiveUp(f"Pod {name} cannot move its branch: {excerpt(done.stderr)}")
        await self.ctx.apply(self._manifest())
        return done.stdout.strip()

    def _manifest(self) -> Object:
        manifest: Object = yaml.safe_load((SCRIPTS / "application.yaml").read_text())
        manifest["metadata"] |= {"name": self.name, "namespace": self.ctx.namespace}
        host = self.pod["status"]["podIP"]
        host = f"[{host}]" if ":" in host else host
        manifest["spec"]["source"]["repoURL"] = f"git://{host}{REPOSITORY}"
        manifest["spec"]["destination"]["namespace"] = self.ctx.namespace
        return manifest

    async def deliver(self, tag: str) -> float:
        """Seconds until a commit is there, by Argo CD's words and by what the commit holds."""
        started = self.ctx.clock.monotonic()
        await await_application(self.ctx, self.application, await self.push(tag))
        held = (await self.ctx.get(self.delivered))["data"]["commit"]
        if held != tag:
            raise GiveUp(f"Argo CD says that commit {tag} is there, and {excerpt(held)} is")
        return self.ctx.clock.monotonic() - started


async def prove_delivery(ctx: Context) -> str:
    """A commit is synced, a second one rolled out, and a broken third one named."""
    async with _delivery(ctx) as delivery:
        first, second = await delivery.deliver("one"), await delivery.deliver("two")
        broken = await delivery.push("broken")
        await await_application(ctx, delivery.application, broken, error="broken.yaml")
    return f"one commit synced in {first:.1f} s, another in {second:.1f} s, a broken one named"


@asynccontextmanager
async def _delivery(ctx: Context) -> AsyncIterator[Delivery]:
    """A repository that is served; it and what was delivered is taken away, whatever happens."""
    name = f"skill-proof-{secrets.token_hex(4)}"
    serving = asyncio.create_task(
        ctx.run_pod(
            name=name,
            image=ctx.images["argocd"].ref,
            command=["bash", "-c", (SCRIPTS / "repository.sh").read_text()],
            labels={LABEL: name},
            env={"NAME": name, "REPOSITORY": REPOSITORY},
            timeout=240,
        )
    )
    try:
        yield Delivery(ctx, name, await _serving(ctx, name, serving))
    finally:
        serving.cancel()
        await uncancelled(_take_away(Delivery(ctx, name, {}), serving))


async def _serving(ctx: Context, name: str, serving: asyncio.Task[PodResult]) -> Object:
    """The repository's pod, once the branch can be fetched of it."""
    ask = ["git", "ls-remote", "--exit-code", f"git://127.0.0.1{REPOSITORY}", "main"]
    while not serving.done():
        for pod in await ctx.list("v1", "Pod", labels=f"{LABEL}={name}"):
            if pod["status"].get("phase") == "Running":
                done = await ctx.exec(pod["metadata"]["name"], ask, container="main")
                if done.exit_code == 0:
                    return pod
        await ctx.clock.sleep(LOOK_EVERY)
    raise GiveUp(f"the repository's pod ended: {excerpt((await serving).logs)}")


async def _take_away(delivery: Delivery, serving: asyncio.Task[PodResult]) -> None:
    """Delete the Application, which leaves what it delivered, then that, and see the pod go."""
    ctx = delivery.ctx
    for ref in (delivery.application, delivery.delivered):
        await ctx.delete(ref)
    await asyncio.gather(serving, return_exceptions=True)
    while await ctx.list("v1", "Pod", labels=f"{LABEL}={delivery.name}"):
        await ctx.clock.sleep(LOOK_EVERY)
