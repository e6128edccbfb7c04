"""A managed PostgreSQL, by the connection string that a caller gives in a Secret or an input.

Inputs of such a skill: `uri` and `direct_uri` (writeOnly), `source` (NAMESPACE/NAME of a Secret),
`ca`, the certificates of who signs the server's; empty takes `authorities`,
and `mode`.
"""

from __future__ import annotations

from skill_runner.hooks.context import Context, GiveUp
from skill_runner.hooks.postgres import connection_values
from skill_runner.hooks.secrets import find_secret
from skill_runner.objects import Ref


async def given_connection(
    ctx: Context, kept: Ref, authorities: str, *, hint: str = ""
) -> dict[str, str]:
    """Return the values of the Secret `kept` by which applications connect, verified fully.

    They come from the inputs, from the Secret that `source` names, or as `kept` holds them from the
    run before. GiveUp, without the string, when there is none or it cannot be used; `hint` says how
    to give one.

        values = await given_connection(ctx, ctx.secret("uri"), CERTIFICATES.read_text())
    """
    uri, direct, source = (str(ctx.inputs[name]) for name in ("uri", "direct_uri", "source"))
    namespace, _, name = source.rpartition("/")
    if source or not uri:
        named = Ref("v1", "Secret", name, namespace or ctx.namespace)
        have = await find_secret(ctx, named if source else kept)
        uri, direct = have.get("uri", ""), have.get("direct-uri", "")
    if source and not uri:
        raise GiveUp(f"Secret {source} of `source` is not there, or has no key uri")
    if not uri:
        raise GiveUp(
            f"mode {ctx.inputs['mode']} needs a connection string, and none was given", hint=hint
        )
    try:
        return connection_values(uri, direct, str(ctx.inputs["ca"]) or authorities)
    except ValueError as error:
        raise GiveUp(f"the connection string cannot be used: {error}", hint=hint) from None
