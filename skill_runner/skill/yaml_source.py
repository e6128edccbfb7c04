"""YAML text into plain data, with the line of every value: safe, bounded, as JSON has it.

YAML 1.2's core schema: only `true` and `false` are booleans, `no`, `22:30` and dates stay text.
No tags, no duplicate keys, no merge keys; size, depth and aliases are bounded, so that no file can
make a runner build more than it could read. Built from PyYAML's events; nothing is recursive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]
Scalar = Callable[[str, bool], Any]  # (text, written plain) -> value

MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 64
_TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels"

_INT = re.compile(r"[-+]?[0-9]{1,30}")
_RADIX = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"(?=.*[.eE])[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[Mapping[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a text, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


START: Final = Mark(1, 1)


class YamlFault(ValueError):
    """The text is not YAML, or not the YAML that is allowed here."""

    def __init__(self, mark: Mark, message: str) -> None:
        super().__init__(f"{mark}: {message}")
        self.mark = mark
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its data, where each value is, and faults that did not stop the reading."""

    data: Any
    marks: Mapping[Path, Mark]
    faults: tuple[YamlFault, ...] = ()

    def mark(self, path: Path) -> Mark:
        """Return where the value of `path` is, or the nearest enclosing value that is there."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.marks:
                return self.marks[path[:end]]
        return START


def core(text: str, plain: bool) -> Any:
    """The value of a scalar by YAML 1.2's core schema; what JSON cannot hold stays text."""
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _RADIX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def read(
    text: str,
    *,
    scalar: Scalar = core,
    key: Callable[[str], str] = str,
    max_bytes: int = MAX_BYTES,
    max_nodes: int = MAX_NODES,
) -> tuple[Document, ...]:
    """Every document of `text`. `scalar` and `key` turn what is written into values and keys.

    Raises YamlFault for what stops the reading: syntax, tags, merge keys, a bound that is passed.
    """
    if len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise YamlFault(START, f"the text is larger than {max_bytes:,} bytes")
    return tuple(_documents(text, scalar, key, max_nodes))


def read_one(text: str) -> Document:
    """The only document of `text`; YamlFault when there are more."""
    documents = read(text)
    if len(documents) > 1:
        raise YamlFault(documents[1].mark(()), "expected one document, found another after `---`")
    return documents[0] if documents else Document(None, {})


def _documents(
    text: str, scalar: Scalar, key: Callable[[str], str], max_nodes: int
) -> Iterator[Document]:
    build = _Builder(scalar, key, max_nodes)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            build.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield Document(build.data, build.marks, tuple(build.faults))
                build = _Builder(scalar, key, max_nodes)
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        mark = Mark(where.line + 1, where.column + 1) if where else START
        raise YamlFault(mark, _explained(error.problem or "not YAML")) from None
    except yaml.YAMLError as error:  # the reader's: a character that YAML forbids
        raise YamlFault(START, str(error).splitlines()[0]) from None


def _explained(problem: str) -> str:
    if "maximum nesting depth" in problem:  # libyaml reads ahead, and has a limit of its own
        return _TOO_DEEP
    remedy = {
        "found character that cannot start any token": "indent with spaces, and quote text that "
        "starts with @, ` or %",
        "mapping values are not allowed in this context": "quote text that holds ': ', and check "
        "the indentation",
        "did not find expected key": "check the indentation of this line and the one before",
        "could not find expected ':'": "a key needs a colon and a space",
    }.get(problem)
    return f"{problem}; {remedy}" if remedy else problem


@dataclass(slots=True)
class _Frame:
    """An open mapping or list; `key` is the mapping's key whose value comes next."""

    container: dict[str, Any] | list[Any]
    path: Path
    mark: Mark
    anchor: str | None
    before: int
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    scalar: Scalar
    key: Callable[[str], str]
    max_nodes: int
    data: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    faults: list[YamlFault] = field(default_factory=list)
    stack: list[_Frame] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    weight: int = 0  # values built so far, each alias counted as all that it repeats

    def take(self, event: yaml.Event) -> None:
        start = event.start_mark
        mark = Mark(start.line + 1, start.column + 1) if start else START
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event, mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, mark)

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        self._refuse_tag(event.tag, mark)
        plain = not event.style
        if self._wants_key():
            if plain and event.value == "<<":
                raise YamlFault(mark, "merge keys (<<) are not allowed; write the keys out")
            self._take_key(self.key(event.value), mark)
            return
        self._count(1, mark)
        value = self.scalar(event.value, plain)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._place(value, mark)

    def _open(self, event: yaml.CollectionStartEvent, mark: Mark) -> None:
        self._refuse_tag(event.tag, mark)
        self._refuse_complex_key(mark)
        if len(self.stack) >= MAX_DEPTH:
            raise YamlFault(mark, _TOO_DEEP)
        self._count(1, mark)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(value, mark)
        self.stack.append(_Frame(value, path, mark, event.anchor, self.weight - 1))

    def _close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.container, self.weight - done.before)

    def _alias(self, name: str | None, mark: Mark) -> None:
        self._refuse_complex_key(mark)
        if name is None or name not in self.anchors:
            raise YamlFault(mark, f"the alias *{name} has no complete anchor before it")
        value, weight = self.anchors[name]
        self._count(weight, mark)
        self._place(value, mark)

    def _wants_key(self) -> bool:
        return bool(
            self.stack and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None
        )

    def _take_key(self, key: str, mark: Mark) -> None:
        frame = self.stack[-1]
        frame.key = key
        path = (*frame.path, key)
        if key in frame.container:
            first = self.marks[path].line
            self.faults.append(YamlFault(mark, f"the key '{key}' is there already (line {first})"))
        else:
            self.marks[path] = mark

    def _place(self, value: Any, mark: Mark) -> Path:
        if not self.stack:
            self.data, self.marks[()] = value, mark
            return ()
        frame = self.stack[-1]
        if isinstance(frame.container, list):
            path: Path = (*frame.path, len(frame.container))
            frame.container.append(value)
            self.marks[path] = mark
            return path
        assert frame.key is not None
        frame.container[frame.key] = value
        path, frame.key = (*frame.path, frame.key), None
        return path

    def _count(self, weight: int, mark: Mark) -> None:
        self.weight += weight
        if self.weight > self.max_nodes:
            raise YamlFault(mark, f"more than {self.max_nodes:,} values, aliases expanded")

    def _refuse_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None:
            raise YamlFault(mark, f"the tag {tag[:40]} is not allowed; write plain YAML")

    def _refuse_complex_key(self, mark: Mark) -> None:
        if self._wants_key():
            raise YamlFault(mark, 'a key must be text; a template is written in quotes: "{{ … }}"')
