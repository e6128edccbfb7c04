"""Connection strings of a managed PostgreSQL into the values of a Secret, fully verified.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

OURS: Final = frozenset({"sslmode", "sslrootcert", "sslsni"})  # what we decide
NEON: Final = ".neon.tech"
POOLER: Final = "-pooler"  # https://neon.com/docs/connect/connection-pooling


def connection_values(uri: str, direct: str, authorities: str) -> dict[str, str]:
    """Return the values of a Secret: keys as CloudNativePG names them, `direct-uri` and `ca.crt`.

    `uri` is the connection string, `authorities` the certificates (PEM) that verify the server.
    Without `direct`, a pooled host of Neon's leads to the direct one, and any other is both.
    ValueError says what is wrong; the string is in no message.

        values = connection_values("postgresql://app:x@db.example.org/app", "", authorities)
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
