"""What PostgreSQL needs beyond its chart: its passwords, the application's role, and the proof.

Passwords are generated here (mode cnpg: by the operator) and live in Secrets alone. The server is
told of them by verifiers (RFC 5803), through its own socket; the proof's pods read them from the
Secret by reference.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from skill_runner.hooks import (
    Context,
    GiveUp,
    HookFailed,
    NotFound,
    Object,
    Ref,
    RetryLater,
    check_claims,
    connection_values,
    copy_secret,
    ensure_password,
    excerpt,
    fits,
    lose_pod,
    make_verifier,
    read_secret,
    write_secret,
)

CNPG: Final = "postgresql.cnpg.io/v1"
SCRIPTS: Final = Path(__file__).parent / "scripts"
# Let's Encrypt's roots, which sign Neon's certificates: https://letsencrypt.org/certificates/
CERTIFICATES: Final = Path(__file__).parent / "ca" / "letsencrypt.pem"
GIVE: Final = """A file, standard input or a Secret may give it; a command line may not:
printf 'uri: "%s"' "$DATABASE_URL" | skill run postgres-k8s-setup --set mode=neon --values -"""
OLDEST: Final = 17  # the first major version with the locale provider of the chart
DATA_VERSION: Final = "skill-runner.dev/data-version"
PSQL: Final = 'psql -XAtq -v ON_ERROR_STOP=1 -v schema="$SCHEMA" -f - <<<"$SCRIPT"'
BY_REFERENCE: Final = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "username",
    "PGPASSWORD": "password",
}
BY_REFERENCE_TLS: Final = {"DIRECT_URI": "direct-uri", "CA": "ca.crt"}
# The images carry no certificates of authorities: those of the Secret are the ones that count.
TLS_PSQL: Final = f"""printf %s "$CA" >/tmp/ca.crt; unset CA
export PGSSLMODE=verify-full PGSSLROOTCERT=/tmp/ca.crt; {PSQL}"""
# What no waiting fixes, in the words of libpq and of Neon's proxy.
FINAL: Final = (
    "authentication failed",
    "SSL error:",
    "does not match host name",
    "does not support SSL",
    "Endpoint ID is not specified",
    "does not exist",
)
UNKNOWN_HOST: Final = ("Name or service not known",)  # a Service may be unknown for a moment
AGAIN: Final = "If the password is refused: `skill run --redeploy` sets that of the Secret again."
NOT_YET: Final = ("Connection refused", "could not translate host name", "starting up")


async def check(ctx: Context) -> None:
    """Before anything is touched: the versions of image and data, the volume, the namespaces."""
    _check_instances(ctx)
    major = _major(ctx)
    labels = f"app.kubernetes.io/name=postgres,app.kubernetes.io/instance={_release(ctx)}"
    for claim in await check_claims(ctx, labels, str(ctx.inputs["storage"])):
        _check_data(ctx, claim, major)


def _check_instances(ctx: Context) -> None:
    mode, instances = ctx.inputs["mode"], ctx.inputs["instances"]
    if instances != 1:
        raise GiveUp(
            f"mode {mode} has {'one server' if mode == 'bundled' else 'no servers'}, and"
            f" instances={instances} was asked for",
            hint="Replicas need an operator: --set mode=cnpg under another --name; or instances=1.",
        )


async def check_cluster(ctx: Context) -> None:
    """Before anything is touched: the versions of image and data, and the volumes."""
    major, name = _major(ctx), _release(ctx)
    await check_claims(ctx, f"cnpg.io/cluster={name}", str(ctx.inputs["storage"]))
    try:
        live = await ctx.get(Ref(CNPG, "Cluster", name, ctx.namespace))
    except NotFound:
        return  # or the operator itself is not there yet
    found = _tag(str(live["spec"].get("imageName", "")))
    if found.isdigit() and int(found) != major:
        raise GiveUp(
            f"Cluster {name} is PostgreSQL {found}, and PostgreSQL {major} was asked for",
            hint="CloudNativePG stops the whole cluster for that, and nothing leads back: take a"
            " backup, change spec.imageName of the Cluster by hand, and then run with that image.",
        )


def _tag(image: str) -> str:
    """The first number of an image's tag."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag.split(".")[0].split("-")[0]


def _major(ctx: Context) -> int:
    """The major version that the image's tag says."""
    choice = ctx.images["postgres"]
    head = choice.tag.split(".")[0].split("-")[0]
    if not head.isdigit():
        raise GiveUp(
            f"the tag of image {choice.ref} does not say which PostgreSQL it is",
            hint="Name a tag that begins with the version: registry.example.org/postgres:17.12",
        )
    if int(head) < OLDEST:
        raise GiveUp(f"image {choice.ref} is older than PostgreSQL {OLDEST}, the first that fits")
    return int(head)


