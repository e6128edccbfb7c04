"""Whose something is: one decision, for objects, releases, namespaces, definitions and volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skill_runner.backends.base import Release
from skill_runner.installations.ownership import (
    INSTALLATION_LABEL,
    NAMESPACE_LABEL,
    NOTHING,
    Held,
    State,
    explain,
    judge,
    owner_of,
)
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation

US = Installation("shop", "db")
THEM = Installation("other", "db")
LABELS = {"app.kubernetes.io/managed-by": "skill-runner", "app.kubernetes.io/instance": "db"}
MARKED = {"skill-runner.dev/installation": "shop/db"}
OF_HELM = {"meta.helm.sh/release-name": "pg", "meta.helm.sh/release-namespace": "shop"}


def thing(kind: str = "ConfigMap", namespace: str | None = "shop", **meta: Any) -> Object:
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "thing", "uid": "u1", **place, **meta},
    }


def marked(**more: Any) -> Object:
    return thing(labels=LABELS, annotations=MARKED, **more)


def of(name: str, namespace: str) -> Held:
    return Held(releases=frozenset({(name, namespace)}))


OBJECTS: list[tuple[str, Object | None, Held, State]] = [
    ("nothing is there", None, Held(uid="u1", listed=True), "absent"),
    ("mark and uid", marked(), Held(uid="u1", listed=True), "ours"),
    ("mark, and the record knows no uid yet", marked(), Held(listed=True), "ours"),
    ("mark, and no record any more", marked(), NOTHING, "ours"),
    ("another one of its name", thing(), Held(uid="u0", listed=True), "recreated"),
    ("another one that copied our mark", marked(), Held(uid="u0", listed=True), "recreated"),
    ("no mark at all", thing(), NOTHING, "stranger"),
    ("a forged record names the uid", thing(), Held(uid="u1", listed=True), "stranger"),
    (
        "mark of another installation, same name",
        thing(labels=LABELS, annotations={"skill-runner.dev/installation": "other/db"}),
        Held(uid="u1", listed=True),
        "stranger",
    ),
    ("an older version's labels, at home", thing(labels=LABELS), NOTHING, "ours"),
    (
        "an older version's labels, elsewhere, listed",
        thing(namespace="web", labels=LABELS),
        Held(listed=True),
        "ours",
    ),
    (
        "an older version's labels, elsewhere",
        thing(namespace="web", labels=LABELS),
        NOTHING,
        "stranger",
    ),
    ("of the release", thing(annotations=OF_HELM), of("pg", "shop"), "ours"),
    ("of another release", thing(annotations=OF_HELM), of("pg", "web"), "stranger"),
    ("in the way of the release", thing(), of("pg", "shop"), "stranger"),
    ("a claim of our StatefulSet", thing(), Held(through=True), "ours"),
    (
        "a claim that another installation keeps",
        thing(annotations={"skill-runner.dev/installation": "other/db"}),
        Held(through=True),
        "stranger",
    ),
    (
        "a volume that only shares the label",
        thing(labels={"app.kubernetes.io/instance": "db"}),
        NOTHING,
        "stranger",
    ),
    (
        "data that a removal kept",
        thing(annotations={"skill-runner.dev/kept-by": "shop/db"}),
        Held(uid="u1"),
        "ours",
    ),
    (
        "data that another installation's removal kept",
        thing(annotations={"skill-runner.dev/kept-by": "other/db"}),
        Held(through=True),
        "stranger",
    ),
    (
        "marked once, and taken over by another tool",
        thing(annotations=MARKED, labels={"app.kubernetes.io/managed-by": "Helm"}),
        Held(uid="u1", listed=True),
        "stranger",
    ),
    (
        "a namespace that a run made",
        thing("Namespace", None, labels={"app.kubernetes.io/managed-by": "skill-runner"}),
        Held(uid="u1", listed=True),
        "ours",
    ),
    (
        "a namespace that another run made",
        thing("Namespace", None, labels={"app.kubernetes.io/managed-by": "skill-runner"}),
        NOTHING,
        "stranger",
    ),
    (
        "a namespace that somebody made",
        thing("Namespace", None),
        Held(uid="u1", listed=True),
        "stranger",
    ),
    (
        "a namespace made anew",
        thing("Namespace", None, labels={"app.kubernetes.io/managed-by": "skill-runner"}),
        Held(uid="u0", listed=True),
        "recreated",
    ),
]


@pytest.mark.parametrize(
    ("live", "held", "state"), [c[1:] for c in OBJECTS], ids=[c[0] for c in OBJECTS]
)
def test_whose_an_object_is(live: Object | None, held: Held, state: State) -> None:
    found = judge(live, US, held)
    assert found.state == state
    assert found.is_free == (state in ("ours", "absent"))
    assert found.uid == ("" if live is None else "u1")
    assert bool(found.owner) == (state in ("stranger", "recreated"))


RELEASE = Release(
    name="pg",
    namespace="shop",
    revision=3,
    status="deployed",
    chart="postgresql",
    chart_version="16.2.1",
    updated="2026-03-01T10:00:00Z",
    uid="s3",
)
OUR_LABELS = {INSTALLATION_LABEL: "db", NAMESPACE_LABEL: "shop"}


@pytest.mark.parametrize(
    ("labels", "held", "state"),
    [
        (OUR_LABELS, Held(listed=True), "ours"),
        (OUR_LABELS, NOTHING, "ours"),
        ({INSTALLATION_LABEL: "db"}, NOTHING, "ours"),  # of an older version, at home
        ({}, NOTHING, "stranger"),
        ({}, Held(listed=True), "recreated"),
        ({**OUR_LABELS, NAMESPACE_LABEL: "other"}, NOTHING, "stranger"),
        ({**OUR_LABELS, INSTALLATION_LABEL: "cache"}, Held(listed=True), "recreated"),
    ],
)
def test_whose_a_release_is(labels: dict[str, str], held: Held, state: State) -> None:
    assert judge(replace(RELEASE, labels=labels), US, held).state == state


def test_a_release_of_an_older_version_elsewhere_is_ours_only_by_the_record() -> None:
    away = replace(RELEASE, namespace="web", labels={INSTALLATION_LABEL: "db"})
    assert judge(away, US).state == "stranger"
    assert judge(away, US, Held(listed=True)).state == "ours"


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (thing(annotations=OF_HELM), "Helm release shop/pg"),
        (thing(annotations={"skill-runner.dev/installation": "other/db"}), "installation other/db"),
        (thing(labels={"argocd.argoproj.io/instance": "store"}), "Argo CD application store"),
        (
            thing(annotations={"argocd.argoproj.io/tracking-id": "store:v1/ConfigMap:a/b"}),
            "Argo CD application store",
        ),
        (
            thing(labels={f"helm.toolkit.fluxcd.io/{key}": key for key in ("name", "namespace")}),
            "Flux namespace/name",
        ),
        (
            thing(labels={"app.kubernetes.io/managed-by": "terraform"}),
            "terraform (label app.kubernetes.io/managed-by)",
        ),
        (thing(ownerReferences=[{"kind": "Kafka", "name": "bus"}]), "Kafka bus, which made it"),
        (
            thing(
                managedFields=[
                    {"manager": "edit", "time": "2026-02"},
                    {"manager": "kubectl-create", "time": "2026-01"},
                ]
            ),
            "someone else (first written by kubectl-create)",
        ),
        (thing(), "someone else (nothing on it says who)"),
        (RELEASE, "Helm release shop/pg (chart postgresql 16.2.1, deployed 2026-03-01)"),
        (
            replace(RELEASE, labels={INSTALLATION_LABEL: "db", NAMESPACE_LABEL: "other"}),
            "installation other/db",
        ),
    ],
)
def test_the_owner_is_named(live: Object | Release, words: str) -> None:
    assert owner_of(live) == words


def test_what_is_refused_is_said_in_one_sentence() -> None:
    ref = Ref("v1", "ConfigMap", "thing", "shop")
    assert explain(ref, judge(thing(annotations=OF_HELM), THEM)) == (
        "ConfigMap shop/thing exists and belongs to Helm release shop/pg"
    )
    again = explain(ref, judge(thing(), US, Held(uid="u0", listed=True)))
    assert "not the one that this installation created" in again
    assert explain(RELEASE, judge(RELEASE, US)).startswith("release shop/pg exists and belongs to")
