"""What callers and clusters do wrong, on a real cluster: the exit code, the cause, nothing half."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from skill_runner.backends.kube import connect
from skill_runner.objects import Ref
from tests.integration.faults.users import acting_as
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver
from tests.support.paths import TINY

NAME = "tiny-web"
RELEASES = {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"]}


def namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@pytest.fixture(scope="module")
def installed(driver: Driver) -> Iterator[None]:
    assert driver.skill("run", NAME)["status"] == "ready"
    yield
    driver.skill("remove", NAME, "--yes", "--purge")


@contextmanager
def limited(driver: Driver, hands: Hands, tmp_path: Path, rules: object) -> Iterator[Driver]:
    """The driver as a ServiceAccount with these rules in namespace `few`."""
    hands.apply(namespace("few"))

    async def config() -> str:
        cluster = await connect(str(driver.kubeconfig), driver.context)
        try:
            async with acting_as(cluster, rules, "few") as user:
                return Path(user.target.kubeconfig).read_text()
        finally:
            await cluster.close()

    file = tmp_path / "few"
    file.write_text(asyncio.run(config()))
    try:
        yield replace(driver, kubeconfig=file)
    finally:
        hands.delete(Ref("v1", "Namespace", "few"))
        hands.until(lambda: hands.get(Ref("v1", "Namespace", "few")) is None)


def test_a_user_without_rights_is_told_what_is_missing(
    driver: Driver, hands: Hands, tmp_path: Path
) -> None:
    with limited(driver, hands, tmp_path, []) as nobody:
        refused = nobody.skill("run", NAME, "-n", "few", code=4)
        assert refused["problem"]["code"] == "FORBIDDEN"
        assert 'cannot get resource "configmaps"' in refused["problem"]["cause"]
        for command in (["status"], ["verify", NAME], ["why", NAME], ["remove", NAME, "--yes"]):
            assert nobody.skill(*command, code=4)["problem"]["code"] == "FORBIDDEN"


def test_a_user_with_some_rights_is_told_all_that_are_missing(
    driver: Driver, hands: Hands, tmp_path: Path
) -> None:
    with limited(driver, hands, tmp_path, [RELEASES]) as someone:
        refused = someone.skill("run", NAME, "-n", "few", code=4)
    told = " ".join(refused["problem"]["evidence"])
    assert refused["problem"]["code"] == "FORBIDDEN"
    assert refused["changed"] is False
    assert "create deployments.apps in few" in told
    assert "create leases.coordination.k8s.io in few" in told
    assert "secrets" not in told


def test_the_owner_of_one_namespace_needs_no_more(
    driver: Driver, hands: Hands, tmp_path: Path
) -> None:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    with limited(driver, hands, tmp_path, [everything]) as owner:
        assert owner.skill("run", NAME, "-n", "few")["status"] == "ready"
        assert owner.skill("verify", NAME, "-n", "few")["status"] == "ready"
        assert owner.skill("remove", NAME, "-n", "few", "--yes")["status"] == "removed"


def test_a_namespace_that_is_being_deleted(driver: Driver, hands: Hands) -> None:
    where = Ref("v1", "Namespace", "leaving")
    hold = {"name": "hold", "namespace": "leaving", "finalizers": ["example.org/hold"]}
    hands.create(namespace("leaving"))
    hands.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": hold})
    hands.delete(where)
    try:
        refused = driver.skill("run", NAME, "-n", "leaving", code=3)
        assert refused["problem"]["code"] == "NAMESPACE_TERMINATING"
        assert refused["problem"]["resource"] == "Namespace leaving"
        assert refused["problem"]["retryable"] is True
    finally:
        held = hands.get(Ref("v1", "ConfigMap", "hold", "leaving"))
        assert held is not None
        held["metadata"]["finalizers"] = None
        held["metadata"].pop("managedFields")
        hands.apply(held)


def test_what_no_node_can_hold_touches_nothing(driver: Driver) -> None:
    before = driver.objects()
    position = driver.audit_position()
    refused = driver.skill("run", NAME, "-n", "large", "--set", "cpu=900", code=3)
    assert refused["problem"]["code"] == "CAPACITY"
    assert "900 cores" in refused["problem"]["evidence"][0]
    assert driver.objects() == before
    if driver.audit_log:
        assert driver.writes_since(position, "large") == []


def test_a_chart_that_does_not_render_touches_nothing(driver: Driver, tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    template = folder / "chart" / "templates" / "web.yaml"
    template.write_text(template.read_text() + "\n{{ fail .Values.greeting }}\n")
    before = driver.objects()
    refused = driver.skill("run", str(folder), code=3)
    assert refused["problem"]["code"] == "CHART_ERROR"
    assert "hello" in str(refused["problem"])
    assert driver.objects() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "greting=x"], "did you mean 'greeting'"),
        (["--set", "hang=everywhere"], "hang must be one of"),
        (["--set", "hang"], "NAME=VALUE"),
        (["--values", "/nowhere/values.yaml"], "/nowhere/values.yaml"),
        (["--name", "Tiny Web"], "'Tiny Web' is not allowed"),
        (["-n", "../x"], "'../x' is not allowed"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_input_touches_nothing(driver: Driver, arguments: list[str], said: str) -> None:
    refused = driver.skill("run", NAME, *arguments, code=2)
    assert said in str(refused["problem"])
    assert refused["changed"] is False


def test_an_image_that_does_not_exist(driver: Driver) -> None:
    """Nothing listens at this registry's address, so that the answer is the same everywhere."""
    failed = driver.skill(
        "run", NAME, "--name", "no-image", "--set", "container=127.0.0.1:1/absent:1", code=1
    )
    try:
        assert failed["problem"]["code"] == "REGISTRY_UNREACHABLE"
        assert "Pod tiny/no-image-" in failed["problem"]["resource"]
        why = driver.skill("why", "no-image", code=1)
        assert why["problem"]["code"] == "REGISTRY_UNREACHABLE"
        fixed = driver.skill(
            "run", NAME, "--name", "no-image", "--set", "container=localhost/test-busybox:1"
        )
        assert fixed["status"] == "ready"
    finally:
        driver.skill("remove", "no-image", "--yes")


