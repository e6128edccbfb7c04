"""nextjs-k8s-deploy on a real cluster: our starter, updated under traffic, and what goes wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.objects import Ref
from skill_runner.plan import Installation
from skill_runner.skill.shipped import shipped
from tests.support.driver import Driver
from tests.support.paths import DATA
from tests.support.traffic import during
from tests.support.web import (
    archive_of,
    ask,
    assert_a_browser_saw,
    assert_told_of_the_build,
    digests,
)

pytestmark = pytest.mark.cluster

NAME = "nextjs-k8s-deploy"
STARTER = Installation("web", NAME)
WORDS = "What will you learn today?"
SMALL = Installation("web", "small")
SMALL_SOURCE = DATA / "next-pnpm"
PASSWORD = "kept-out-of-every-layer-4711"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next") / "app"
    shutil.copytree(
        shipped("templates") / "nextjs-app",
        folder,
        ignore=shutil.ignore_patterns("node_modules", ".next"),
    )
    return folder


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    before = driver.objects()
    yield before
    for left in driver.skill("status")["installations"]:
        if left["skill"] == NAME:
            name = left["installation"].rpartition("/")[2]
            driver.skill("remove", name, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str], source: Path) -> dict[str, Any]:
    return driver.skill(
        "run",
        NAME,
        "--set",
        f"source={source}",
        "--set",
        f"text={WORDS}",
        "--set",
        f"heading={WORDS}",
        "--set",
        "public_env={NEXT_PUBLIC_FOOTER: Made by a test}",
    )


@pytest.fixture(scope="module")
def elsewhere(driver: Driver, installed: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A run that waits for a port that nothing listens on: two minutes, while other tests run."""
    run = driver.start(
        "run",
        NAME,
        "--name",
        "elsewhere",
        "--set",
        "namespace=elsewhere",
        "--set",
        "replicas=1",
        "--set",
        f"image={installed['outputs']['image']}",
        "--set",
        "port=4000",
        "--set",
        "env={PORT: '3000'}",
        "--set",
        "start_seconds=5",
        "-o",
        "json",
    )
    yield run
    run.terminate()  # it releases its lock
    run.communicate()


def change(source: Path, name: str, old: str, new: str) -> None:
    path = source / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_browser_saw_it(installed: dict[str, Any], elsewhere: subprocess.Popen[str]) -> None:
    proof = installed["proof"]["pages"]
    assert "200 and 404 through the Service from inside" in proof
    assert_a_browser_saw(proof, "1 pages and followed a link to /about")
    assert_told_of_the_build(installed, r"skill\.local/\S+ \(\d+ MiB\)", r"loaded in [\d.]+ s")


def test_an_unchanged_source_builds_and_writes_nothing(
    driver: Driver, installed: dict[str, Any]
) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert again["outputs"]["image"] == installed["outputs"]["image"]
    if driver.audit_log:
        assert driver.writes_since(position, "web") == []


