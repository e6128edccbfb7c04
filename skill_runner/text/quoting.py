"""Words of others inside a sentence of ours: a short excerpt between “ and ”, and nothing else.

Logs, events, refusals and build output are written by whoever made the image, the webhook or the
dependency, perhaps for the agent that reads them. What they say whole is evidence; a cause may
quote a few words of it, marked so that nobody takes them for ours.
"""

from __future__ import annotations

import re
from typing import Final

from skill_runner.text.redact import strip_control

EXCERPT: Final = 160  # characters between the marks
_MARKS: Final = str.maketrans("“”„‟«»", '""""""')
_WORD: Final = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_.:,@/-]{0,253}")


def excerpt(text: object, width: int = EXCERPT) -> str:
    """Return at most `width` characters of `text`, on one line and between marks.

    The text cannot end the marks. The middle is left out: long messages name the object first and
    the cause last.

        raise GiveUp(f"the probe failed: {excerpt(result.logs)}")
    """
    line = " ".join(strip_control(str(text)).translate(_MARKS).split())
    if len(line) > width:
        head = width // 3
        line = f"{line[:head]} … {line[-(width - head - 3) :]}"
    return f"“{line}”"


def named(text: object) -> str:
    """A name as it is (a reason, an image, a command), quoted where it is more than one word."""
    word = str(text)
    return word if _WORD.fullmatch(word) else excerpt(word)
