"""Secret values out of every text, in all their encodings; control characters, too."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

MARK: Final = "(redacted)"
SHORTEST: Final = 4  # shorter values would eat ordinary words
ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def strip_control(text: str) -> str:
    """Without ANSI sequences, control characters, and characters that turn text around."""
    return CONTROL.sub("", ANSI.sub("", text))


class Redactor:
    """Replaces each secret value: plain, base64 (at any offset), URL- and JSON-escaped."""

    def __init__(self, values: Iterable[str]) -> None:
        self._forms: list[str] = []
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        forms = set(self._forms)
        for value in values:
            for text in (value, _password_in(value)):  # which shows up without its URI, too
                if len(text) >= SHORTEST:
                    forms |= set(encodings(text))
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MARK)
        return text

    def data(self, value: Any) -> Any:
        """The same structure with every string redacted, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(k)): self.data(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(v) for v in value]
        return value


def _password_in(text: str) -> str:
    """The password of a URI; empty where there is none."""
    try:
        return unquote(urlsplit(text).password or "")
    except ValueError:
        return ""


def texts_of(value: Any) -> tuple[str, ...]:
    """Every text and number in a value, for whoever redacts."""
    if isinstance(value, dict):
        return tuple(text for item in value.values() for text in texts_of(item))
    if isinstance(value, (list, tuple)):
        return tuple(text for item in value for text in texts_of(item))
    return () if value is None or isinstance(value, bool) else (str(value),)


def encodings(value: str) -> tuple[str, ...]:
    """Every way in which a value commonly shows up."""
    raw = value.encode()
    plain = base64.b64encode(raw).decode()
    forms = [value, plain, plain.rstrip("="), base64.urlsafe_b64encode(raw).decode()]
    forms += [quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]]
    for shift in (0, 1, 2):  # inside a longer base64 text: the characters that it alone decides
        inside = base64.b64encode(b"\0" * shift + raw).decode()
        core = inside[(0, 2, 3)[shift] : 8 * (shift + len(raw)) // 6]
        if len(core) >= 2 * SHORTEST:
            forms.append(core)
    return tuple(dict.fromkeys(f for f in forms if len(f) >= SHORTEST))
