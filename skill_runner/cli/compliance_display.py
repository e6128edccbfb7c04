"""An audit for a person: failures first, each with its evidence and its remedy, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDTH: Final = 80
_EVIDENCE: Final = 5  # pieces of it for each rule
_MARKS: Final = {
    "fail": ("✗", "bold red"),
    "unknown": ("?", "yellow"),
    "pass": ("✓", "green"),
    "not applicable": ("-", "dim"),
}


def show(document: Mapping[str, Any], console: Console, *, full: bool) -> None:
    """Print the whole document; without `full` some evidence of each rule."""
    console.print(_head(document))
    if document["checklist"]:
        console.print(_checklist(document["checklist"]))
    console.print()
    for rule in document["rules"]:
        console.print(_rule_line(rule))
        for line, style in _details(rule, None if full else _EVIDENCE):
            console.print(Padding(Text(line, style, overflow="fold"), (0, 0, 0, 4)))
    for warning in document["warnings"]:
        console.print(Text(f"warning: {warning}", "yellow", overflow="fold"))


def _head(document: Mapping[str, Any]) -> Text:
    good = document["exit_code"] == 0
    counts = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in document["counts"].items())
    spaces = document["namespaces"]
    where = "all namespaces" if spaces == "all" else ", ".join(spaces)
    words = f"{document['governance']}: {counts}; {document['objects']} objects of {where}"
    return Text(words, "bold green" if good else "bold red", overflow="fold")


def _checklist(questions: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 1))
    for asks, status in questions.items():
        mark, style = _MARKS[status]
        table.add_row(Text(f"  {mark}", style), Text(asks, overflow="fold"), Text(status, style))
    return table


def _rule_line(rule: Mapping[str, Any]) -> Table:
    mark, style = _MARKS[rule["status"]]
    warns = " (warning)" if rule["status"] == "fail" and rule["severity"] == "warning" else ""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    looked = f"{rule['looked']} looked at" if rule["looked"] else rule["status"]
    table.add_row(Text(mark, style), Text(rule["title"] + warns, style), Text(looked, "dim"))
    return table


def _details(rule: Mapping[str, Any], most: int | None) -> Iterator[tuple[str, str]]:
    if rule["status"] not in ("fail", "unknown"):
        return
    if section := rule.get("section"):
        yield f"{rule['rule']}; {section}", "dim"
    if rule["status"] == "unknown":
        yield f"why: {rule.get('why', '')}", ""
    evidence = rule.get("evidence", [])
    for each in evidence[:most]:
        yield f"{each['object']}: {each['message']}", ""
        value = f" = {each['value']}" if each.get("value") else ""
        who = f", by {each['who']}" if each.get("who") else ""
        when = f", {each['when']}" if each.get("when") else ""
        yield f"  {each['field']}{value}{who}{when}", "dim"
    if more := len(evidence) - len(evidence[:most]):
        yield f"… and {more} more (--full)", "dim"
    for each in rule.get("excused", [])[:most]:
        yield f"excused: {each['object']}: {each['reason']}", "dim"
    yield f"fix: {rule.get('remedy', '')}", "cyan"
