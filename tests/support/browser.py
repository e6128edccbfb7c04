"""The browser of the tests: where continuous integration runs, it must be there."""

from __future__ import annotations

import os
from typing import Final

import pytest

from skill_runner.hooks.web.chromium import find_browser

BROWSER: Final = find_browser(os.environ)
MISSING: Final = "no Chromium: make test-system, or apt-get install chromium"
needs_browser = pytest.mark.skipif(
    BROWSER is None and os.environ.get("CI") != "true", reason=MISSING
)


def the_browser() -> str:
    """Its path; a failure where it is needed and is not there."""
    assert BROWSER is not None, MISSING
    return BROWSER
