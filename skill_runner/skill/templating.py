"""Templates and expressions of a skill into values, in Jinja's immutable sandbox.

No input can change the structure of a YAML template, because no input is ever part of the YAML
text: each `{{ … }}` prints an opaque token, the text is parsed with its tokens, and only then do
the values take their place, in the parsed data. A token that is a whole plain scalar becomes the
value with its type (text, number, list, mapping); one inside quotes, a block or a longer text
becomes part of that text. `| tojson` is thus never needed, and does no harm: alone it is the value,
inside text it is the JSON. Text made of printed output (macros, `{% set %}…`, `{% filter %}`) is
refused in every template, since values there would have gone by before they were printed.
"""

from __future__ import annotations

import hashlib
import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jinja2 import (
    StrictUndefined,
    TemplateAssertionError,
    TemplateError,
    TemplateSyntaxError,
    meta,
    nodes,
)
from jinja2.environment import Template
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from skill_runner.errors import SkillFileError
from skill_runner.skill.suggest import did_you_mean, nearest
from skill_runner.skill.yaml_source import YamlFault, core, read

MAX_BYTES: Final = 4_000_000  # of one rendered template

_REFUSED: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.AssignBlock: "set … endset",
}


def evaluate(source: str, context: Mapping[str, Any], where: str) -> bool:
    """The truth of a `when` expression; SkillFileError when it is neither true nor false."""
    try:
        result = _environment().compile_expression(source, False)(**context)
        if isinstance(result, StrictUndefined):
            str(result)  # raises, and says which name is undefined
    except Exception as error:
        raise _failed(where, source, error, context) from None
    if not isinstance(result, bool):
        raise SkillFileError(
            f"{where}: `{source}` must be true or false, it is {result!r}",
            hint="Compare, for example: mode == 'bundled'; or: topics | length > 0",
        )
    return result


def render_text(source: str, context: Mapping[str, Any], where: str) -> Any:
    """A template in a string: text, or the value itself where the whole string is one `{{ … }}`."""
    tokens = _Tokens(source, context)
    rendered = tokens.render(source, context, where)
    return tokens.value(rendered) if tokens.is_whole(rendered) else tokens.text(rendered)


