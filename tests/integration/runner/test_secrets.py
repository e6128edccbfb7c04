"""No artefact of a run holds a secret, however it is written; on a real cluster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from skill_runner.objects import Ref
from skill_runner.text.redact import encodings
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver
from tests.support.paths import TINY

NAME = "tiny-web"
SECRET = 'p4ss"word&/with %everything\\ä'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny skill outside of the library, with hooks that tell everything they know."""
    folder = Path(shutil.copytree(TINY / NAME, tmp_path_factory.mktemp("own") / NAME))
    text = (folder / "hooks.py").read_text()
    text = text.replace(
        'return "done"',
        'ctx.note(f"the password is {ctx.inputs}"); return str(ctx.inputs)',
    )
    (folder / "hooks.py").write_text(text)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _removed(driver: Driver) -> Iterator[None]:
    yield
    driver.skill("remove", NAME, "--yes", "--purge")


def test_a_run_tells_no_secret(driver: Driver, hands: Hands, folder: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"password": SECRET}))
    said = ""
    for arguments in (
        ["run", str(folder), "--values", str(values), "-v", "-o", "jsonl"],
        ["run", str(folder), "--set", "hang=everywhere", "--values", str(values), "-o", "json"],
        ["run", str(folder), "--set", "container=Not a name", "-o", "jsonl"],
        ["run", str(folder), "--set", "container=localhost/test-busybox:1", "-v"],
        ["plan", str(folder), "-o", "json"],
        ["verify", NAME, "--skills", str(folder.parent)],
        ["why", NAME],
        ["status", "-o", "json"],
    ):
        child = driver.start(*arguments)
        out, err = child.communicate()
        said += out + err
    kept = hands.get(Ref("v1", "ConfigMap", f"skill-runner.{NAME}", "tiny"))
    assert kept is not None
    files = [p for p in driver.state.rglob("*") if p.is_file()]
    assert any(p.name == "events.jsonl" for p in files)
    everything = said + json.dumps(kept) + "".join(p.read_text() for p in files)
    assert "the password is" in everything
    for form in encodings(SECRET):
        assert form not in everything
    login = hands.get(Ref("v1", "Secret", f"{NAME}-login", "tiny"))
    assert login is not None
    assert login["data"]["password"] in encodings(SECRET)


def test_what_was_run_by_path_is_verified_by_name_only_where_it_is_trusted(
    driver: Driver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKILL_PATH")
    refused = driver.skill("verify", NAME, code=2)
    assert f"--skills {folder.parent}" in " ".join(refused["notes"])
    verified = driver.skill("verify", NAME, "--skills", str(folder.parent))
    assert verified["proof"]["says"].startswith("passed")