def test_where_there_is_no_browser_the_proof_says_so(
    driver: Driver, installed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILL_BROWSER", "none")
    proof = driver.skill("run", NAME, "--prove")["proof"]["pages"]
    assert "200 and 404 through the Service from inside" in proof
    assert "browser skipped: no Chromium on this machine" in proof


def test_an_update_drops_nothing(driver: Driver, installed: dict[str, Any], source: Path) -> None:
    words = "What is new today?"
    change(source, "app/page.tsx", WORDS, words)
    change(source, "components/lessons.tsx", "No lessons:", "There are no lessons:")
    change(source, "app/style.css", "1.9rem", "1.8rem")
    done, seen = during(
        driver,
        lambda: driver.skill("run", NAME, "--set", f"text={words}", "--set", f"heading={words}"),
        image=installed["outputs"]["image"],
        installation=STARTER,
        words=words,
    )
    assert done["status"] == "ready"
    assert (seen.failed, seen.failures) == (0, [])
    assert min(seen.old, seen.new) > 0, "pages of both versions were served meanwhile"
    assert seen.kept > 0, "assets of the old version were asked of pods of the new one alone"
    assert seen.sentOn > 0, "clients were sent to another connection before their pod ended"


def test_a_type_error_is_shown_with_its_line(
    driver: Driver, installed: dict[str, Any], source: Path
) -> None:
    right, wrong = "const PATIENCE = 5000;", 'const PATIENCE: number = "5000";'
    change(source, "lib/backend.ts", right, wrong)
    failed = driver.skill("run", NAME, code=1)
    change(source, "lib/backend.ts", wrong, right)
    assert failed["problem"]["code"] == "BUILD_FAILED"
    assert "lib/backend.ts" in failed["problem"]["cause"]
    assert "not assignable to type 'number'" in failed["problem"]["cause"]
    assert len(failed["problem"]["cause"].splitlines()) <= 11
    events = Path(failed["details"], "events.jsonl").read_text()
    assert "STEP" in events, "all of the build's output is in the run's folder"
    assert driver.skill("verify", NAME)["status"] == "ready"


def test_a_build_without_enough_memory_is_named(
    driver: Driver, installed: dict[str, Any], source: Path
) -> None:
    right, wrong = '"next build"', '"NODE_OPTIONS=--max-old-space-size=12 next build"'
    change(source, "package.json", right, wrong)
    failed = driver.skill("run", NAME, code=1)
    change(source, "package.json", wrong, right)
    assert failed["problem"]["code"] == "BUILD_FAILED"
    assert "ran out of memory" in failed["problem"]["cause"]
    assert "--max-old-space-size" in "\n".join(failed["notes"])


def test_a_page_that_throws_is_named(
    driver: Driver, installed: dict[str, Any], source: Path
) -> None:
    page = source / "app" / "broken" / "page.tsx"
    page.parent.mkdir()
    page.write_text(
        "export const dynamic = 'force-dynamic';\n"
        "export default function Broken() {\n  throw new Error('on purpose');\n}\n"
    )
    failed = driver.skill("run", NAME, "--set", "paths=[/, /broken]", code=1)
    assert failed["problem"]["code"] == "PROOF_FAILED"
    assert "/broken answers 500" in failed["problem"]["cause"]
    shutil.rmtree(page.parent)


@pytest.fixture(scope="module")
def small(
    driver: Driver, installed: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, str], dict[str, Any]]:
    """A project of pnpm with Next.js 15, and nothing in it for Kubernetes; its files before."""
    folder = tmp_path_factory.mktemp("small") / "app"
    shutil.copytree(SMALL_SOURCE, folder)
    (folder / ".env").write_text(f"PASSWORD={PASSWORD}\n")
    before = digests(folder)
    driver.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "small", "namespace": "web"},
            "stringData": {"answer": "from a Secret"},
        }
    )
    done = driver.skill(
        "run",
        NAME,
        "--name",
        SMALL.name,
        "--set",
        f"source={folder}",
        "--set",
        "replicas=1",
        "--set",
        "public_env={NEXT_PUBLIC_GREETING: Good morning}",
        "--set",
        "text=Good morning",
        "--set",
        "secrets={ANSWER: {secret: small, key: answer}}",
        "--set",
        "host=small.example",
    )
    return folder, before, done


def test_by_pnpm_with_what_is_missing_added_in_the_copy_alone(
    driver: Driver, small: tuple[Path, dict[str, str], dict[str, Any]]
) -> None:
    folder, before, done = small
    assert_told_of_the_build(
        done,
        "output: 'standalone' was added in the build's copy",
        "the health route /api/health was added in the build's copy",
    )
    assert digests(folder) == before
    page, health, robots = ask(driver, SMALL, 3000, "/", "/api/health", "/robots.txt")
    assert "Good morning" in page.text
    assert "from a Secret" in page.text
    assert page.headers["x-own"] == "kept"
    assert health.json() == {"status": "ok"}
    assert robots.text.startswith("User-agent")


def test_what_is_ignored_and_what_is_secret_is_in_no_layer(
    driver: Driver, small: tuple[Path, dict[str, str], dict[str, Any]]
) -> None:
    layers = archive_of(driver, small[2])
    assert b"Good morning" in layers, "what is in a layer is found there"
    for text in (PASSWORD.encode(), b"plans-of-tomorrow", b"from a Secret"):
        assert text not in layers


def test_a_port_that_it_does_not_listen_on_is_named(
    driver: Driver, elsewhere: subprocess.Popen[str]
) -> None:
    out, err = elsewhere.communicate()
    assert elsewhere.returncode == 1, err
    problem = json.loads(out)["problem"]
    assert problem["code"] == "PROBE_FAILING"
    assert ":4000/api/health" in problem["cause"]
    assert "connection refused" in problem["cause"]
    assert "nothing listens on that port" in problem["fix"]
    driver.skill("remove", "elsewhere", "--yes", "--purge")


def test_remove_leaves_nothing(
    driver: Driver, untouched: set[str], small: tuple[Path, dict[str, str], dict[str, Any]]
) -> None:
    driver.skill("remove", SMALL.name, "--yes", "--purge")
    driver.delete(Ref("v1", "Secret", "small", "web"))
    driver.skill("remove", NAME, "--yes", "--purge")
    assert driver.objects() == untouched
