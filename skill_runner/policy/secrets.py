"""Literal texts into the secrets that stand in them: by name, by address, by key block.

Every check is linear in the length of the text: values are foreign, and may be megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# The last word of a name, or its last two, in snake_case, kebab-case, dots or camelCase.
_WORDS: Final = {
    *("password", "passwd", "passphrase", "pass", "pwd", "secret", "token", "apikey"),
    *("credential", "credentials", "accesskey", "secretkey", "privatekey", "signingkey"),
    "clientkey",
}
_KEYS: Final = {
    *("api", "access", "secret", "private", "signing", "encryption", "client", "master"),
    *("account", "shared", "auth", "jwt"),
}
_GLUED: Final = ("password", "passwd", "passphrase")  # PGPASSWORD, SASLPASSWORD
_NOT_SECRETS: Final = frozenset({"pwd", "oldpwd"})  # a shell's own folder

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.\-]")
_URL_WITH_PASSWORD: Final = re.compile(r"://[^/\s:@]{0,256}:[^/\s@$]{1,256}@")
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY-----")
_ASSIGNED: Final = re.compile(
    r"(?:^|[\s;&?,'\"])(?:password|passwd|pwd)=([^\s;&,'\"]{1,256})", re.I
)
_PATH: Final = re.compile(r"(?:/[\w.\-]+){2,}/?")
_LINE: Final = re.compile(r"[ \t]{0,64}([A-Za-z][\w.\-]{0,127})[ \t]{0,64}[:=][ \t]{0,64}(\S.*)")
_PLAIN: Final = re.compile(r"[^\s$(){}<>\[\]\"'`%]+")
_PROGRAMS: Final = (".sh", ".bash", ".py", ".js", ".mjs", ".cjs", ".ts", ".lua", ".sql", ".md")


def is_secret(name: str, value: str) -> bool:
    """Tell whether a literal looks like a secret; a reference such as $(PASSWORD) is none."""
    return holds_secret(value) or (_names_secret(name) and not _is_reference(value))


def holds_secret(value: str) -> bool:
    """Tell whether the text itself shows a password or a private key, whatever its name."""
    if _URL_WITH_PASSWORD.search(value) or _PRIVATE_KEY.search(value):
        return True
    return any(not _is_reference(found) for found in _ASSIGNED.findall(value))


def secret_lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    """The settings in a file's text that are literal secrets, as (line number from 1, name).

    `name` is the file's: of a program nothing is taken for a setting.
    """
    if name.lower().endswith(_PROGRAMS):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        setting = _LINE.fullmatch(line[:4096].rstrip())
        if setting is None:
            continue
        key, value = setting[1], setting[2].rstrip(",;").strip("\"'")
        if _names_secret(key) and _PLAIN.fullmatch(value) and not _is_reference(value):
            yield number, key


def _names_secret(name: str) -> bool:
    words = [word.lower() for word in _CAMEL.split(name) if word]
    if not words or name.lower() in _NOT_SECRETS:
        return False
    if words[-1] in _WORDS or words[-1].endswith(_GLUED):
        return True
    return len(words) > 1 and words[-1] == "key" and words[-2] in _KEYS


def _is_reference(value: str) -> bool:
    """Tell whether a text is empty, a switch, a variable or the path of a mounted file."""
    plain = value.strip()
    if plain.lower() in ("", "true", "false", "null", "none"):
        return True
    return plain.startswith(("$", "{{", "<", "%(")) or bool(_PATH.fullmatch(plain))
