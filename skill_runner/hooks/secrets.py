"""Passwords that are generated in the cluster and stay in Secrets; their copies for applications.

A skill's apply step makes the Secrets without values, so that the record knows them; a hook fills
them by an update, whose fields no later apply of the same manifest takes away.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context
from skill_runner.objects import Ref

ALPHABET: Final = string.ascii_letters + string.digits  # the same in a URI, a file and a shell
LENGTH: Final = 32


def generate_password() -> str:
    """Return 32 letters and digits, about 190 bits, from the operating system's source.

    password = generate_password()
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


async def ensure_password(
    ctx: Context, ref: Ref, values: Callable[[str], Mapping[str, str]], *, key: str = "password"
) -> bool:
    """Fill a Secret with the values of its password; True when one had to be generated.

    A password that is there under `key` is never changed, whoever wrote it. NotFound when the
    Secret is not there: an apply step makes it, empty.

        await ensure_password(ctx, ref, lambda password: {"password": password, "uri": …})
    """
    there = (await read_secret(ctx, ref)).get(key, "")
    await write_secret(ctx, ref, values(there or generate_password()))
    return not there


async def read_secret(ctx: Context, ref: Ref) -> dict[str, str]:
    """Return the values of a Secret; NotFound when it is not there.

    password = (await read_secret(ctx, ctx.secret("uri")))["password"]
    """
    data = (await ctx.get(ref)).get("data") or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


async def find_secret(ctx: Context, ref: Ref) -> dict[str, str]:
    """Return the values of a Secret; {} when it is not there.

    uri = (await find_secret(ctx, ref)).get("uri", "")
    """
    try:
        return await read_secret(ctx, ref)
    except NotFound:
        return {}


def by_reference(ref: Ref, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the `env` of a pod whose variables are keys of a Secret, which no manifest shows.

    env = by_reference(ctx.secret("uri"), {"PGHOST": "host", "PGPASSWORD": "password"})
    """
    return {
        variable: {"secretKeyRef": {"name": ref.name, "key": key}}
        for variable, key in variables.items()
    }


async def write_secret(ctx: Context, ref: Ref, values: Mapping[str, str]) -> bool:
    """Set values of a Secret that exists; True when they were others. Its other keys stay.

    NotFound when the Secret is not there.

        await write_secret(ctx, ref, {"uri": "postgresql://…"})
    """
    found = await ctx.get(ref)
    have = found.get("data") or {}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    if {**have, **data} == have:
        return False
    await ctx.cluster.replace({**found, "data": {**have, **data}})
    return True


async def copy_secret(
    ctx: Context,
    ref: Ref,
    namespaces: Iterable[str],
    *,
    keys: Iterable[str] | None = None,
    others: Mapping[str, str] | None = None,
) -> int:
    """Set the values of the Secrets of the same name in these namespaces; return how many changed.

    `keys` None are all of them; `others` are values that the copies have in place of the Secret's.
    Whoever watches is told of a namespace whose copy had other values, which its pods have read.

        await copy_secret(ctx, ref, ctx.inputs["clients"], keys=["host", "uri"])
    """
    values = await read_secret(ctx, ref)
    wanted = {key: values[key] for key in (values if keys is None else keys)} | dict(others or {})
    copies = [Ref(ref.api_version, ref.kind, ref.name, namespace) for namespace in namespaces]
    return sum([await _write_copy(ctx, copy, wanted) for copy in copies])


async def _write_copy(ctx: Context, copy: Ref, values: Mapping[str, str]) -> bool:
    read_before = await find_secret(ctx, copy)
    written = await write_secret(ctx, copy, values)
    if written and read_before:
        ctx.note(
            f"{copy} has other values now: pods of {copy.namespace} that read it are replaced once"
            " `skill run` is called on their installations"
        )
    return written
