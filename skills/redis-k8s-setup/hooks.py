"""What Valkey and Redis need beyond their chart: a password, checks, and the proof.

The server gets the password's hash in an ACL file; clients get the password from the Secret.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import quote

from skill_runner.hooks import (
    Context,
    GiveUp,
    Object,
    PodResult,
    Ref,
    RetryLater,
    check_claims,
    copy_secret,
    ensure_password,
    excerpt,
    lose_pod,
    read_secret,
)

SCRIPTS: Final = Path(__file__).parent / "scripts"
DATA_VERSION: Final = "skill-runner.dev/data-version"
FOR_CLIENTS: Final = ("username", "password", "host", "port", "uri")
AGAIN: Final = "If the password is refused: `skill run --redeploy` gives the server the Secret's."


async def check(ctx: Context) -> None:
    """Before anything is touched: whose data the volume holds, and its size."""
    program, major = _program(ctx)
    labels = f"app.kubernetes.io/name=redis,app.kubernetes.io/instance={_release(ctx)}"
    for claim in await check_claims(ctx, labels, str(ctx.inputs["storage"])):
        _check_data(ctx, claim, program, major)


def _program(ctx: Context) -> tuple[str, int]:
    """Which program an image holds, and its major version, by name and tag."""
    choice = ctx.images["valkey"]
    head = choice.tag.split(".")[0].split("-")[0]
    if not head.isdigit():
        raise GiveUp(
            f"the tag of image {choice.ref} does not say which version it is",
            hint="Name a tag that begins with the version: registry.example.org/valkey:8.1.6",
        )
    return ("redis" if "redis" in choice.repository.split("/")[-1] else "valkey"), int(head)


def _check_data(ctx: Context, claim: Object, program: str, major: int) -> None:
    """A newer version reads the files of an older one of the same program; nothing else does."""
    meta = claim["metadata"]
    found = str((meta.get("annotations") or {}).get(DATA_VERSION) or f"{program}-{major}")
    other, _, version = found.partition("-")
    if other == program and int(version) <= major:
        return
    raise GiveUp(
        f"volume {meta['name']} holds data of {found}, which image {ctx.images['valkey'].ref}"
        f" ({program}-{major}) cannot read",
        hint="Keep that program at that version or a newer one, or install another beside it"
        " (--name) and copy the keys; docs/howto/redis.md shows how.",
    )


async def fill_secrets(ctx: Context) -> str:
    """Generate the password if there is none; one that is there is never changed."""
    made = await ensure_password(ctx, _secret(ctx), lambda password: _connection(ctx, password))
    await copy_secret(ctx, _secret(ctx), ctx.inputs["clients"], keys=FOR_CLIENTS)
    return "a password generated" if made else ""


def _connection(ctx: Context, password: str) -> dict[str, str]:
    host, port = str(ctx.outputs["host"]), str(ctx.outputs["port"])
    digest = hashlib.sha256(password.encode()).hexdigest()
    return {
        "username": "default",
        "password": password,
        "host": host,
        "port": port,
        "uri": f"redis://default:{quote(password, safe='')}@{host}:{port}/0",
        # `probe` may only ask whether somebody is there: no probe needs the password
        "users.acl": f"user default on #{digest} ~* &* +@all\nuser probe on nopass -@all +ping\n",
    }


async def ensure_access(ctx: Context) -> str:
    """A server that was started with another password is started again, with the Secret's."""
    password = (await read_secret(ctx, _secret(ctx)))["password"]
    name = f"{_release(ctx)}-0"
    done = await ctx.exec(
        name, ["redis-cli"], container="redis", stdin=f"AUTH default {password}\nPING\n"
    )
    if "PONG" in done.stdout:
        return ""
    if "WRONGPASS" not in done.stdout:
        raise RetryLater("the server does not take commands yet")
    await lose_pod(ctx, name)
    return "started again with the new password"


async def set_and_get(ctx: Context) -> str:
    """Keys set through the Service, read back by another connection, and deleted."""
    return await _keys(ctx, f"skill-proof-{secrets.token_hex(4)}", "set get del")


async def lose_the_pod(ctx: Context) -> str:
    """Keys are set, the pod is deleted, and the keys are still there."""
    prefix, pod = f"skill-drill-{secrets.token_hex(4)}", f"{_release(ctx)}-0"
    await _keys(ctx, prefix, "set")
    await lose_pod(ctx, pod)
    said = await _keys(ctx, prefix, "get del")
    return f"{said} after pod {pod} was deleted"


async def _keys(ctx: Context, prefix: str, work: str) -> str:
    """Run our script as an application connects; the keys expire by themselves, too."""
    result: PodResult = await ctx.run_pod(
        name="redis-proof",
        image=ctx.images["valkey"].ref,
        command=["bash", "-c", (SCRIPTS / "keys.sh").read_text()],
        env={
            "PREFIX": prefix,
            "WORK": work,
            "HOST": {"secretKeyRef": {"name": _secret(ctx).name, "key": "host"}},
            "PORT": {"secretKeyRef": {"name": _secret(ctx).name, "key": "port"}},
            "REDISCLI_AUTH": {"secretKeyRef": {"name": _secret(ctx).name, "key": "password"}},
        },
        timeout=60,
    )
    lines = result.logs.strip().splitlines()[-6:]
    if result.exit_code == 0 and lines:
        return lines[-1]
    if any("Could not connect" in line for line in lines):
        raise RetryLater(f"no connection yet: {excerpt(lines[-1])}")
    raise GiveUp("\n".join(["the keys did not come back:", *lines]), hint=AGAIN)


def _secret(ctx: Context) -> Ref:
    return Ref("v1", "Secret", f"{_release(ctx)}-app", ctx.namespace)


def _release(ctx: Context) -> str:
    """The Helm release's name, which is the first part of every object's."""
    return str(ctx.outputs["host"]).split(".")[0]
