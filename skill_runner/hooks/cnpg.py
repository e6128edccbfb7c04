"""A Cluster of CloudNativePG: what it can become, and the Secret that its operator makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.images import version_of
from skill_runner.hooks.secrets import copy_secret, read_secret
from skill_runner.objects import Ref

CNPG: Final = "postgresql.cnpg.io/v1"


async def check_cluster_version(ctx: Context, name: str, major: int) -> None:
    """Raise GiveUp when a live Cluster of this `name` is another major version of PostgreSQL.

    await check_cluster_version(ctx, "postgres", major_version(ctx, "postgres"))
    """
    try:
        live = await ctx.get(Ref(CNPG, "Cluster", name, ctx.namespace))
    except NotFound:
        return  # or the operator itself is not there yet
    found = version_of(str(live["spec"].get("imageName", "")))
    if found and found[0] != major:
        raise GiveUp(
            f"Cluster {name} is PostgreSQL {found[0]}, and PostgreSQL {major} was asked for",
            hint="CloudNativePG stops the whole cluster for that, and nothing leads back: take a"
            " backup, change spec.imageName of the Cluster by hand, and then run with that image.",
        )


async def copy_cluster_secret(ctx: Context, app: Ref, clients: Sequence[str], host: str) -> int:
    """Give each client its copy of the Secret that the operator makes; return how many changed.

    The copies have a `host` that other namespaces reach, and the URI with its whole name.
    RetryLater while the operator has made none.

        done = await copy_cluster_secret(ctx, ctx.secret("uri"), ["shop"], "postgres-rw.db.svc")
    """
    try:
        uri = (await read_secret(ctx, app))["fqdn-uri"]
    except NotFound as error:
        raise RetryLater("the operator has not made the application's Secret yet") from error
    return await copy_secret(
        ctx, app, clients, others={"host": host, "uri": uri, "direct-uri": uri}
    )
