"""Lines of a build tool, however long they are."""

from __future__ import annotations

import sys

import pytest

from skill_runner.images.process import WIDEST, ToolFailed, run_tool
from skill_runner.progress import Event, Line


def _program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


@pytest.mark.timeout(60)
async def test_a_line_of_megabytes_is_cut_and_the_next_is_whole() -> None:
    heard: list[Event] = []
    said = await run_tool(_program("print('x' * 5_000_000); print('done')"), report=heard.append)
    assert said.splitlines() == ["x" * WIDEST, "done"]
    assert [len(e.text) for e in heard if isinstance(e, Line)] == [WIDEST, 4]


async def test_a_last_line_without_an_end_is_heard() -> None:
    with pytest.raises(ToolFailed) as caught:
        await run_tool(
            _program("import sys; sys.stdout.write('a\\nerror: b'); sys.exit(3)"),
            report=lambda event: None,
        )
    assert (caught.value.status, caught.value.lines) == (3, ("a", "error: b"))