def _check_data(ctx: Context, claim: Object, major: int) -> None:
    meta = claim["metadata"]
    found = str((meta.get("annotations") or {}).get(DATA_VERSION, major))
    if found == str(major):
        return
    raise GiveUp(
        f"volume {meta['name']} holds data of PostgreSQL {found}, and image"
        f" {ctx.images['postgres'].ref} is PostgreSQL {major}, which cannot read it",
        hint=f"Keep an image of PostgreSQL {found} (--set image=docker.io/library/postgres:{found}"
        ".x), or move the data: install the new version under another name (--name) and copy with"
        " pg_dump and pg_restore; docs/howto/postgres.md shows the commands.",
    )


async def fill_secrets(ctx: Context) -> str:
    """Generate what is missing; a password that is there is never changed."""
    made = [
        await ensure_password(ctx, _secret(ctx, "superuser"), _superuser),
        await ensure_password(ctx, _secret(ctx, "app"), lambda given: _connection(ctx, given)),
    ]
    await copy_secret(ctx, _secret(ctx, "app"), ctx.inputs["clients"])
    return f"{sum(made)} of 2 passwords generated" if any(made) else ""


def _superuser(password: str) -> dict[str, str]:
    return {"username": "postgres", "password": password}


def _connection(ctx: Context, password: str) -> dict[str, str]:
    """The keys that CloudNativePG's Secrets have, too."""
    host, port = str(ctx.outputs["host"]), str(ctx.outputs["port"])
    database, user = str(ctx.inputs["database"]), str(ctx.inputs["user"])
    coded = quote(password, safe="")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return {
        "username": user,
        "password": password,
        "host": host,
        "port": port,
        "dbname": database,
        "uri": f"postgresql://{user}:{coded}@{host}:{port}/{database}",
        "direct-uri": f"postgresql://{user}:{coded}@{host}:{port}/{database}",
        "jdbc-uri": f"jdbc:postgresql://{host}:{port}/{database}?user={user}&password={coded}",
        "pgpass": f"{host}:{port}:{database}:{user}:{escaped}\n",
    }


async def check_connection(ctx: Context) -> None:
    """Before anything is touched: a connection string that can be verified."""
    _check_instances(ctx)
    await _given(ctx)


async def fill_connection(ctx: Context) -> str:
    """Put the connection strings that were given into the Secrets, with full verification."""
    await write_secret(ctx, _secret(ctx, "app"), await _given(ctx))
    await copy_secret(ctx, _secret(ctx, "app"), ctx.inputs["clients"])
    return ""


async def _given(ctx: Context) -> dict[str, str]:
    """The values of the Secret: from the inputs, a Secret that they name, or as they stand."""
    inputs = ctx.inputs
    uri, direct = str(inputs["uri"]), str(inputs["direct_uri"])
    if inputs["source"]:
        namespace, _, name = str(inputs["source"]).rpartition("/")
        uri, direct = await _stored(ctx, Ref("v1", "Secret", name, namespace or ctx.namespace))
        if not uri:
            raise GiveUp(f"Secret {inputs['source']} of `source` is not there, or has no key uri")
    elif not uri:
        uri, direct = await _stored(ctx, _secret(ctx, "app"))
    if not uri:
        raise GiveUp("mode neon needs a connection string, and none was given", hint=GIVE)
    authorities = str(inputs["ca"]) or CERTIFICATES.read_text()
    try:
        return connection_values(uri, direct, authorities)
    except ValueError as error:
        raise GiveUp(f"the connection string cannot be used: {error}", hint=GIVE) from None


async def _stored(ctx: Context, ref: Ref) -> tuple[str, str]:
    try:
        values = await read_secret(ctx, ref)
    except NotFound:
        return "", ""
    return values.get("uri", ""), values.get("direct-uri", "")


async def copy_connection(ctx: Context) -> str:
    """Give each client its copy of the operator's Secret, with a host that it can reach."""
    try:
        made = await read_secret(ctx, _secret(ctx, "app"))
    except NotFound as error:
        raise RetryLater("the operator has not made the application's Secret yet") from error
    uri = made["fqdn-uri"]
    values = {**made, "host": str(ctx.outputs["host"]), "uri": uri, "direct-uri": uri}
    name = _secret(ctx, "app").name
    clients = [Ref("v1", "Secret", name, namespace) for namespace in ctx.inputs["clients"]]
    done = sum([await write_secret(ctx, ref, values) for ref in clients])
    return f"{done} of {len(clients)} copies of the Secret written" if done else ""


