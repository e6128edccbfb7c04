"""Charts that print values raw are found, and none of ours does."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.skill.loader.interpolation import raw_interpolations
from skill_runner.skill.shipped import shipped

OURS = sorted(
    {
        chart.parent
        for root in ("skills", "templates")
        for chart in shipped(root).rglob("Chart.yaml")
    }
)


@pytest.mark.parametrize("chart", OURS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_chart_of_ours_prints_a_value_raw(chart: Path) -> None:
    assert raw_interpolations(chart) == ()


def test_the_charts_of_ours_are_all_looked_at() -> None:
    assert {"web-service", "front-door", "chart"} == {path.name for path in OURS}
    assert len(OURS) == 9


def found(tmp_path: Path, text: str, name: str = "a.yaml") -> list[str]:
    (tmp_path / "templates").mkdir(exist_ok=True)
    (tmp_path / "templates" / name).write_text(text)
    return [f"{raw.file}:{raw.line}: {raw.message}" for raw in raw_interpolations(tmp_path)]


@pytest.mark.parametrize(
    "line",
    [
        "image: {{ .Values.image }}",
        "image: {{- .Values.image -}}",
        'image: "{{ .Values.image }}"',
        "image: {{ .Values.image | default .Values.other }}",
        "image: {{ .Values.image | trim }}",
        "image: {{ .Values.image | squote }}",
        "image: {{ .Values.image | toString }}",
        "image: {{ default (.Values.image | quote) .Values.other }}",
        "image: {{ required `image | quote` .Values.image }}",
        "image: {{ if .Values.a }}{{ .Values.image }}{{ end }}",
        "image: {{- .Values.image | quote }}",
        "image: registry/{{ .Values.image | quote }}",
        "image: {{ .Values.image | quote }}-debug",
        "image: {{ .Values.repository | quote }}:{{ .Values.tag | quote }}",
        "args: [a, {{ .Values.image }}]",
        "{{ .Values.key }}: value",
        "name: {{ .Release.Name }}",
        'name: {{ include "a.name" . }}',
        'name: {{ template "a.name" . }}',
        "text: {{ toYaml .Values.text }}",
        "text: |\n  {{ .Values.text | nindent 2 }}",
        "text: {{ tpl .Values.text . }}",
        "labels: a {{ .Values.labels | toYaml | indent 2 }}",
    ],
)
def test_what_prints_a_value_raw_is_found(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"kind: Pod\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "image: {{ .Values.image | quote }}",
        "image: {{ quote .Values.image }} # which",
        "image: {{ .Values.image | default `a }} b` | quote }}",
        'image: {{ printf "%s:%s" .Values.repository .Values.tag | quote }}',
        "limits: {cpu: {{ .Values.cpu | quote }}, memory: {{ .Values.memory | toJson }}}",
        "args: [a, {{ .Values.image | quote }}]",
        "- {{ .Values.image | quote }}",
        "{{ .Values.key | quote }}: {{ .Values.value | quote }}",
        "env: {{ toJson .Values.env }}",
        "labels: {{- toYaml .Values.labels | nindent 2 }}",
        "labels: {{- with .Values.labels }}{{ toYaml . | nindent 2 }}{{ end }}",
        '{{- $name := printf "%s-x" .Release.Name -}}',
        "{{/* {{ .Values.image }} is said here */}}",
        "replicas: {{ if .Values.many }}3{{ else }}1{{ end }}",
    ],
)
def test_what_prints_a_whole_value_is_not(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"kind: Pod\n{line}\n") == []


def test_a_named_template_that_becomes_yaml_is_held_to_the_rule(tmp_path: Path) -> None:
    names = '{{- define "a.labels" -}}\napp: {{ .Release.Name }}\n{{- end }}\n'
    found(tmp_path, names, "_names.tpl")
    assert found(tmp_path, 'labels: {{- include "a.labels" . | nindent 2 }}\n') == [
        "templates/_names.tpl:2: `.Release.Name` prints its value as it is; end it in `| quote` or "
        "`| toJson`, or in `nindent` for a block"
    ]


def test_a_named_template_that_is_only_quoted_may_print_text(tmp_path: Path) -> None:
    names = '{{- define "a.name" -}}\n{{ .Release.Name }}-{{ .Values.end }}\n{{- end }}\n'
    found(tmp_path, names, "_names.tpl")
    assert found(tmp_path, 'name: {{ include "a.name" . | quote }}\n') == []


def test_dependencies_of_a_chart_are_their_authors(tmp_path: Path) -> None:
    (tmp_path / "charts" / "theirs" / "templates").mkdir(parents=True)
    (tmp_path / "charts" / "theirs" / "templates" / "a.yaml").write_text("a: {{ .Values.a }}\n")
    assert found(tmp_path, "kind: Pod\n") == []


def test_an_action_that_nothing_closes_ends_the_search(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    text = "a: {{ .Values.a }}\nb: {{ .Values.b | quote }}\nc: " + "{{ '" * 200_000
    (templates / "it.yaml").write_text(text, "utf-8")
    assert [raw.line for raw in raw_interpolations(tmp_path)] == [1]
