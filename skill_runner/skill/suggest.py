"""The nearest of the words that would have been right, for the end of a message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, choices: Iterable[str]) -> str:
    """ "; did you mean 'chart'?", or "" when none is near."""
    near = get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def did_you_mean(word: str, choices: Iterable[str], *, known: str = "known") -> str:
    """ "; did you mean 'chart'?", or the choices when none is near; "" when there are none."""
    options = list(choices)
    if near := nearest(word, options):
        return near
    if not options:
        return ""
    shown = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
    return f" ({known}: {shown})"
