from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from skill_runner.clusters.base import UpOptions
from skill_runner.clusters.minikube import Minikube, section, start_command
from skill_runner.clusters.tools import Answer
from skill_runner.errors import UsageError
from skill_runner.progress import Report

PROFILES = {"valid": [{"Name": "ci", "Status": "Running"}, {"Name": "old", "Status": "Stopped"}]}


class Recorded:
    """Answers in the place of the minikube command, and the command lines that it was given."""

    def __init__(self, profiles: object = PROFILES, code: int = 0) -> None:
        self.lines: list[str] = []
        self._answer = Answer(code, json.dumps(profiles), "")

    async def __call__(
        self, command: Sequence[str], environment: Mapping[str, str] | None, report: Report
    ) -> Answer:
        self.lines.append(" ".join(command))
        return self._answer if command[1] == "profile" else Answer(0, "", "")


def test_start_command() -> None:
    options = UpOptions(
        name="ci",
        timeout=60,
        image="v1.37.2",
        mirrors={"docker.io": "http://m"},
        insecure_registries=("r:5000",),
    )
    assert " ".join(start_command(options)) == (
        "minikube start --profile ci --wait all --wait-timeout 60s --kubernetes-version v1.37.2 "
        "--registry-mirror http://m --insecure-registry r:5000"
    )


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(UsageError, match=r"docker\.io only, and quay\.io was asked for"):
        start_command(UpOptions(name="ci", mirrors={"quay.io": "http://m"}))
    with pytest.raises(UsageError, match="takes no --registry-config"):
        start_command(UpOptions(name="ci", registry_config=Path("hosts")))


async def test_profiles() -> None:
    minikube = Minikube(Recorded())
    assert [(info.name, info.running) for info in await minikube.clusters()] == [
        ("ci", True),
        ("old", False),
    ]
    assert await minikube.status("none") is None


async def test_no_profile_at_all_is_no_error() -> None:
    assert await Minikube(Recorded({"valid": []}, code=14)).clusters() == ()


async def test_down_and_load() -> None:
    recorded = Recorded()
    assert await Minikube(recorded).down("ci")
    await Minikube(recorded).load("ci", "image.tar")
    assert recorded.lines[1:] == [
        "minikube delete --profile ci",
        "minikube image load image.tar --profile ci",
    ]


def test_section_of_the_logs() -> None:
    text = "==> etcd [a] <==\none\n\n==> kubelet <==\ntwo\nthree\n"
    assert section(text, "kubelet") == "two\nthree\n"
