"""Markdown for a pull request or a job's summary: the result first, then what it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from skill_runner.outcome.words import words_of
from skill_runner.reports.finished import Case, Finished, cases

_MARKS: Final = {"passed": "✅", "failed": "❌", "skipped": "➖"}
# What Markdown, or the HTML that it may hold, would take for markup; and @ and # which GitHub
# turns into mentions and references.
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()<>#|~@$&])")
_LONGEST: Final = 60  # cases that a table shows; a comment of GitHub's holds 65,536 characters


def markdown(finished: Finished) -> str:
    """The document for GitHub's flavour of Markdown, at most about 30 KB."""
    document = finished.document
    mark = _MARKS[finished.state]
    lines = [f"### {mark} {plain(finished.about)}: {plain(str(document['status']))}", ""]
    if finished.problem is not None:
        lines += _problem(finished.problem)
    cluster = document["cluster"].get("context", "")
    facts = [f"{document['seconds']:g} s", *([f"cluster {plain(cluster)}"] if cluster else [])]
    facts += [f"run {code(document['run'])}"] if document["run"] else []
    lines += [" · ".join(facts), ""]
    lines += _installations(document.get("skills", ()))
    lines += _cases(cases(finished))
    outputs = document["outputs"].items()
    lines += _listed("Outputs", (f"{code(key)}: {code(words_of(each))}" for key, each in outputs))
    lines += _listed("Notes", map(plain, document.get("notes", ())))
    return "\n".join(lines).rstrip() + "\n"


def plain(text: str) -> str:
    """Text on one line that means nothing to Markdown; at most 500 characters of it."""
    return _MARKUP.sub(r"\\\1", _line(text))


def code(text: str) -> str:
    """Text as a span of code, whatever it holds."""
    inner = _line(text)
    fence = "`" * (max(map(len, re.findall("`+", inner)), default=0) + 1)
    pad = " " if "`" in inner else ""
    return f"{fence}{pad}{inner}{pad}{fence}" if inner else ""


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 500 else f"{flat[:499]}…"


def _problem(problem: Mapping[str, Any]) -> list[str]:
    where = f" in {code(problem['resource'])}" if problem["resource"] else ""
    lines = [f"**{plain(problem['code'])}**{where}: {plain(problem['cause'])}", ""]
    if problem["evidence"]:
        evidence = "\n".join(problem["evidence"])
        fence = "`" * max(3, max(map(len, re.findall("`+", evidence)), default=0) + 1)
        lines += [f"{fence}text", *map(_line, problem["evidence"]), fence, ""]
    if problem.get("fix"):
        lines += [f"**Fix:** {plain(problem['fix'])}", ""]
    for action in problem["next"]:
        why = f" ({plain(action['why'])})" if action.get("why") else ""
        lines.append(f"- {code(action['run'])}{why}")
    return [*lines, ""]


def _installations(skills: Iterable[Mapping[str, Any]]) -> list[str]:
    rows = [
        f"| {plain(s['installation'])} | {plain(s['skill'])} {plain(s['version'])} "
        f"| {plain(s['status'])} | {s['seconds']:g} | {_cell(s.get('message', ''))} |"
        for s in skills
    ]
    if not rows:
        return []
    return ["| installation | skill | state | seconds | |", "|---|---|---|---|---|", *rows, ""]


def _cases(every: tuple[Case, ...]) -> list[str]:
    shown = [case for case in every if case.kind != "result"]
    shown.sort(key=lambda case: case.state != "failed")  # failures first, else as they ran
    rows = [
        f"| {_MARKS[case.state]} | {plain(case.installation)} | {case.kind} {plain(case.name)} "
        f"| {case.seconds:.1f} | {_cell(case.message)} |"
        for case in shown[:_LONGEST]
    ]
    if not rows:
        return []
    more = len(shown) - len(rows)
    head = ["| | installation | what | seconds | |", "|---|---|---|---|---|"]
    return [
        f"<details><summary>{len(shown)} steps, objects and proofs</summary>",
        "",
        *head,
        *rows,
        *([f"| | | {more} more | | |"] if more else []),
        "",
        "</details>",
        "",
    ]


def _cell(text: str) -> str:
    return plain(text[:200])


def _listed(title: str, items: Iterable[str]) -> list[str]:
    lines = [f"- {item}" for item in items]
    return [f"**{title}**", "", *lines, ""] if lines else []
