"""docusaurus-deploy on a real cluster: our own documentation, and a site below a path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from skill_runner.plan import Installation
from tests.support import web
from tests.support.driver import Driver
from tests.support.paths import ROOT
from tests.support.site import serve

pytestmark = pytest.mark.cluster

NAME = "docusaurus-deploy"
DOCS = ROOT / "docs"
SITE = Installation("docs", NAME)


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    before = driver.objects()
    yield before
    if any(i["skill"] == NAME for i in driver.skill("status")["installations"]):
        driver.skill("remove", NAME, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str]) -> dict[str, Any]:
    return driver.skill(
        "run",
        NAME,
        "--set",
        f"source={DOCS}",
        "--set",
        "title=skill",
        "--set",
        "heading=Documentation",
    )


@pytest.fixture(scope="module")
def markdown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "guide").mkdir()
    (folder / "index.md").write_text("# Start here\n\n[The guide](guide/first.md)\n")
    (folder / "guide" / "first.md").write_text("# First steps\n\n[Back](../index.md)\n")
    return folder


def ask(driver: Driver, *paths: str) -> list[httpx.Response]:
    return web.ask(driver, SITE, 8080, *paths, headers={"Accept-Encoding": "gzip"})


def test_our_own_documentation_is_served(installed: dict[str, Any]) -> None:
    proof = installed["proof"]["pages"]
    assert "a 404 for what is not there" in proof
    assert "200 and 404 through the Service from inside" in proof
    web.assert_a_browser_saw(proof, "1 pages and followed a link")


def test_pages_are_served_as_they_should_be(driver: Driver, installed: dict[str, Any]) -> None:
    page, slash, missing, health = ask(
        driver, "/howto/kafka", "/howto/kafka/", "/nothing/here", "/healthz"
    )
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "server" not in page.headers or "/" not in page.headers["server"]
    assert (slash.status_code, slash.headers["location"]) == (301, "/howto/kafka")
    assert missing.status_code == 404
    assert "Page Not Found" in missing.text
    assert health.text == "ok\n"
    asset = next(part for part in page.text.split('"') if part.startswith("/assets/js/main"))
    script, index = ask(driver, asset, "/assets/none.js")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "javascript" in script.headers["content-type"]
    assert index.status_code == 404


def test_the_search_works_without_a_service(driver: Driver, installed: dict[str, Any]) -> None:
    page, index = ask(driver, "/search", "/search-index.json")
    assert page.status_code == 200
    assert "algolia" not in page.text.lower()
    assert "Run Kafka" in index.text


def test_an_unchanged_source_builds_and_writes_nothing(
    driver: Driver, installed: dict[str, Any]
) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "docs") == []


def test_below_a_path_with_slashes_there_is_no_circle(
    driver: Driver, installed: dict[str, Any], markdown: Path
) -> None:
    moved = driver.skill(
        "run",
        NAME,
        "--set",
        f"source={markdown}",
        "--set",
        "base_url=/manual/",
        "--set",
        "trailing_slash=always",
        "--set",
        "heading=Start here",
        "--set",
        "text=The guide",
    )
    assert moved["changed"] is True
    assert moved["outputs"]["url"].endswith("/manual/")
    root, bare, page, once, outside = ask(
        driver, "/", "/manual", "/manual/guide/first/", "/manual/guide/first?a=b", "/index.html"
    )
    assert (root.status_code, root.headers["location"]) == (302, "/manual/")
    assert (bare.status_code, bare.headers["location"]) == (301, "/manual/")
    assert page.status_code == 200
    assert (once.status_code, once.headers["location"]) == (301, "/manual/guide/first/?a=b")
    assert outside.status_code == 404


def test_a_broken_link_fails_the_build_with_page_and_link(
    driver: Driver, installed: dict[str, Any], markdown: Path
) -> None:
    page = markdown / "guide" / "first.md"
    page.write_text("# First steps\n\n[Nowhere](/not-there-at-all)\n")
    failed = driver.skill("run", NAME, code=1)
    assert failed["problem"]["code"] == "BUILD_FAILED"
    shown = "\n".join([failed["problem"]["cause"], *failed["problem"]["evidence"]])
    assert "/guide/first" in shown
    assert "/not-there-at-all" in shown
    assert driver.skill("verify", NAME)["status"] == "ready"


def test_a_registry_that_refuses_the_push_is_named(
    driver: Driver, installed: dict[str, Any]
) -> None:
    with serve({}) as address:
        registry = address.removeprefix("http://") + "/team"
        failed = driver.skill(
            "run",
            NAME,
            "--set",
            f"source={DOCS}",
            "--set",
            "title=skill",
            "--set",
            "base_url=",
            "--set",
            "trailing_slash=",
            "--registry",
            registry,
            code=1,
        )
    assert failed["problem"]["code"] == "BUILD_FAILED"
    assert f"{registry} did not take {registry}/docusaurus-deploy:" in failed["problem"]["cause"]
    assert driver.skill("verify", NAME)["status"] == "ready"


@pytest.mark.parametrize(
    ("make", "words"),
    [("nothing", "no package.json and no Markdown"), ("huge", "2,048 MiB, at most 256 MiB")],
)
def test_a_source_that_cannot_be_built_is_refused_before_anything_is_touched(
    driver: Driver, tmp_path: Path, make: str, words: str
) -> None:
    if make == "huge":
        (tmp_path / "a.md").write_text("# A\n")
        with (tmp_path / "film.mp4").open("wb") as file:
            file.truncate(2 << 30)
    refused = driver.skill("run", NAME, "--name", "refused", "--set", f"source={tmp_path}", code=2)
    assert words in refused["problem"]["cause"]
    assert refused["changed"] is False


def test_remove_leaves_nothing(driver: Driver, untouched: set[str]) -> None:
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
