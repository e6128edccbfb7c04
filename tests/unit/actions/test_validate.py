"""Skills tried without a cluster: defaults, their own cases, and the policy on what they render."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions.validate import Trial, try_skill
from skill_runner.backends.base import ReleaseSpec
from skill_runner.objects import Object
from skill_runner.skill.loader import load_skill
from skill_runner.testing import MemoryCluster, MemoryHelm
from tests.support.paths import ECHO


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ECHO, tmp_path / "echo"))


def _helm(folder: Path, *, image: str = "docker.io/library/nginx:1.29.3") -> MemoryHelm:
    def render(spec: ReleaseSpec) -> list[Object]:
        container: dict[str, Any] = {
            "name": "web",
            "image": image,
            "livenessProbe": {"tcpSocket": {"port": 80}},
            "readinessProbe": {"tcpSocket": {"port": 80}},
            "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
        }
        return [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": spec.name},
                "spec": {"template": {"spec": {"containers": [container]}}},
            }
        ]

    helm = MemoryHelm(MemoryCluster())
    helm.add_chart(str(folder / "chart"), render)
    return helm


def _case(folder: Path, text: str) -> None:
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "case.yaml").write_text(text)


async def test_defaults_are_tried_without_any_case(echo: Path) -> None:
    assert await try_skill(load_skill(echo), None) == (Trial("defaults", ()),)


async def test_a_case_that_goes_as_expected(echo: Path) -> None:
    _case(
        echo,
        "inputs: {replicas: 2, pages: [a]}\n"
        "expect:\n"
        "  steps: [server, pages, seed]\n"
        "  values: {server: {replicas: 2, extra: {port: 8080}}}\n"
        "  objects: [Deployment echo, ConfigMap echo-pages]\n"
        "  outputs: {replicas: 2}\n",
    )
    trials = await try_skill(load_skill(echo), _helm(echo))
    assert trials == (Trial("defaults", ()), Trial("tests/case.yaml", ()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("expect: {steps: [server]}", 'expected the steps ["server"]; got ["server", "seed"]'),
        ("expect: {values: {server: {replicas: 2}}}", "server.replicas: expected 2; got 1"),
        ("expect: {values: {server: {colour: 2}}}", "values of server: expected 'colour'"),
        ("expect: {values: {seed: {}}}", "'seed', which is no planned release"),
        ("expect: {outputs: {replicas: 7}}", "outputs.replicas: expected 7; got 1"),
        ("expect: {objects: [Deployment ecko]}", "expected the object Deployment ecko;"),
        ("expect: {refused: anything}", "were expected to be refused with 'anything'"),
        ("inputs: {replicas: 9}\nexpect: {}", "replicas must be at most 5; got 9"),
        ("inputs: {replicas: 9}\nexpect: {refused: x y z}", "replicas must be at most 5; got 9"),
        ("inputs: {replcas: 9}\nexpect: {}", "no input 'replcas'; did you mean 'replicas'?"),
        ("expct: {}", "case.yaml:1:1: unknown key 'expct'; did you mean 'expect'?"),
        ("expect: {}\nexpect: {}", "case.yaml:2:1: the key 'expect' is there already"),
        ("expect: [", "case.yaml:2:1: did not find"),
    ],
)
async def test_a_case_that_does_not(echo: Path, text: str, problem: str) -> None:
    _case(echo, text)
    (_, trial) = await try_skill(load_skill(echo), _helm(echo))
    assert problem in "\n".join(trial.problems)


async def test_what_charts_render_is_held_against_the_policy(echo: Path) -> None:
    (trial,) = await try_skill(load_skill(echo), _helm(echo, image="bitnami/nginx:1"))
    assert "Deployment echo/echo container web: the image bitnami/nginx:1" in trial.problems[0]
    assert "(withdrawn-image)" in trial.problems[0]


async def test_a_chart_that_does_not_render_is_a_problem(echo: Path) -> None:
    (trial,) = await try_skill(load_skill(echo), MemoryHelm(MemoryCluster()))
    assert len(trial.problems) == 1


async def test_a_skill_that_needs_inputs_is_tried_by_its_cases_only(echo: Path) -> None:
    skill = echo / "skill.yaml"
    skill.write_text(skill.read_text().replace("maximum: 5, default: 1,", "maximum: 5,"))
    assert await try_skill(load_skill(echo), None) == ()
