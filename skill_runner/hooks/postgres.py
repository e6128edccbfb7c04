"""The values of the Secret by which an application connects to PostgreSQL.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from __future__ import annotations

import ipaddress
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from skill_runner.hooks.context import PodResult
from skill_runner.hooks.secrets import by_reference
from skill_runner.objects import Ref

OURS: Final = frozenset({"sslmode", "sslrootcert", "sslsni"})  # what we decide
NEON: Final = ".neon.tech"
LIBPQ: Final = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGUSER": "username",
    "PGPASSWORD": "password",
}
UNCONNECTED: Final = ("connection to server", "could not translate host name")
# No waiting fixes these, in the words of libpq and of Neon's proxy.
FINAL: Final = (
    "authentication failed",
    "SSL error:",
    "does not match host name",
    "does not support SSL",
    "Endpoint ID is not specified",
    "does not exist",
)
UNKNOWN_HOST: Final = "Name or service not known"
POOLER: Final = "-pooler"  # https://neon.com/docs/connect/connection-pooling


def psql_env(secret: Ref, **more: str) -> dict[str, Any]:
    """Return the `env` by which psql connects with a Secret's keys; `more` are keys of it, too.

    env = psql_env(ctx.secret("uri"), URI="uri")
    """
    return by_reference(secret, {**LIBPQ, **more})


def psql_answer(result: PodResult, failure: str, *, hint: str = "", managed: bool = False) -> str:
    """Return the last line of a pod that ran psql; RetryLater where it had no connection yet.

    GiveUp with `failure` and `hint` where waiting fixes nothing. An unknown host is final where
    the server is `managed`: a Service of the cluster may be unknown for a moment.

        return psql_answer(await ctx.run_script(SCRIPT, image=image), "psql failed")
    """
    final = (*FINAL, UNKNOWN_HOST) if managed else FINAL
    return result.answer(failure, hint=hint, not_yet=UNCONNECTED, final=final)


def role_values(user: str, password: str, host: str, port: str, database: str) -> dict[str, str]:
    """Return the values for a role of a server in the cluster, with the keys of its Secret.

    Without `ca.crt`, and with `pgpass`, a line of a password file.

        role_values("app", "pencil", "postgres.db.svc", "5432", "app")["uri"]
    """
    coded = quote(password, safe="")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    uri = f"postgresql://{user}:{coded}@{host}:{port}/{database}"
    return {
        "username": user,
        "password": password,
        "host": host,
        "port": port,
        "dbname": database,
        "uri": uri,
        "direct-uri": uri,
        "jdbc-uri": f"jdbc:postgresql://{host}:{port}/{database}?user={user}&password={coded}",
        "pgpass": f"{host}:{port}:{database}:{user}:{escaped}\n",
    }


def connection_values(uri: str, direct: str, authorities: str) -> dict[str, str]:
    """Return the values for a managed server: keys as CloudNativePG names them, and `ca.crt`.

    `uri` and `direct`, past the pooler, are verified fully against `authorities` (PEM). Without
    `direct`, a pooled host of Neon's leads to the direct one, and any other is both.
    ValueError says what is wrong; the string is in no message.

        connection_values("postgresql://app:pencil@db.example.org/app", "", pem)["jdbc-uri"]
    """
    pooled = _checked(uri)
    straight = _checked(direct) if direct else _direct(pooled)
    host, port, name = str(pooled.hostname), str(pooled.port or 5432), unquote(pooled.path[1:])
    user, password = unquote(pooled.username or ""), unquote(pooled.password or "")
    jdbc = urlencode({"user": user, "password": password, "sslmode": "verify-full"})
    return {
        "username": user,
        "password": password,
        "host": host,
        "port": port,
        "dbname": name,
        "uri": urlunsplit(pooled),
        "direct-uri": urlunsplit(straight),
        "jdbc-uri": f"jdbc:postgresql://{host}:{port}/{quote(name)}?{jdbc}",
        "ca.crt": authorities,
    }


def _checked(text: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("it is no URI") from None
    if parts.scheme not in ("postgres", "postgresql") or not has_port:
        raise ValueError("expected postgresql://USER:PASSWORD@HOST/DATABASE")
    missing = [
        what
        for what, value in (
            ("user", parts.username),
            ("password", parts.password),
            ("host", parts.hostname),
            ("database", parts.path.strip("/")),
        )
        if not value
    ]
    if missing:
        raise ValueError(f"it has no {', no '.join(missing)}")
    _check_name(str(parts.hostname))
    settings = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in OURS]
    query = urlencode([("sslmode", "verify-full"), *settings], quote_via=quote)
    return parts._replace(scheme="postgresql", query=query, fragment="")


def _check_name(host: str) -> None:
    """A certificate is checked against a name, and providers route by it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if "," in host:
            raise ValueError("it names several hosts, expected one") from None
        return
    raise ValueError("its host is an address; TLS is verified, and routed, by a name")


def _direct(pooled: SplitResult) -> SplitResult:
    host = str(pooled.hostname)
    first, dot, rest = host.partition(".")
    if not host.endswith(NEON) or not first.endswith(POOLER):
        return pooled
    straight = f"{first.removesuffix(POOLER)}{dot}{rest}"
    userinfo, _, address = pooled.netloc.rpartition("@")
    return pooled._replace(netloc=f"{userinfo}@{address.replace(host, straight)}")
