"""The kubelet's words about a pull → a row of the policy."""

from __future__ import annotations

import pytest

from skill_runner.readiness.diagnosis.pull import classify_pull, explain_pull, host_of, registry_of
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("pull"), ids=str)
def test_classified(case: Case) -> None:
    assert classify_pull(case["message"]) == case["reason"]


def test_the_image_itself_says_nothing() -> None:
    told = "manifest for denied:404 cannot be had: i/o timeout"
    assert classify_pull(told, "denied:404") == "ImagePullSlow"


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("redis:7", "docker.io"),
        ("team/app:1", "docker.io"),
        ("ghcr.io/a/b:1", "ghcr.io"),
        ("localhost/a:1", "localhost"),
        ("10.0.0.1:5000/a", "10.0.0.1:5000"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_the_host_that_was_asked_may_be_a_mirror() -> None:
    assert host_of("dial tcp: lookup mirror.example on 1.1.1.1:53: no such host", "a:1") == (
        "mirror.example"
    )


def test_a_sentence_names_the_image() -> None:
    assert explain_pull("ImageNotFound", "a/b:1", "not found") == "image a/b:1 does not exist"
