from __future__ import annotations

import io

from rich.console import Console

from skill_runner.cli.cluster_display import QUIET, Lines
from skill_runner.progress import Amount, Line, Note

MEBIBYTE = 1024**2


def test_lines_tell_how_far_the_work_is_only_after_a_silence() -> None:
    now, out = [0.0], io.StringIO()
    lines = Lines(Console(file=out, width=40), verbose=False, clock=lambda: now[0])
    lines(Note("building kube 1.37.2 from its Go modules, which takes longer than one line"))
    for moment in (1.0, QUIET, QUIET + 1, 2 * QUIET):
        now[0] = moment
        lines(Amount("build kube", moment, None, "packages"))
    lines(Line("go: kube", "not shown"))
    now[0] += QUIET
    lines(Amount("download kubelet", MEBIBYTE, 4.0 * MEBIBYTE))
    assert out.getvalue().splitlines() == [
        "building kube 1.37.2 from its Go modules, which takes longer than one line",
        "build kube (15 packages)",
        "build kube (30 packages)",
        "download kubelet (1 MiB of 4 MiB)",
    ]
