"""What PostgreSQL needs beyond its chart: its passwords, the application's role, and the proof.

Passwords are generated here (mode cnpg: by the operator) and live in Secrets alone. The server is
told of them by verifiers (RFC 5803), through its own socket; the proof's pods read them from the
Secret by reference.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from skill_runner.hooks import (
    Context,
    GiveUp,
    HookFailed,
    NotFound,
    Ref,
    RetryLater,
    check_claims,
    connection_values,
    copy_secret,
    data_versions,
    ensure_password,
    ensure_roles,
    find_secret,
    lose_pod,
    major_version,
    psql_answer,
    psql_env,
    read_secret,
    role_values,
    version_of,
    write_secret,
)

CNPG: Final = "postgresql.cnpg.io/v1"
SCRIPTS: Final = Path(__file__).parent / "scripts"
# Let's Encrypt's roots, which sign Neon's certificates: https://letsencrypt.org/certificates/
CERTIFICATES: Final = Path(__file__).parent / "ca" / "letsencrypt.pem"
GIVE: Final = """A file, standard input or a Secret may give it; a command line may not:
printf 'uri: "%s"' "$DATABASE_URL" | skill run postgres-k8s-setup --set mode=neon --values -"""
OLDEST: Final = 17  # the first major version with the locale provider of the chart
QUIET: Final = {"PGOPTIONS": "-c client_min_messages=warning"}  # a pooler would refuse it
AGAIN: Final = "If the password is refused: `skill run --redeploy` sets that of the Secret again."


async def check_server(ctx: Context) -> None:
    """Refuse several servers, images that cannot read the data, and volumes that cannot be had."""
    _check_instances(ctx)
    major, name, image = _major(ctx), ctx.release("server"), ctx.images["postgres"].ref
    labels = f"app.kubernetes.io/name=postgres,app.kubernetes.io/instance={name}"
    claims = await check_claims(ctx, labels, str(ctx.inputs["storage"]))
    for volume, found in data_versions(claims).items():
        if found != str(major):
            raise GiveUp(
                f"volume {volume} holds data of PostgreSQL {found}, and image {image} is"
                f" PostgreSQL {major}, which cannot read it",
                hint=f"Keep an image of PostgreSQL {found} (--set"
                f" image=docker.io/library/postgres:{found}.x), or move the data: install the new"
                " version under another name (--name) and copy with pg_dump and pg_restore;"
                " docs/howto/postgres.md shows the commands.",
            )


def _check_instances(ctx: Context) -> None:
    mode, instances = ctx.inputs["mode"], ctx.inputs["instances"]
    if instances != 1:
        raise GiveUp(
            f"mode {mode} has {'one server' if mode == 'bundled' else 'no servers'}, and"
            f" instances={instances} was asked for",
            hint="Replicas need an operator: --set mode=cnpg under another --name; or instances=1.",
        )


def _major(ctx: Context) -> int:
    major = major_version(ctx, "postgres")
    if major < OLDEST:
        ref = ctx.images["postgres"].ref
        raise GiveUp(f"image {ref} is older than PostgreSQL {OLDEST}, the first that fits")
    return major


async def check_cluster(ctx: Context) -> None:
    """Refuse another major version than the live Cluster's, and volumes that cannot be had."""
    major, name = _major(ctx), ctx.secret("uri").name.removesuffix("-app")
    await check_claims(ctx, f"cnpg.io/cluster={name}", str(ctx.inputs["storage"]))
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


async def check_connection(ctx: Context) -> None:
    """Refuse a connection string whose server cannot be verified, and several servers."""
    _check_instances(ctx)
    await _given(ctx)


async def ensure_secrets(ctx: Context) -> str:
    """Generate passwords that are missing; one that is there is never changed."""
    app, server = ctx.secret("uri"), (str(ctx.outputs["host"]), str(ctx.outputs["port"]))
    user, database = str(ctx.inputs["user"]), str(ctx.inputs["database"])
    made = [
        await ensure_password(
            ctx,
            ctx.secret("superuser_password"),
            lambda password: {"username": "postgres", "password": password},
        ),
        await ensure_password(
            ctx, app, lambda password: role_values(user, password, *server, database)
        ),
    ]
    await copy_secret(ctx, app, ctx.inputs["clients"])
    return f"{sum(made)} of 2 passwords generated" if any(made) else ""


async def ensure_connection(ctx: Context) -> str:
    """Put the connection strings that were given into the Secrets, with full verification."""
    await write_secret(ctx, ctx.secret("uri"), await _given(ctx))
    await copy_secret(ctx, ctx.secret("uri"), ctx.inputs["clients"])
    return ""


