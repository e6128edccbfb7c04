"""The places of the skills and templates that ship with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent
SHARED: Final = "shared:"  # before the name of a chart or file that ships for several skills


def shipped(kind: str) -> Path:
    """The folder of `skills` or `templates`: in the wheel beside the code, else in the checkout."""
    installed = _PACKAGE / "_library" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def shared_chart(chart: str) -> Path | None:
    """The folder of `shared:NAME`, None for charts that are named otherwise."""
    if not chart.startswith(SHARED):
        return None
    return shipped("templates") / "charts" / chart.removeprefix(SHARED)


def home_of(folder: Path, name: str) -> tuple[Path, str]:
    """The folder that a file of a skill is in, and its path there: `shared:PATH` is of those that
    ship for several skills, anything else in the skill's own `folder`."""
    if name.startswith(SHARED):
        return shipped("templates") / "shared", name.removeprefix(SHARED)
    return folder, name
