"""The runs of a comparison as a table, and what they come to as ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Run:
    """One tool on one scenario. `named` is None where there is no fault to name."""

    scenario: str
    tool: str
    seconds: float
    correct: bool
    healthy: bool
    named: bool | None
    printed: int


def print_scenarios(console: Console, runs: Sequence[Run], tools: Sequence[str]) -> None:
    """Seconds to the verdict, with its faults; then the sums and the ratios."""
    table = Table("scenario", *tools, title="Seconds to a verdict (✗ wrong, c names the cause)")
    for name in dict.fromkeys(run.scenario for run in runs):
        mine = {run.tool: run for run in runs if run.scenario == name}
        table.add_row(name, *(_cell(mine[tool]) for tool in tools if tool in mine))
    console.print(table)
    console.print(_sums(runs, tools))


def _cell(run: Run) -> str:
    mark = "" if run.correct else " ✗"
    return f"{run.seconds:.1f}{mark}{' c' if run.named else ''}"


def _sums(runs: Sequence[Run], tools: Sequence[str]) -> Table:
    table = Table("", *tools, title="In sum")
    of = {tool: [run for run in runs if run.tool == tool] for tool in tools}
    faults = {tool: [run for run in of[tool] if not run.healthy] for tool in tools}
    healthy = {tool: [run for run in of[tool] if run.healthy] for tool in tools}
    rows: dict[str, Callable[[str], object]] = {
        "right verdicts": lambda t: f"{sum(r.correct for r in of[t])} of {len(of[t])}",
        "faults called ready": lambda t: sum(not r.correct for r in faults[t]),
        "healthy ones failed": lambda t: sum(not r.correct for r in healthy[t]),
        "names the cause": lambda t: f"{sum(bool(r.named) for r in faults[t])} of {len(faults[t])}",
        "faults told within 30 s": lambda t: sum(r.correct and r.seconds < 30 for r in faults[t]),
        "median s to tell a fault": lambda t: f"{_median([r.seconds for r in faults[t]]):.1f}",
        "sum of s, all faults": lambda t: f"{sum(r.seconds for r in faults[t]):.0f}",
        "median s, healthy": lambda t: f"{_median([r.seconds for r in healthy[t]]):.1f}",
        "median bytes printed": lambda t: f"{_median([r.printed for r in of[t]]):.0f}",
    }
    for name, figure in rows.items():
        table.add_row(name, *(str(figure(tool)) for tool in tools))
    base = _median([r.seconds for r in faults[tools[0]]])
    ratios = (_median([r.seconds for r in faults[t]]) / base if base else 0 for t in tools)
    table.add_row("ratio of the medians (faults)", *(f"{ratio:.1f}" for ratio in ratios))
    return table


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0
