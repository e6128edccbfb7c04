"""Docusaurus sites, and sites made around Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_runner.errors import UsageError
from skill_runner.images.apps import docusaurus

PACKAGE = {
    "dependencies": {"@docusaurus/core": "^3.9.0"},
    "scripts": {"build": "docusaurus build"},
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "package.json").write_text(json.dumps(PACKAGE))
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "docusaurus.config.ts").write_text("export default {}")
    return tmp_path


def test_a_site_keeps_its_own_configuration(site: Path) -> None:
    made = docusaurus.lay_out(site, {"base_url": "/docs/", "trailing_slash": "never"})
    config = made.files["skill.config.mjs"]
    assert "import own from './docusaurus.config.ts'" in config
    assert 'const given = {"baseUrl": "/docs/", "trailingSlash": false};' in config
    assert "onBrokenLinks: 'throw'" in config
    assert "npm run build -- --config skill.config.mjs --out-dir build" in made.containerfile
    assert made.source_at == "."
    assert made.bases == ("node", "nginx")


def test_around_markdown_a_site_is_made(tmp_path: Path) -> None:
    for name in ("howto/b.md", "howto/a.md", "start.md", "howto/deep/c.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# Title of [{name}]\n")
    made = docusaurus.lay_out(tmp_path, {"title": "Our docs"})
    assert made.source_at == "docs"
    assert "npm ci" in made.containerfile
    assert 'ENV SITE_TITLE="Our docs"' in made.containerfile
    assert json.loads(made.files["package.json"])["dependencies"]["@docusaurus/core"]
    index = made.files["docs/index.md"]
    assert index.index("## Pages") < index.index("## Howto") < index.index("## Howto: deep")
    assert "- [Title of howto/a.md](howto/a.md)" in index
    assert "4 Markdown files" in made.notes[0]


def test_a_first_page_of_its_own_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Ours\n")
    assert "docs/index.md" not in docusaurus.lay_out(tmp_path, {}).files


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"base_url": "docs"}, "must begin and end with a slash"), ({"theme": "x"}, "no setting")],
)
def test_settings_that_are_wrong(site: Path, settings: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        docusaurus.lay_out(site, settings)


def test_a_site_without_a_configuration(site: Path) -> None:
    (site / "docusaurus.config.ts").unlink()
    with pytest.raises(UsageError, match="has no configuration"):
        docusaurus.lay_out(site, {})


def test_an_older_docusaurus_is_refused(site: Path) -> None:
    (site / "package.json").write_text(json.dumps({"dependencies": {"@docusaurus/core": "^2.4"}}))
    with pytest.raises(UsageError, match=r"asks for Docusaurus \^2\.4; 3 are built|3 is built"):
        docusaurus.lay_out(site, {})