async def _given(ctx: Context) -> dict[str, str]:
    """Return the Secret's values: from the inputs, a Secret that they name, or as they are."""
    uri, direct, source = (str(ctx.inputs[name]) for name in ("uri", "direct_uri", "source"))
    namespace, _, name = source.rpartition("/")
    if source or not uri:
        named = Ref("v1", "Secret", name, namespace or ctx.namespace)
        kept = await find_secret(ctx, named if source else ctx.secret("uri"))
        uri, direct = kept.get("uri", ""), kept.get("direct-uri", "")
    if source and not uri:
        raise GiveUp(f"Secret {source} of `source` is not there, or has no key uri")
    if not uri:
        raise GiveUp("mode neon needs a connection string, and none was given", hint=GIVE)
    try:
        return connection_values(uri, direct, str(ctx.inputs["ca"]) or CERTIFICATES.read_text())
    except ValueError as error:
        raise GiveUp(f"the connection string cannot be used: {error}", hint=GIVE) from None


async def ensure_copies(ctx: Context) -> str:
    """Give each client its copy of the operator's Secret, with a host that it can reach."""
    app, clients = ctx.secret("uri"), ctx.inputs["clients"]
    try:
        made = await read_secret(ctx, app)
    except NotFound as error:
        raise RetryLater("the operator has not made the application's Secret yet") from error
    uri = made["fqdn-uri"]
    values = {**made, "host": str(ctx.outputs["host"]), "uri": uri, "direct-uri": uri}
    copies = [Ref("v1", "Secret", app.name, namespace) for namespace in clients]
    done = sum([await write_secret(ctx, ref, values) for ref in copies])
    return f"{done} of {len(copies)} copies of the Secret written" if done else ""


async def ensure_access(ctx: Context) -> str:
    """Set the application's role and database, and the passwords that the Secrets hold.

    Only what differs is written, so that a Secret that was deleted, or filled by someone else,
    is what the server knows afterwards.
    """
    user, database = str(ctx.inputs["user"]), str(ctx.inputs["database"])
    superuser = await read_secret(ctx, ctx.secret("superuser_password"))
    app = await read_secret(ctx, ctx.secret("uri"))
    passwords = {"postgres": superuser["password"], user: app["password"]}
    pod = f"{ctx.release('server')}-0"
    done = await ensure_roles(ctx, pod, passwords, {database: user})
    return f"{done} of role, database and passwords set" if done else ""


async def prove_rows(ctx: Context) -> str:
    """Write rows in a transaction through the Service, and read them by another connection."""
    schema = f"skill_proof_{secrets.token_hex(4)}"
    try:
        return await _psql(ctx, "write read drop", schema)
    except (HookFailed, GiveUp):  # its own clean-up did not run, or only in part
        await _drop(ctx, schema)
        raise


async def drill_pod_loss(ctx: Context) -> str:
    """Write rows, delete the pod, and read the rows."""
    schema, pod = f"skill_drill_{secrets.token_hex(4)}", f"{ctx.release('server')}-0"
    try:
        await _psql(ctx, "write", schema)
        await lose_pod(ctx, pod)
        said = await _psql(ctx, "read drop", schema)
    except (HookFailed, GiveUp):
        await _drop(ctx, schema)
        raise
    return f"{said} after pod {pod} was deleted"


async def prove_answers(ctx: Context) -> str:
    """SELECT 1 over TLS with the server's certificate and name verified, pooled and direct."""
    return await _psql(ctx, "answers", "")


async def _drop(ctx: Context, schema: str) -> None:
    with suppress(HookFailed, GiveUp, RetryLater):
        await _psql(ctx, "drop", schema, timeout=30)


async def _psql(ctx: Context, scripts: str, schema: str, *, timeout: float = 120) -> str:
    """Run SQL scripts in one psql, connected as the application is; return its last line.

    `timeout` in seconds. RetryLater when the server is not there yet, or only now wakes up.
    """
    managed, uri = ctx.inputs["mode"] == "neon", ctx.outputs["uri"]["secretKeyRef"]["key"]
    tls = {"DIRECT_URI": "direct-uri", "CA": "ca.crt"} if managed else {}
    result = await ctx.run_script(
        SCRIPTS / "psql.sh",
        name="postgres-proof",
        image=ctx.images["postgres"].ref,
        env={
            "SCRIPT": "\n".join((SCRIPTS / f"{name}.sql").read_text() for name in scripts.split()),
            "SCHEMA": schema,
            "PGCONNECT_TIMEOUT": "30",
            **({} if managed else QUIET),
            **psql_env(ctx.secret("uri"), URI=uri, **tls),
        },
        timeout=timeout,
    )
    return psql_answer(result, "psql failed, or rows are missing", hint=AGAIN, managed=managed)
