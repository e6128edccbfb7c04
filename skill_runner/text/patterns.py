"""Regular expressions that others write (callers, skills, ignore files), matched by RE2, whose work
grows with the text and no faster. A pattern can be wrong; it cannot keep a command from ending.

RE2 has no lookahead, lookbehind or back-reference, and `$` is the very end of the text, as in JSON
Schema (https://github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol

import re2

LONGEST: Final = 1000  # characters of a pattern
_MEMORY: Final = 512 * 1024  # bytes of a compiled one, which bounds the work for each character
_BEYOND: Final = ("(?=", "(?!", "(?<=", "(?<!")


class PatternError(ValueError):
    """The pattern cannot be used; the message says why, for whoever wrote it."""


class Pattern(Protocol):
    """A compiled pattern; both methods return a match or None."""

    def search(self, text: str) -> object | None: ...
    def fullmatch(self, text: str) -> object | None: ...


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Return the `pattern` (RE2's syntax), ready to be matched in linear time.

    PatternError says what is wrong with it.

        compile_pattern("^app_").search(name)
    """
    if len(pattern) > LONGEST:
        raise PatternError(f"it has {len(pattern)} characters; at most {LONGEST} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return _Encoded(re2.compile(pattern, options))
    except (re2.error, UnicodeEncodeError) as error:
        raise PatternError(_explain(pattern, error)) from None


def matches(pattern: str, text: str) -> bool:
    """Tell whether the pattern is found anywhere in the text, as JSON Schema's `pattern` asks."""
    return compile_pattern(pattern).search(text) is not None


def quoted(text: str) -> str:
    """A pattern that matches this text and no other."""
    return str(re2.escape(text))


class _Encoded:
    """RE2 reads UTF-8: half a surrogate pair, which JSON can hold, is read as a question mark."""

    def __init__(self, compiled: re2._Regexp) -> None:
        self._compiled = compiled

    def search(self, text: str) -> object | None:
        found: object | None = self._compiled.search(_plain(text))
        return found

    def fullmatch(self, text: str) -> object | None:
        found: object | None = self._compiled.fullmatch(_plain(text))
        return found


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _explain(pattern: str, error: Exception) -> str:
    said = error.args[0] if error.args else ""
    reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    if any(part in pattern for part in _BEYOND):
        return "lookahead and lookbehind are not supported (patterns are RE2's)"
    if "repetition size" in reason:
        return f"{reason}; at most 1000 repetitions (use maxLength for more)"
    return f"{reason} (patterns are RE2's)"