async def ensure_access(ctx: Context) -> str:
    """The role and database of the application, and the passwords that the Secrets hold.

    Only what differs is written, so that a Secret that was deleted, or filled by someone else,
    is what the server knows afterwards.
    """
    user, database = str(ctx.inputs["user"]), str(ctx.inputs["database"])
    wanted = {"postgres": await _password(ctx, "superuser"), user: await _password(ctx, "app")}
    have = json.loads(await _sql(ctx, (SCRIPTS / "state.sql").read_text()))
    statements = []
    for role, password in wanted.items():
        if role not in have["roles"]:
            statements.append(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{make_verifier(password)}';")
        elif not fits(password, have["roles"][role] or ""):
            statements.append(f"ALTER ROLE \"{role}\" LOGIN PASSWORD '{make_verifier(password)}';")
    if database not in have["databases"]:
        statements.append(f'CREATE DATABASE "{database}" OWNER "{user}";')
    if statements:
        await _sql(ctx, "\n".join(statements))
    return f"{len(statements)} of role, database and passwords set" if statements else ""


async def _password(ctx: Context, which: str) -> str:
    return (await read_secret(ctx, _secret(ctx, which)))["password"]


async def _sql(ctx: Context, text: str) -> str:
    """Run SQL as the superuser through the server's socket; it goes in by standard input."""
    done = await ctx.exec(
        f"{_release(ctx)}-0",
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"],
        container="postgres",
        stdin=text,
    )
    if done.exit_code == 0:
        return done.stdout
    told = [line for line in done.stderr.splitlines() if "PASSWORD" not in line]
    if any(word in done.stderr for word in NOT_YET):
        raise RetryLater("the server does not take connections yet")
    raise GiveUp("the server refused:\n" + "\n".join(told[-4:]))


async def write_and_read_back(ctx: Context) -> str:
    """Rows written in a transaction through the Service, read back by another connection."""
    schema = f"skill_proof_{secrets.token_hex(4)}"
    try:
        return await _psql(ctx, "write read drop", schema)
    except (HookFailed, GiveUp):  # its own clean-up did not run, or only in part
        await _drop(ctx, schema)
        raise


async def lose_the_pod(ctx: Context) -> str:
    """Rows are written, the pod is deleted, and the rows are still there."""
    schema = f"skill_drill_{secrets.token_hex(4)}"
    pod = f"{_release(ctx)}-0"
    try:
        await _psql(ctx, "write", schema)
        await lose_pod(ctx, pod)
        said = await _psql(ctx, "read drop", schema)
    except (HookFailed, GiveUp):
        await _drop(ctx, schema)
        raise
    return f"{said} after pod {pod} was deleted"


async def _drop(ctx: Context, schema: str) -> None:
    with suppress(HookFailed, GiveUp, RetryLater):
        await _psql(ctx, "drop", schema, timeout=30)


async def ask_for_one(ctx: Context) -> str:
    """SELECT 1 over TLS with the server's certificate and name verified, pooled and direct."""
    return await _psql(ctx, "answers", "", certificates=True)


async def _psql(
    ctx: Context, scripts: str, schema: str, *, certificates: bool = False, timeout: float = 120
) -> str:
    """Run our scripts in one psql, connected as the application is; the last line it says.

    `timeout` in seconds. RetryLater when the server is not there yet, or only now wakes up.
    """
    texts = "\n".join((SCRIPTS / f"{name}.sql").read_text() for name in scripts.split())
    keys = {
        **BY_REFERENCE,
        "URI": ctx.outputs["uri"]["secretKeyRef"]["key"],
        **(BY_REFERENCE_TLS if certificates else {}),
    }
    options = {} if certificates else {"PGOPTIONS": "-c client_min_messages=warning"}
    result = await ctx.run_pod(
        name="postgres-proof",
        image=ctx.images["postgres"].ref,
        command=["bash", "-c", TLS_PSQL if certificates else PSQL],
        env={
            "SCRIPT": texts,
            "SCHEMA": schema,
            "PGCONNECT_TIMEOUT": "30",
            **options,
            **{
                variable: {"secretKeyRef": {"name": _secret(ctx, "app").name, "key": key}}
                for variable, key in keys.items()
            },
        },
        timeout=timeout,
    )
    lines = result.logs.strip().splitlines()[-6:]
    if result.exit_code == 0 and not any(" lost or changed" in line for line in lines):
        return lines[-1] if lines else ""
    final = (*FINAL, *(UNKNOWN_HOST if certificates else ()))
    if result.exit_code in (2, 3) and _unconnected(result.logs, final):
        raise RetryLater(
            f"no connection yet: {excerpt(lines[-1]) if lines else 'psql says nothing'}"
        )
    raise GiveUp("\n".join(["psql failed, or rows are missing:", *lines]), hint=AGAIN)


def _unconnected(said: str, final: tuple[str, ...]) -> bool:
    """Tell whether psql had no connection for a reason that may pass."""
    failed = "connection to server" in said or "could not translate host name" in said
    return failed and not any(words in said for words in final)


def _secret(ctx: Context, which: str) -> Ref:
    return Ref("v1", "Secret", f"{_release(ctx)}-{which}", ctx.namespace)


def _release(ctx: Context) -> str:
    """The first part of every object's name: that of the Helm release, where there is one."""
    return str(ctx.outputs["uri"]["secretKeyRef"]["name"]).removesuffix("-app")
