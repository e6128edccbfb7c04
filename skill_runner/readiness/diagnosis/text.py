"""Pick the line, or the part of a line, that tells most of what a program or a component said."""

from __future__ import annotations

import re
from typing import Final

from skill_runner.text.redact import strip_control

LOG_OF: Final = "log of"  # how a line of evidence begins that stands in a log
NEAR: Final = 4  # of the last lines; what was said long before the end is about something else
LINE: Final = 200  # characters of a line that is quoted in a sentence
AGENT: Final = "skill-runner-probe"  # the User-Agent of a probe that is asked again
WIDEST: Final = 4000  # characters of a line that is read at all
_STRONG: Final = re.compile(
    r"\b(fatal|panic|exception|traceback|caused by|critical|segmentation fault)\b"
    r"|(Error|Exception)\s*:|\berror\b",
    re.IGNORECASE,
)
_WEAK: Final = re.compile(
    r"\b(cannot|can't|could not|couldn't|fail(ed|ure|s)?|refused|denied|not found|no such|invalid|"
    r"missing|unable|timed? ?out|unknown|undefined|abort(ed|ing)?|killed|unauthorized|forbidden)\b",
    re.IGNORECASE,
)
# Lines of stack traces: indented, a caret, Go's frames and its "exit status".
_FRAME: Final = re.compile(
    r"^\s+\S|^\^|^goroutine \d+|^[\w./*()\-][\w./*)\-]*\(.*\)$|^exit status \d+"
    r"|^Traceback \(|^Node\.js v|^\.\.\. \d+ more|^at "
)


def telling_line(log: str) -> str:
    """The line that says why a program ended: of its last words the one that speaks of trouble.

    Standard error and standard output arrive in any order, and stack traces end in frames, so the
    last line alone is often not it. Empty for an empty log; at most LINE characters.
    """
    lines = [line.rstrip() for line in bounded(log).splitlines() if line.strip()]
    said = [line for line in lines if not _FRAME.search(line)] or lines
    near = said[-NEAR:]
    for pattern in (_STRONG, _WEAK):
        if found := [line for line in near if pattern.search(line)]:
            return squeeze(found[-1].strip(), LINE)
    return squeeze(near[-1].strip(), LINE) if near else ""


def bounded(log: str) -> str:
    """A log whose lines have at most WIDEST characters, before anything searches them, without
    those about our own requests."""
    lines = (squeeze(line, WIDEST) for line in log.splitlines())
    return "\n".join(line for line in lines if AGENT not in line)


def squeeze(text: str, width: int) -> str:
    """At most `width` characters: the middle is left out, since long messages name the object
    first and the cause last."""
    if len(text) <= width:
        return text
    head = width // 3
    return f"{text[:head]} … {text[-(width - head - 3) :]}"


def plain(text: str) -> str:
    """Text from the cluster on one line, without control characters."""
    return " ".join(strip_control(text).split())


def times(count: int, word: str) -> str:
    """ "1 restart", "2 restarts"."""
    return f"{count} {word}" + ("" if count == 1 else "s")
