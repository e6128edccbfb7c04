"""Every promise of security names a test that exists, and every section has some."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "explanation" / "security.md"


def promises() -> dict[str, list[tuple[str, str]]]:
    """Each promise and its tests, as (file, function)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if not row.startswith("|") or len(cells) != 2 or "test_" not in cells[1]:
            continue
        file = ""
        tests = found.setdefault(cells[0], [])
        for name in re.findall(r"`([^`]*::[^`]*)`", cells[1]):
            file = name.partition("::")[0] or file
            tests.append((file, name.partition("::")[2]))
    return found


def test_every_promise_names_tests_that_exist() -> None:
    found = promises()
    assert len(found) > 25
    for promise, tests in found.items():
        assert tests, promise
        for file, function in tests:
            text = (ROOT / file).read_text("utf-8")
            assert re.search(rf"^(async )?def {function}\(", text, re.MULTILINE), (promise, file)


def test_the_page_for_reports_leads_to_it() -> None:
    assert "docs/explanation/security.md" in (ROOT / "SECURITY.md").read_text("utf-8")
