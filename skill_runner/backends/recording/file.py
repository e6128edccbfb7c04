"""A history as JSON lines: a header that says what and where, then one line for each change.

Only the recorder writes them. Secrets keep their names and lose their data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

SCHEMA: Final = 2

What = Literal[
    "set",
    "delete",
    "missing",
    "absent",
    "served",
    "forbidden",
    "unreachable",
    "reached",
    "logs",
    "refused",
]


@dataclass(frozen=True, slots=True)
class Moment:
    """One change, `at` seconds after the recording began. `data` is the object, or what fits."""

    at: float
    what: What
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`header` holds schema, scenario, cluster version, the day, the time it began (epoch), and
    `waits`: for each wait when it began and ended, what it was asked and how it ended."""

    header: Mapping[str, Any]
    moments: tuple[Moment, ...] = field(default_factory=tuple)


def save_history(
    history: History, path: Path, redact: Callable[[str], str] = lambda text: text
) -> None:
    """Write it, each line through `redact`; equal histories give equal files."""
    lines = [json.dumps({"schema": SCHEMA, **history.header}, sort_keys=True)]
    lines += [
        json.dumps({"at": round(m.at, 3), "what": m.what, "data": m.data}, sort_keys=True)
        for m in history.moments
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{redact(line)}\n" for line in lines))


def load_history(path: Path) -> History:
    """Read it. ValueError for a schema that this version does not know."""
    first, *rest = path.read_text().splitlines()
    header = json.loads(first)
    if header.get("schema") != SCHEMA:
        raise ValueError(f"{path}: history schema {header.get('schema')}, expected {SCHEMA}")
    moments = (json.loads(line) for line in rest if line.strip())
    return History(
        header=header, moments=tuple(Moment(m["at"], m["what"], m["data"]) for m in moments)
    )
