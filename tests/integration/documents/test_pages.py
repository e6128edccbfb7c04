"""The pages that a newcomer follows, followed to the letter on a real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import FOLLOWED, is_followed
from tests.support.pages import ROOT, SHELL, Block, blocks, lines
from tests.support.testcluster import TestCluster


@pytest.mark.parametrize("page", sorted(FOLLOWED))
def test_a_page_works_as_it_is_written(
    page: str, test_cluster: TestCluster, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(test_cluster.kubeconfig),
        "SKILL_STATE_DIR": str(tmp_path_factory.mktemp("state")),
    }
    for block in blocks(ROOT / page):
        if block.language == SHELL:
            _run(block, tmp_path, environment)
        elif "title" in block.marks():
            _write(block, tmp_path)


def _run(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Run each line of a block as a shell would; `exit=1` in its info string expects that code."""
    _, _, code = block.meta.partition("exit=")
    for line in lines(block):
        if not is_followed(line):
            continue
        done = subprocess.run(
            ["bash", "-c", line.text],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == int(code or 0), f"{line.where}\n{done.stdout}{done.stderr}"


def _write(block: Block, folder: Path) -> None:
    """Write a block into its file: whole, at the end, behind a line, or in place of words."""
    marks = block.marks()
    file = folder / marks["title"]
    file.parent.mkdir(parents=True, exist_ok=True)
    if "append" in marks:
        written = f"{file.read_text('utf-8')}\n\n{block.text}"
    elif after := marks.get("after"):
        head, tail = _parted(file, after)
        rest, _, below = tail.partition("\n")
        written = f"{head}{after}{rest}\n{block.text}{below}"
    elif replaced := marks.get("replace"):
        head, tail = _parted(file, replaced)
        written = head + block.text.rstrip("\n") + tail
    else:
        written = block.text
    file.write_text(written, "utf-8")


def _parted(file: Path, words: str) -> tuple[str, str]:
    """Return the text of a file before and behind `words`, which it must hold once."""
    text = file.read_text("utf-8")
    assert text.count(words) == 1, f"{file.name} holds {text.count(words)} times: {words}"
    head, _, tail = text.partition(words)
    return head, tail
