"""The house rules that no linter knows: short files and functions, docstrings that begin well."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.support.paths import ROOT

OPENINGS = frozenset({"What", "Whether", "Which", "Of"})
PLACES = ("skill_runner", "skills", "templates/skill")
# Folders of skills that tests play: they are no packages, and still files that people read.
EVERYWHERE = (*PLACES, "tests", "evals", "bench")


@cache
def parsed(place: str) -> tuple[tuple[str, str, ast.Module], ...]:
    files = sorted((ROOT / place).rglob("*.py"))
    texts = [(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in files]
    return tuple((name, text, ast.parse(text)) for name, text in texts)


def trees(places: tuple[str, ...] = PLACES) -> list[tuple[str, str, ast.Module]]:
    return [tree for place in places for tree in parsed(place)]


def test_no_file_is_longer_than_350_lines() -> None:
    lengths = {name: len(text.splitlines()) for name, text, _ in trees(EVERYWHERE)}
    assert len(lengths) > 700
    assert {name: count for name, count in lengths.items() if count > 350} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    long = {}
    for name, _, tree in trees(EVERYWHERE):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                if lines > 40:
                    long[f"{name}: {node.name}"] = lines
    assert long == {}


def test_formatting_is_the_formatters() -> None:
    assert [name for name, text, _ in trees(EVERYWHERE) if re.search(r"#\s*fmt:", text)] == []


def test_docstrings_begin_with_a_verb_or_name_the_thing() -> None:
    openings = [
        (found.split()[0].strip("`*"), f"{name}: {found.splitlines()[0]}")
        for name, _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module)
        and (found := ast.get_docstring(node))
    ]
    riddles = [line for word, line in openings if word in OPENINGS]
    assert len(riddles) < 0.03 * len(openings), riddles
