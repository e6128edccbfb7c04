"""Ends of a container that are the same again: by its code and its last words, without what differs
from one run to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from skill_runner.readiness.diagnosis.text import telling_line

_LAST: Final = 3  # lines that are compared
_LOOKED_AT: Final = 10  # lines that may speak of something that is awaited
_CHANGING: Final = re.compile(r"0x[0-9a-f]+|@[0-9a-f]{4,}\b|\b[0-9a-f]{8,}\b|\d+", re.IGNORECASE)
# Words of programs that wait for something else: it may still be coming, however often they end.
_AWAITS: Final = re.compile(
    r"refused|no such host|name or service not known|could not (?:connect|resolve)|unreachable|"
    r"can(?:no|')t (?:connect|resolve|reach)|name resolution|getaddrinfo|unknown ?host|EAI_AGAIN|"
    r"no route to host|connection (?:reset|closed|error|failed|timed)|lookup |dial tcp|"
    r"failed to connect|broken pipe|timed? ?out|timeout|deadline exceeded|"
    r"unavailable|not (?:yet )?(?:ready|available|reachable|initiali[sz]ed)|"
    r"starting up|in recovery|\bwait(?:s|ing)?\b|\bretry|try again|"
    r"\block(?:ed)?\b|\bbusy\b|in progress|does not exist|not found|no leader|election|"
    r"unknown (?:topic|database|user|role)|no such (?:table|topic|queue|database|user|bucket)|"
    # an account or a certificate that is made beside it
    r"authenticat|unauthori[sz]ed|forbidden|access denied|permission denied|certificate|x509",
    re.IGNORECASE,
)


def end_of(status: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    """What tells one end of a container from the next."""
    return str(ended.get("containerID") or ended.get("finishedAt") or status.get("restartCount", 0))


def last_words(ended: Mapping[str, Any], log: str) -> str:
    """The part of an end that is the same when it has the same cause; empty without a log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    said = (telling_line(log), *lines[-_LAST:])
    return f"{ended.get('exitCode')} {_CHANGING.sub('#', ' | '.join(said))}"


def awaits_something(log: str) -> bool:
    """Tell whether the last words of a program speak of what it needs and does not find (yet)."""
    return bool(_AWAITS.search("\n".join(log.splitlines()[-_LOOKED_AT:])))
