"""The generated reference says what the code says."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import pytest

from tests.support.paths import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Mapping[str, str] = module.pages()
    return made


@pytest.mark.parametrize(
    "name", ["skill.schema.json", "skill-yaml.md", "cli.md", "policy.md", "problems.md", "hooks.md"]
)
def test_a_generated_page_says_what_the_code_says(pages: Mapping[str, str], name: str) -> None:
    written = (DOCS / "reference" / name).read_text("utf-8")
    assert written == pages[name], "run `make docs` and commit what it writes"
