"""What does not survive Git is named: values made up, Helm hooks, and looks into a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions.delivery.survive import changing, helm_hooks, is_test, lookups
from skill_runner.objects import Object


def config(name: str = "a", **more: object) -> Object:
    meta = {"name": name, "namespace": "x"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **more}


def hook(events: str) -> Object:
    made = config()
    made["metadata"]["annotations"] = {"helm.sh/hook": events}
    return made


def test_the_same_twice_is_no_change() -> None:
    assert list(changing([config(data={"a": "1"})], [config(data={"a": "1"})])) == []


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (config(data={"a": "1"}), config(data={"a": "2"}), "ConfigMap x/a differs at .data.a"),
        (config(spec=[{"b": 1}]), config(spec=[{"b": 2}]), "ConfigMap x/a differs at .spec[0].b"),
        (config(spec=[1]), config(spec=[1, 2]), "ConfigMap x/a differs at .spec"),
    ],
)
def test_a_value_that_is_made_up_is_named_by_its_path(
    first: Object, second: Object, said: str
) -> None:
    assert list(changing([first], [second])) == [said]


def test_an_object_with_a_random_name_is_named() -> None:
    assert list(changing([config("a-1")], [config("a-2")])) == [
        "ConfigMap x/a-1 appears in one rendering and not in another",
        "ConfigMap x/a-2 appears in one rendering and not in another",
    ]


@pytest.mark.parametrize(
    ("events", "test"),
    [("test", True), ("test-success", True), ("pre-install,test", False), ("pre-install", False)],
)
def test_only_what_is_for_helm_test_alone_is_left_out(events: str, test: bool) -> None:
    assert is_test(hook(events)) is test
    assert not is_test(config())


def test_a_helm_hook_is_said_to_run_at_each_sync() -> None:
    assert list(helm_hooks([config(), hook("pre-install, pre-upgrade")])) == [
        "ConfigMap x/a is a Helm hook (pre-install,pre-upgrade), which Argo CD runs at each sync"
    ]


def test_a_template_that_looks_into_the_cluster_is_named(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    (templates / "more").mkdir(parents=True)
    (templates / "secret.yaml").write_text('{{ $found := lookup "v1" "Secret" "x" "y" }}')
    (templates / "more" / "b.yaml").write_text("{{- with (lookup .a .b .c .d) }}{{ end }}")
    (templates / "plain.yaml").write_text("# look it up\nkind: ConfigMap\n")
    found = list(lookups(tmp_path))
    assert [line.partition(" uses lookup")[0] for line in found] == [
        "templates/more/b.yaml",
        "templates/secret.yaml",
    ]
