"""Find values that a Helm chart prints raw into YAML, where a line break in one is a new object.

Helm prints text and knows nothing of YAML, so each action must end in what makes its value one
scalar: `quote`, `toJson`. Blocks go through `nindent`, from `toYaml`, from a file of the chart, or
from a named template, which is then held to the same rule; one that is only ever quoted is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(  # within an action, up to its `}}`
    r"""(?s)"(?:\\.|[^"\\])*+"|`[^`]*+`|'(?:\\.|[^'\\])*+'|/\*(?:[^*]|\*(?!/))*+\*/"""
    r"""|[^"`'}/]++|/|\}(?!\})"""
)
_CONTROL: Final = re.compile(
    r"/\*|(if|else|end|range|with|define|block|break|continue)\b|\$\w*\s*(,\s*\$\w+\s*)?:?="
)
_DEFINE: Final = re.compile(r'define\s+"([^"]+)"')
_INCLUDE: Final = re.compile(r'\binclude\s+"([^"]+)"')
_SCALAR: Final = frozenset({"quote", "toJson", "mustToJson"})
_INDENTED: Final = frozenset({"toYaml", "mustToYaml", "include", ".Files.Get", "$.Files.Get"})
_BEFORE: Final = re.compile(r"(^\s*|[\[{]\s*|[:,-]\s+)$")  # where a whole scalar may begin
_AFTER: Final = re.compile(r"\s*($|[,\]}]|:\s|:$)|\s+#")  # and end
REMEDY: Final = "end it in `| quote` or `| toJson`, or in `nindent` for a block"


@dataclass(frozen=True, slots=True, order=True)
class Raw:
    """One action that prints a value raw: the file within the chart, its line, and why."""

    file: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class _Action:
    code: str
    define: str  # the named template that it is in; empty at the top of a file
    line: int
    before: str  # the text of its line before and after it
    after: str


def raw_interpolations(chart: Path) -> tuple[Raw, ...]:
    """Every raw value in the templates of a chart's folder, without those of its dependencies."""
    files = {
        path.relative_to(chart).as_posix(): tuple(_actions(path.read_text("utf-8")))
        for path in sorted((chart / "templates").rglob("*"))
        if path.suffix in (".yaml", ".yml", ".tpl", ".json")
    }
    blocks = _printed_as_blocks(files)
    return tuple(
        Raw(file, action.line, f"`{_shortened(action.code)}` {why}; {REMEDY}")
        for file, actions in files.items()
        for action in actions
        if (not action.define or action.define in blocks) and (why := _fault(action))
    )


def _actions(text: str) -> Iterator[_Action]:
    define, depth = "", 0
    for start, end, trims, code in _spans(text):
        if found := _DEFINE.match(code):
            define, depth = found[1], 0
        opened = re.match(r"(if|range|with|block|define)\b", code)
        depth += 1 if opened else -1 if re.match(r"end\b", code) else 0
        before = text[text.rfind("\n", 0, start) + 1 : start]
        before = before.rstrip() if trims else before
        after = text[end:].partition("\n")[0]
        line = text.count("\n", 0, start) + 1
        yield _Action(code, define, line, _without_actions(before), _without_actions(after))
        if depth == 0:
            define = ""


def _spans(text: str) -> Iterator[tuple[int, int, bool, str]]:
    """For each action its start, its end, whether it trims what is before it, and its code.

    Ends at an action that nothing closes, whose file Helm refuses: one pass over the text.
    """
    start = text.find("{{")
    while start >= 0:
        end = start + 2
        while not text.startswith("}}", end):
            token = _TOKEN.match(text, end)
            if token is None:
                return
            end = token.end()
        inside = text[start + 2 : end]
        code = inside.removeprefix("-").strip().removesuffix("-").strip()
        yield start, end + 2, inside.startswith("-"), code
        start = text.find("{{", end + 2)


def _without_actions(text: str) -> str:
    """Control actions print nothing; another one is a value."""
    kept, last = "", 0
    for start, end, _trims, code in _spans(text):
        kept += text[last:start] + ("" if _CONTROL.match(code) else "0")
        last = end
    return kept + text[last:]


def _printed_as_blocks(files: Mapping[str, tuple[_Action, ...]]) -> frozenset[str]:
    """The named templates whose text becomes YAML, because some action does not quote it."""
    found: set[str] = set()
    for actions in files.values():
        for action in actions:
            if not _CONTROL.match(action.code) and not _is_scalar(action.code):
                found.update(_INCLUDE.findall(action.code))
    return frozenset(found)


def _is_scalar(code: str) -> bool:
    parts = _pipeline(code)
    return _function(parts[-1]) in _SCALAR


def _fault(action: _Action) -> str:
    """Say why an action prints raw; empty when it does not."""
    code = action.code
    if not code or _CONTROL.match(code):
        return ""
    parts = _pipeline(code)
    last = parts[-1].split()
    if _function(parts[-1]) in _SCALAR:
        whole = _BEFORE.search(action.before) and _AFTER.match(action.after)
        return "" if whole else "is only a part of its value"
    if last[0] in ("nindent", "indent") and len(last) == 2:
        if last[0] == "indent" and len(action.before) != 0:
            return "is indented from the middle of a line"
        inner = [part for part in parts[:-1] if part != "trim"]
        made = _function(inner[-1]) if inner else ""
        return "" if made in _INDENTED | _SCALAR else "indents a value that is not YAML"
    return "prints its value as it is"


def _function(part: str) -> str:
    return part.split(None, 1)[0].lstrip("(") if part.strip() else ""


def _pipeline(code: str) -> list[str]:
    """The parts of a pipeline, split where `|` is outside of texts and parentheses."""
    parts, depth = [""], 0
    for token in re.findall(r'"(?:\\.|[^"\\])*"|`[^`]*`|[^"`]', code, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == "|" and depth == 0:  # noqa: S105 - a token of a template
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts]


def _shortened(code: str) -> str:
    text = " ".join(code.split())
    return text if len(text) <= 60 else text[:59] + "…"