def test_two_runs_at_once(driver: Driver, hands: Hands, installed: None) -> None:
    first = driver.start("run", NAME, "--set", "hang=hook", "-o", "json")
    _until_said(first, "hanging in the hook")
    refused = driver.skill("run", NAME, "--redeploy", code=7)
    assert refused["problem"]["code"] == "LOCKED"
    assert refused["problem"]["retryable"] is True
    assert str(first.pid) in refused["problem"]["cause"]
    assert driver.skill("remove", NAME, "--yes", code=7)["problem"]["code"] == "LOCKED"
    first.send_signal(signal.SIGINT)
    first.communicate()
    assert driver.skill("run", NAME, "--set", "hang=nowhere")["exit_code"] == 0


def test_a_run_killed_while_helm_works_is_taken_over(
    driver: Driver, hands: Hands, installed: None
) -> None:
    killed = driver.start("run", NAME, "--set", "hang=helm", "-o", "json")
    job = Ref("batch/v1", "Job", f"{NAME}-slow", "tiny")
    hands.until(lambda: hands.get(job) is not None)
    helm = _helm_of(killed.pid)
    os.kill(helm, signal.SIGSTOP)  # or its keeper would end it, and it would mark its failure
    killed.send_signal(signal.SIGKILL)
    os.kill(helm, signal.SIGKILL)
    killed.communicate()
    assert hands.leases("tiny") == [f"skill-runner.{NAME}"]
    again = driver.skill("run", NAME, "--set", "hang=nowhere")
    assert again["status"] == "ready"
    assert any("took over release" in note for note in again["notes"])
    assert hands.leases("tiny") == []


def test_a_run_killed_in_a_hook_is_continued(driver: Driver, installed: None) -> None:
    killed = driver.start(
        "run", NAME, "--set", "hang=hook", "--set", "greeting=there", "-o", "json"
    )
    _until_said(killed, "hanging in the hook")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (unfinished,) = (
        i for i in driver.skill("status")["installations"] if i["installation"] == f"tiny/{NAME}"
    )
    assert unfinished["complete"] is False
    again = driver.skill("run", NAME, "--set", "hang=nowhere")
    assert again["exit_code"] == 0
    assert again["proof"]["says"].startswith("passed")


def test_a_detached_run_outlives_its_caller(driver: Driver, installed: None) -> None:
    started = driver.skill("run", NAME, "--set", "greeting=later", "--detach")
    assert started["status"] == "running"
    ended = driver.skill("status", started["run"], "--wait", "120")
    assert ended["status"] == "ready"
    assert ended["run"] == started["run"]
    log = driver.start("logs", started["run"], "--tail", "50")
    assert "it says what it was told to" in log.communicate()[0]


def _helm_of(pid: int) -> int:
    """The helm that a run with this pid has started, by way of the keeper that ends both."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_text().split("\0")
            if "upgrade" in command:
                return int(child) if Path(command[0]).name == "helm" else _helm_of(int(child))
    raise AssertionError(f"process {pid} runs no helm")


def _copy(tmp_path: Path) -> Path:
    """The tiny skill in a folder of its own, to be spoiled."""
    return Path(shutil.copytree(TINY / NAME, tmp_path / NAME))


def _until_said(child: subprocess.Popen[str], words: str) -> None:
    """Read a run's stderr up to these words."""
    assert child.stderr is not None
    for line in child.stderr:
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}")
