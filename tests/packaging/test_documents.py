"""Commands that need no cluster, as pages write them: from a wheel, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.documents import FOLLOWED, runs_offline
from tests.support.installed import build_release, make_environment
from tests.support.pages import ROOT, shell_lines, written_pages

pytestmark = pytest.mark.heavy

PAGES = [
    page
    for page in written_pages()
    if page.relative_to(ROOT).as_posix() not in FOLLOWED
    and any(runs_offline(line) for line in shell_lines(page))
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds nothing but the wheel."""
    folder = tmp_path_factory.mktemp("documents")
    return make_environment(folder / "empty", build_release(folder).wheel)


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """The words before a command that leave it no network."""
    for words in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], check=False).returncode == 0
        ):
            return words
    pytest.skip("no network namespace can be made here")


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_commands_of_a_page_run_offline(
    page: Path, programs: Path, alone: list[str], tmp_path: Path
) -> None:
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "LANG": "C.UTF-8",
    }
    for line in shell_lines(page):
        if not runs_offline(line):
            continue
        done = subprocess.run(
            [*alone, "bash", "-c", line.text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line.where}\n{done.stdout}{done.stderr}"
