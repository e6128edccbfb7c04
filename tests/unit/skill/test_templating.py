"""Templates: no value can change a document's structure, and errors name file, line and name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skill_runner.errors import SkillFileError
from skill_runner.skill.templating import (
    check_expression,
    check_template,
    evaluate,
    render_data,
    render_text,
    render_yaml,
)

HOSTILE = [
    "x\n---\nevil: 1",
    'a"b',
    "a'b",
    "a: b",
    "- a",
    "# comment",
    "{a: b}",
    "[a",
    "a, b",
    "&a",
    "*a",
    "!!python/object:os.system x",
    "| block",
    "> fold",
    "%TAG",
    "@x",
    "`x`",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "{# gone #}",
    "a\tb",
    "a\r\nb",
    "\u2028",
    "\x00\x07",
    "null",
    "true",
    "12",
    "",
    " ",
    "~",
    "<<",
    "V" * 40,
    "x" * 200_000,
    "\\",
    "\\n",
    '\\"',
    "é🙂",
    "\ud800",
]

PLACES = """\
plain: {{ value }}
"{{ value }}": key
double: "a {{ value }} b"
single: 'a {{ value }} b'
flow: [{{ value }}, x {{ value }} y, {k: {{ value }}, 'q {{ value }}': 1}]
block: |
  first {{ value }}
  last
folded: >-
  {{ value }}
middle: one {{ value }} two
json: {{ value | tojson }}
text: "{{ value | tojson }}"
list:  # {{ value }}
  - {{ value }}
  - plain
