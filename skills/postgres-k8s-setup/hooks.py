"""What PostgreSQL needs beyond its chart: its passwords, the application's role, and the proof.

Passwords are generated here (mode cnpg: by the operator) and live in Secrets alone. The server is
told of them by verifiers (RFC 5803), through its own socket; the proof's pods read them from the
Secret by reference.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from skill_runner.hooks import (
    Context,
    GiveUp,
    app_labels,
    check_claims,
    check_cluster_version,
    cleaned_up,
    copy_cluster_secret,
    copy_secret,
    data_versions,
    ensure_password,
    ensure_roles,
    given_connection,
    lose_pod,
    major_version,
    psql_answer,
    psql_env,
    read_secret,
    role_values,
    write_secret,
)

SCRIPTS: Final = Path(__file__).parent / "scripts"
# Let's Encrypt's roots, which sign Neon's certificates: https://letsencrypt.org/certificates/
CERTIFICATES: Final = (Path(__file__).parent / "ca" / "letsencrypt.pem").read_text()
GIVE: Final = """A file, standard input or a Secret may give it; a command line may not:
printf 'uri: "%s"' "$DATABASE_URL" | skill run postgres-k8s-setup --set mode=neon --values -"""
OLDEST: Final = 17  # the first major version with the locale provider of the chart
QUIET: Final = {"PGOPTIONS": "-c client_min_messages=warning"}  # a pooler would refuse it
AGAIN: Final = "If the password is refused: `skill run --redeploy` sets that of the Secret again."


async def check_server(ctx: Context) -> None:
    """Refuse images that cannot read the data, and volumes that cannot be had."""
    major, image = major_version(ctx, "postgres", oldest=OLDEST), ctx.images["postgres"].ref
    labels = app_labels("postgres", ctx.release("server"))
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


async def check_cluster(ctx: Context) -> None:
    """Refuse another major version than the live Cluster's, and volumes that cannot be had."""
    major, name = major_version(ctx, "postgres", oldest=OLDEST), ctx.let["server"]
    await check_claims(ctx, f"cnpg.io/cluster={name}", str(ctx.inputs["storage"]))
    await check_cluster_version(ctx, name, major)


async def check_connection(ctx: Context) -> None:
    """Refuse a connection string whose server cannot be verified."""
    await given_connection(ctx, ctx.secret("uri"), CERTIFICATES, hint=GIVE)


async def ensure_secrets(ctx: Context) -> str:
    """Generate passwords that are missing; one that is there is never changed."""
    root, app = ctx.secret("superuser_password"), ctx.secret("uri")
    user, *where = (str(ctx.outputs[name]) for name in ("user", "host", "port", "database"))
    made = [
        await ensure_password(ctx, root, lambda made: {"username": "postgres", "password": made}),
        await ensure_password(ctx, app, lambda made: role_values(user, made, *where)),
    ]
    await copy_secret(ctx, app, ctx.inputs["clients"])
    return f"{sum(made)} of 2 passwords generated" if any(made) else ""


async def ensure_connection(ctx: Context) -> None:
    """Put the connection strings that were given into the Secrets, with full verification."""
    app = ctx.secret("uri")
    await write_secret(ctx, app, await given_connection(ctx, app, CERTIFICATES, hint=GIVE))
    await copy_secret(ctx, app, ctx.inputs["clients"])


async def ensure_copies(ctx: Context) -> str:
    """Give each client its copy of the operator's Secret, with a host that it can reach."""
    clients, host = ctx.inputs["clients"], str(ctx.outputs["host"])
    done = await copy_cluster_secret(ctx, ctx.secret("uri"), clients, host)
    return f"{done} of {len(clients)} copies of the Secret written" if done else ""


async def ensure_access(ctx: Context) -> str:
    """Set the application's role and database, and the passwords that the Secrets hold."""
    user, database = str(ctx.inputs["user"]), str(ctx.inputs["database"])
    of = {"postgres": ctx.secret("superuser_password"), user: ctx.secret("uri")}
    passwords = {role: (await read_secret(ctx, ref))["password"] for role, ref in of.items()}
    done = await ensure_roles(ctx, f"{ctx.release('server')}-0", passwords, {database: user})
    return f"{done} of role, database and passwords set" if done else ""


async def prove_rows(ctx: Context) -> str:
    """Write rows in a transaction through the Service, and read them by another connection."""
    schema = f"skill_proof_{secrets.token_hex(4)}"
    async with cleaned_up(lambda: _psql(ctx, "drop", schema, timeout=30)):
        return await _psql(ctx, "write read drop", schema)


async def drill_pod_loss(ctx: Context) -> str:
    """Write rows, delete the pod, and read the rows."""
    schema, pod = f"skill_drill_{secrets.token_hex(4)}", f"{ctx.release('server')}-0"
    async with cleaned_up(lambda: _psql(ctx, "drop", schema, timeout=30)):
        await _psql(ctx, "write", schema)
        await lose_pod(ctx, pod)
        return f"{await _psql(ctx, 'read drop', schema)} after pod {pod} was deleted"


async def prove_answers(ctx: Context) -> str:
    """SELECT 1 over TLS with the server's certificate and name verified, pooled and direct."""
    return await _psql(ctx, "answers", "")


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
            **({} if managed else QUIET),
            **psql_env(ctx.secret("uri"), URI=uri, **tls),
        },
        timeout=timeout,
    )
    return psql_answer(result, "psql failed, or rows are missing", hint=AGAIN, managed=managed)
