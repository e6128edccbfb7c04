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
    RetryLater,
    app_labels,
    by_reference,
    check_claims,
    copy_secret,
    data_versions,
    ensure_password,
    lose_pod,
    major_version,
    read_secret,
)

KEYS: Final = Path(__file__).parent / "scripts" / "keys.sh"
FOR_CLIENTS: Final = ("username", "password", "host", "port", "uri")
BY_REFERENCE: Final = {"HOST": "host", "PORT": "port", "REDISCLI_AUTH": "password"}
AGAIN: Final = "If the password is refused: `skill run --redeploy` gives the server the Secret's."


async def check_volumes(ctx: Context) -> None:
    """Refuse volumes that cannot have the size, or whose data the image cannot read."""
    image, major = ctx.images["valkey"], major_version(ctx, "valkey")
    program = "redis" if "redis" in image.repository.split("/")[-1] else "valkey"
    labels = app_labels("redis", ctx.release("server"))
    claims = await check_claims(ctx, labels, str(ctx.inputs["storage"]))
    for volume, found in data_versions(claims).items():
        other, _, version = found.partition("-")
        if other != program or int(version) > major:
            raise GiveUp(
                f"volume {volume} holds data of {found}, which image {image.ref}"
                f" ({program}-{major}) cannot read",
                hint="Keep that program at that version or a newer one, or install another beside"
                " it (--name) and copy the keys; docs/howto/redis.md shows how.",
            )


async def ensure_secrets(ctx: Context) -> str:
    """Generate the password if there is none; one that is there is never changed."""
    secret = ctx.secret("password")
    made = await ensure_password(ctx, secret, lambda password: _connection(ctx, password))
    await copy_secret(ctx, secret, ctx.inputs["clients"], keys=FOR_CLIENTS)
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
    """Restart a server that was started with another password than the Secret's."""
    password = (await read_secret(ctx, ctx.secret("password")))["password"]
    pod = f"{ctx.release('server')}-0"
    asked = f"AUTH default {password}\nPING\n"
    done = await ctx.exec(pod, ["redis-cli"], container="redis", stdin=asked)
    if "PONG" in done.stdout:
        return ""
    if "WRONGPASS" not in done.stdout:
        raise RetryLater("the server does not take commands yet")
    await lose_pod(ctx, pod)
    return "started again with the new password"


async def prove_keys(ctx: Context) -> str:
    """Set keys through the Service, read them back by another connection, and delete them."""
    return await _keys(ctx, f"skill-proof-{secrets.token_hex(4)}", "set get del")


async def drill_pod_loss(ctx: Context) -> str:
    """Set keys, delete the pod, and read the keys back."""
    prefix, pod = f"skill-drill-{secrets.token_hex(4)}", f"{ctx.release('server')}-0"
    await _keys(ctx, prefix, "set")
    await lose_pod(ctx, pod)
    said = await _keys(ctx, prefix, "get del")
    return f"{said} after pod {pod} was deleted"


async def _keys(ctx: Context, prefix: str, work: str) -> str:
    """Run the script as an application connects; the keys expire by themselves, too."""
    result = await ctx.run_script(
        KEYS,
        name="redis-proof",
        image=ctx.images["valkey"].ref,
        env={
            "PREFIX": prefix,
            "WORK": work,
            **by_reference(ctx.secret("password"), BY_REFERENCE),
        },
        timeout=60,
    )
    not_yet = ["Could not connect"]
    return result.answer("the keys did not come back", hint=AGAIN, not_yet=not_yet)
