"""Passwords that are generated in the cluster and stay in Secrets; their copies for applications.

A skill's apply step makes the Secrets without values, so that the record knows them; a hook fills
them by an update, whose fields no later apply of the same manifest takes away.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from skill_runner.hooks.context import Context
from skill_runner.objects import Ref

ALPHABET: Final = string.ascii_letters + string.digits  # the same in a URI, a file and a shell
LENGTH: Final = 32


def generate_password() -> str:
    """About 190 bits, from the operating system's source."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


async def ensure_password(
    ctx: Context, ref: Ref, values: Callable[[str], Mapping[str, str]]
) -> bool:
    """Fill a Secret with what its password leads to; whether one had to be generated.

    A password that is there is never changed, whoever wrote it.
    """
    there = (await read_secret(ctx, ref)).get("password", "")
    await write_secret(ctx, ref, values(there or generate_password()))
    return not there


async def read_secret(ctx: Context, ref: Ref) -> dict[str, str]:
    """The values of a Secret; ApiError NotFound when it is not there."""
    data = (await ctx.get(ref)).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


async def write_secret(ctx: Context, ref: Ref, values: Mapping[str, str]) -> bool:
    """Set values of a Secret that exists; whether they were others. Its other keys stay."""
    found = await ctx.get(ref)
    have = found.get("data") or {}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    if {**have, **data} == have:
        return False
    await ctx.cluster.replace({**found, "data": {**have, **data}})
    return True


async def copy_secret(
    ctx: Context, ref: Ref, namespaces: Iterable[str], *, keys: Iterable[str] | None = None
) -> None:
    """Set the values of the Secrets of the same name in these namespaces; `keys` None are all."""
    values = await read_secret(ctx, ref)
    wanted = {key: values[key] for key in (values if keys is None else keys)}
    for namespace in namespaces:
        await write_secret(ctx, Ref(ref.api_version, ref.kind, ref.name, namespace), wanted)
