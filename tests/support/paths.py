"""Folders that tests read: the one place that counts how deep it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The repository."""
DATA: Final = ROOT / "tests" / "data"
SKILLS: Final = DATA / "skills"
"""A folder of skills for tests."""
ECHO: Final = SKILLS / "echo"
TINY: Final = DATA / "tiny"
"""Skills of one small object each, for real clusters."""
SAMPLE_CHART: Final = DATA / "sample_chart"
HISTORIES: Final = ROOT / "tests" / "histories"
"""Recorded waits, as the tests of the wait replay them."""
