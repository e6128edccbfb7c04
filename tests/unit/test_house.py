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


def handed_over(helper: ast.AST, call: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Tell whether a helper's lines could not stand at its call: it is called for each of many, by
    somebody else, or as a coroutine or a generator that somebody else runs."""
    runs_itself = isinstance(helper, ast.FunctionDef) or isinstance(parents[call], ast.Await)
    makes_many = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(helper))
    around = call
    while not isinstance(around, ast.stmt):
        if isinstance(around, ast.comprehension | ast.Lambda | ast.ListComp | ast.GeneratorExp):
            return True
        if isinstance(around, ast.SetComp | ast.DictComp):
            return True
        around = parents[around]
    return makes_many or not runs_itself


def lines_of_their_caller(tree: ast.Module) -> list[str]:
    """Private functions of at most five lines, called once, where these lines could stand."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    uses: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            uses.setdefault(node.id, []).append(node)
    found = []
    for each in tree.body:
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) or each.decorator_list:
            continue
        assert each.end_lineno is not None
        at = uses.get(each.name, [])
        if each.name[0] != "_" or len(at) != 1 or each.end_lineno - each.lineno >= 5:
            continue
        call = parents[at[0]]
        called = isinstance(call, ast.Call) and call.func is at[0]
        if called and not handed_over(each, call, parents):
            found.append(each.name)
    return found


def test_few_helpers_are_lines_of_their_only_caller() -> None:
    """One whose name explains may stay; the others only make the reader jump."""
    source = trees(("skill_runner",))
    found = [f"{name}: {each}" for name, _, tree in source for each in lines_of_their_caller(tree)]
    assert len(found) <= 48, found


def test_a_helper_of_one_caller_is_counted() -> None:
    text = "def _a(x):\n    return x\n\ndef b():\n    return _a(1)\n"
    assert lines_of_their_caller(ast.parse(text)) == ["_a"]
    each = "def _a(x):\n    return x\n\ndef b():\n    return [_a(x) for x in (1, 2)]\n"
    assert lines_of_their_caller(ast.parse(each)) == []
