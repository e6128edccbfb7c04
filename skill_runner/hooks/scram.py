"""SCRAM-SHA-256 verifiers: what PostgreSQL keeps of a password, without the password (RFC 5803)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

KIND: Final = "SCRAM-SHA-256"
ITERATIONS: Final = 4096  # PostgreSQL's own default, scram_iterations


def make_verifier(password: str) -> str:
    """Return a new verifier of a `password`, with a salt of its own.

    Passwords are ASCII (no SASLprep is done).

        verifier = make_verifier(password)
    """
    salt = secrets.token_bytes(16)
    stored, server = _keys(password, salt, ITERATIONS)
    return f"{KIND}${ITERATIONS}:{_b64(salt)}${_b64(stored)}:{_b64(server)}"


def fits(password: str, verifier: str) -> bool:
    """Tell whether a `password` is the one that a `verifier` stands for; never for another kind's.

    assert fits(password, make_verifier(password))
    """
    kind, _, rest = verifier.partition("$")
    head, _, keys = rest.partition("$")
    iterations, _, salt = head.partition(":")
    if kind != KIND or not iterations.isdigit():
        return False
    stored, server = _keys(password, base64.b64decode(salt), int(iterations))
    return hmac.compare_digest(keys, f"{_b64(stored)}:{_b64(server)}")


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """StoredKey and ServerKey (RFC 5802, section 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