"""


def _expected(value: str) -> dict[str, Any]:
    return {
        "plain": value,
        value: "key",
        "double": f"a {value} b",
        "single": f"a {value} b",
        "flow": [value, f"x {value} y", {"k": value, f"q {value}": 1}],
        "block": f"first {value}\nlast\n",
        "folded": value,
        "middle": f"one {value} two",
        "json": value,
        "text": json.dumps(value, ensure_ascii=False),
        "list": [value, "plain"],
    }


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_a_value(value: str) -> None:
    assert render_yaml(PLACES, {"value": value}, "x.j2") == (_expected(value),)


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_any_text_stays_a_value(value: str) -> None:
    if value not in _expected("") or value == "":
        assert render_yaml(PLACES, {"value": value}, "x.j2") == (_expected(value),)


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, [], ["a", {"b": None}], {"a": {"b": [1]}}, {"-": "x\n- y"}]
)
def test_a_value_that_stands_alone_keeps_its_type(value: Any) -> None:
    documents = render_yaml("a: {{ value }}\nb: {{ value | tojson }}\n", {"value": value}, "x.j2")
    assert documents == ({"a": value, "b": value},)
    assert render_text("{{ value }}", {"value": value}, "x") == value


def test_a_value_within_text_is_text() -> None:
    context = {"n": 3, "yes": True, "list": ["a"], "none": None}
    template = 'a: "{{ n }}"\nb: x-{{ n }}\nc: "{{ yes }} {{ list }} {{ none }}"\n'
    assert render_yaml(template, context, "x") == ({"a": "3", "b": "x-3", "c": 'true ["a"] null'},)


def test_loops_and_conditions_make_structure() -> None:
    template = (
        "{% for t in topics %}\n---\nname: {{ t }}\nlast: {{ loop.last }}\n{% endfor %}\n"
        "{% if topics | length > 5 %}\n---\nmany: true\n{% endif %}\n"
    )
    documents = render_yaml(template, {"topics": ["a", "b"]}, "x.j2")
    assert documents == ({"name": "a", "last": False}, {"name": "b", "last": True})


def test_two_keys_that_values_make_equal_are_refused() -> None:
    with pytest.raises(SkillFileError, match="the key 'same' is there already"):
        render_yaml("{{ a }}: 1\n{{ b }}: 2\n", {"a": "same", "b": "same"}, "x.j2")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("a: 1\nb: {{ topcs }}\n", "m.yaml.j2:2: 'topcs' is undefined; did you mean 'topics'?"),
        ("\n\na: {{ extra.port }}\n", "m.yaml.j2:3: 'dict object' has no attribute 'port'"),
        ("a: {{ x\n", "m.yaml.j2:"),
        ("a:\n  - {{ 1 / 0 }}\n", "m.yaml.j2:2: division by zero"),
        ("a: {{ topics.__class__ }}", "not allowed in a template"),
        ("a: {{ ''.join.__globals__ }}", "has no attribute '__globals__'"),
        ("a: {{ topics.append(1) }}", "not allowed in a template"),
        ("a: {% for i in range(1000000000) %}x{% endfor %}", "Range too big"),
        ("{% include '/etc/passwd' %}", "{% include %} is not allowed"),
        ("{% macro a() %}{% endmacro %}", "{% macro %} is not allowed"),
        ("{% set a %}{{ topics }}{% endset %}", "{% set … endset %} is not allowed"),
        ("a: {{ name }} {{ name }}: b\n", "m.yaml.j2: line 1 as rendered, `a: {{ … }} {{ … }}: b`"),
        ("a: 1\na: 2\n", "line 2 as rendered, `a: 2`: the key 'a' is there already"),
        ("a: {{ lipsum }}", "'lipsum' is undefined"),
        ("a: {{ name.format }}", "no value for a template to print"),
    ],
)
def test_an_error_names_the_file_and_the_line(template: str, message: str) -> None:
    context = {"topics": ["a"], "extra": {}, "name": "x"}
    with pytest.raises(SkillFileError) as caught:
        render_yaml(template, context, "m.yaml.j2")
    assert message in str(caught.value)


def test_messages_hold_no_values() -> None:
    with pytest.raises(SkillFileError) as caught:
        render_yaml("a: {{ secret }}: b\n", {"secret": "hunter2"}, "x.j2")
    assert "hunter2" not in str(caught.value)


def test_templates_are_found_at_any_depth_of_data() -> None:
    data = {"a": "{{ n }}", "b": ["x-{{ n }}", 1], "c": {"d": "plain"}}
    assert render_data(data, {"n": 2}, "x") == {"a": 2, "b": ["x-2", 1], "c": {"d": "plain"}}


CONTEXT = {"mode": "bundled", "topics": ["a"], "on": True, "port": 0}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("mode == 'bundled'", True),
        ("mode != 'bundled'", False),
        ("topics | length > 1", False),
        ("on", True),
        ("not on", False),
        ("on and topics | length == 1", True),
        ("true", True),
        ("'a' in topics", True),
        ("port is defined", True),
    ],
)
def test_expressions(expression: str, value: bool) -> None:
    assert evaluate(expression, CONTEXT, "skill.yaml") is value
    assert check_expression(expression, dict.fromkeys(CONTEXT)) == []


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("mode", "must be true or false, it is 'bundled'"),
        ("port", "must be true or false, it is 0"),
        ("mod == 'x'", "'mod' is undefined; did you mean 'mode'?"),
        ("mod", "'mod' is undefined"),
        ("mode.__class__", "not allowed"),
        ("mode ==", "unexpected"),
    ],
)
def test_a_wrong_expression_is_an_error(expression: str, message: str) -> None:
    with pytest.raises(SkillFileError) as caught:
        evaluate(expression, CONTEXT, "skill.yaml: step x")
    assert message in str(caught.value)
    assert str(caught.value).startswith("skill.yaml: step x: ")


@pytest.mark.parametrize(
    ("template", "problems"),
    [
        ("{{ mode }}\n{{ range(3) | list }}", []),
        ("{% set a = mode %}{{ a }}", []),
        ("\n{{ mdoe }}", [(2, "'mdoe' is undefined; did you mean 'mode'?")]),
        ("{{ images.kafka.ref }}", []),
        ("{{ images['kafak'].ref }}", [(1, "'images.kafak' is undefined; did you mean 'kafka'?")]),
        ("{{ mode is nubmer }}", [(1, "there is no test 'nubmer'; did you mean 'number'?")]),
        ("{{ mode.anything }}", []),
    ],
)
def test_templates_are_checked_before_they_are_rendered(
    template: str, problems: list[tuple[int, str]]
) -> None:
    assert check_template(template, {"mode": None, "images": ["kafka"]}) == problems


def test_json_in_a_text_does_not_depend_on_the_order_of_keys() -> None:
    source = "a: 'x {{ value | tojson }} {{ value }}'"
    one = render_yaml(source, {"value": {"b": 1, "a": {"d": 1, "c": 2}}}, "here")
    other = render_yaml(source, {"value": {"a": {"c": 2, "d": 1}, "b": 1}}, "here")
    assert one == other