def render_data(data: Any, context: Mapping[str, Any], where: str) -> Any:
    """Every string in nested data as a template (see render_text); keys stay as they are."""
    if isinstance(data, str):
        return render_text(data, context, where) if "{" in data else data
    if isinstance(data, Mapping):
        return {key: render_data(value, context, f"{where}.{key}") for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [render_data(item, context, f"{where}[{i}]") for i, item in enumerate(data)]
    return data


def render_yaml(source: str, context: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    """The documents of a YAML template, empty ones left out."""
    tokens = _Tokens(source, context)
    rendered = tokens.render(source, context, where)
    return _read(rendered, where, scalar=tokens.scalar, key=tokens.text, shown=tokens.plainly)


def read_yaml(source: str, where: str) -> tuple[Any, ...]:
    """The documents of a YAML file that is no template."""
    return _read(source, where)


def check_template(source: str, known: Mapping[str, Iterable[str] | None]) -> list[tuple[int, str]]:
    """Find what is wrong with a template before it is rendered, as (line, message).

    `known` maps the names that a template may use to their attributes (None: not looked at).
    """
    try:
        tree = _environment().parse(source)
    except TemplateSyntaxError as error:
        return [(error.lineno, f"the template does not compile: {error.message}")]
    unknown = _unknown_filters(tree)  # with one, Jinja cannot tell the names
    return [
        *(
            (node.lineno, f"{{% {_REFUSED[type(node)]} %}} is not allowed in templates")
            for node in tree.find_all(tuple(_REFUSED))
        ),
        *(unknown or _unknown_names(tree, known)),
    ]


def check_expression(source: str, known: Mapping[str, Iterable[str] | None]) -> list[str]:
    """Find what is wrong with a `when` expression."""
    if "{{" in source or "{%" in source:
        return ["`when` is an expression, not a template: leave the braces out"]
    try:
        _environment().compile_expression(source)
    except TemplateAssertionError:
        pass  # an unknown filter or test, named below
    except TemplateSyntaxError as error:
        return [f"`{source}` is no expression: {error.message}"]
    return [message for _, message in check_template("{{ " + source + " }}", known)]


def attributes_read(source: str, name: str) -> list[tuple[int, tuple[str, ...]]]:
    """The paths that a template reads under a name, with their lines: `name.a.b` is (a, b)."""
    tree = _environment().parse(source)
    found = []
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        path: list[str] = []
        inner: nodes.Node | None = node
        while (part := _attribute(inner) if inner is not None else None) is not None:
            path.insert(0, part)
            inner = getattr(inner, "node", None)
        if isinstance(inner, nodes.Name) and inner.name == name:
            found.append((node.lineno, tuple(path)))
    return found


def _unknown_filters(tree: nodes.Template) -> list[tuple[int, str]]:
    env = _environment()
    found = []
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        assert isinstance(node, nodes.Filter | nodes.Test)
        kind, names = (
            ("filter", env.filters) if isinstance(node, nodes.Filter) else ("test", env.tests)
        )
        if node.name not in names:
            mean = nearest(node.name, names)  # there are too many to list
            found.append((node.lineno, f"there is no {kind} '{node.name}'{mean}"))
    return found


def _unknown_names(
    tree: nodes.Template, known: Mapping[str, Iterable[str] | None]
) -> list[tuple[int, str]]:
    undeclared = meta.find_undeclared_variables(tree) - {"range"}
    found = [
        (node.lineno, f"'{node.name}' is undefined{did_you_mean(node.name, known)}")
        for node in tree.find_all(nodes.Name)
        if node.ctx == "load" and node.name in undeclared and node.name not in known
    ]
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        base, name = getattr(node, "node", None), _attribute(node)
        if isinstance(base, nodes.Name) and base.name in undeclared and name is not None:
            attributes = known.get(base.name)
            if attributes is not None and name not in attributes:
                mean = did_you_mean(name, attributes)
                found.append((node.lineno, f"'{base.name}.{name}' is undefined{mean}"))
    return found


def _attribute(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None


class _Json(str):
    """The JSON of `value`, which `value` itself replaces where it stands alone.

    Keys are sorted: a mapping comes from a file in one order, and from a record in another.
    """

    __slots__ = ("value",)
    value: Any


def _tojson(value: Any) -> _Json:
    text = _Json(_json(value))
    text.value = value
    return text


def _environment(finalize: Callable[[Any], Any] | None = None) -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=finalize,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals = {"range": env.globals["range"]}
    env.filters["tojson"] = _tojson
    for random in ("random", "pprint", "urlize", "xmlattr", "safe", "forceescape"):
        env.filters.pop(random, None)  # a plan is the same each time; the rest is for HTML
    return env


class _Tokens:
    """The opaque tokens that stand for printed values while a template is rendered and parsed.

    The prefix is a digest of the template and its context, so that no value can hold it.
    """

    def __init__(self, source: str, context: Mapping[str, Any]) -> None:
        seed = json.dumps([source, context], sort_keys=True, default=str)
        self.prefix = "V" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        self.pattern = re.compile(self.prefix + r"N([0-9]+)E")
        self.values: list[Any] = []

    def render(self, source: str, context: Mapping[str, Any], where: str) -> str:
        env = _environment(self._print)
        try:
            tree = env.parse(source, filename=where)
            for node in tree.find_all(tuple(_REFUSED)):
                what = _REFUSED[type(node)]
                raise TemplateSyntaxError(f"{{% {what} %}} is not allowed", node.lineno)
            code = env.compile(tree, filename=where)
            text = Template.from_code(env, code, dict(env.globals)).render(**context)
        except Exception as error:
            raise _failed(where, source, error, context) from None
        if len(text) > MAX_BYTES:
            raise SkillFileError(f"{where}: renders to more than {MAX_BYTES:,} characters")
        return text

    def _print(self, value: Any) -> Any:
        if value is missing or isinstance(value, StrictUndefined):
            return value  # printing it raises, with its name
        self.values.append(value if isinstance(value, _Json) else _plain(value))
        return f"{self.prefix}N{len(self.values) - 1}E"

    def is_whole(self, text: str) -> bool:
        return self.pattern.fullmatch(text) is not None

    def value(self, token: str) -> Any:
        match = self.pattern.fullmatch(token)
        assert match is not None
        value = self.values[int(match[1])]
        return value.value if isinstance(value, _Json) else value

    def text(self, text: str) -> str:
        return self.pattern.sub(lambda match: _as_text(self.values[int(match[1])]), text)

    def plainly(self, text: str) -> str:
        """Text for a message: what was printed, without the values."""
        return self.pattern.sub("{{ … }}", text)

    def scalar(self, text: str, plain: bool) -> Any:
        if plain and self.is_whole(text):
            return self.value(text)
        return self.text(text) if self.prefix in text else core(text, plain)


def _as_text(value: Any) -> str:
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """A value as plain data; a generator becomes a list, a Markup text."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} is no value for a template to print")


def _read(
    text: str,
    where: str,
    *,
    scalar: Callable[[str, bool], Any] = core,
    key: Callable[[str], str] = str,
    shown: Callable[[str], str] = str,
) -> tuple[Any, ...]:
    try:
        documents = read(text, scalar=scalar, key=key, max_bytes=2 * MAX_BYTES, max_nodes=500_000)
    except YamlFault as fault:
        raise _unreadable(text, where, fault, shown) from None
    for document in documents:
        if document.faults:
            raise _unreadable(text, where, document.faults[0], shown)
    return tuple(document.data for document in documents if document.data is not None)


def _unreadable(
    text: str, where: str, fault: YamlFault, shown: Callable[[str], str]
) -> SkillFileError:
    lines = text.splitlines() or [""]
    line = shown(lines[min(fault.mark.line, len(lines)) - 1].strip())[:100]
    return SkillFileError(f"{where}: line {fault.mark.line} as rendered, `{line}`: {fault.message}")


def _failed(
    where: str, source: str, error: Exception, context: Mapping[str, Any]
) -> SkillFileError:
    if isinstance(error, SkillFileError):
        return error
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(where, error)
    at = f"{where}:{line}" if line and "\n" in source else where
    message = str(error.message or error) if isinstance(error, TemplateError) else str(error)
    if isinstance(error, UndefinedError):
        name = re.match(r"'([^']+)' is undefined", message)
        message += did_you_mean(name[1], context) if name else ""
    elif isinstance(error, SecurityError):
        message = f"not allowed in a template: {message}"
    return SkillFileError(f"{at}: {message or type(error).__name__}")


def _line(where: str, error: Exception) -> int:
    """The template's line: Jinja rewrites tracebacks so that frames name the template."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == where), 0)
