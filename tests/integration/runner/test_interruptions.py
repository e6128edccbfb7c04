"""A signal in every phase: children ended, outcome told, lock given back, the next run goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from skill_runner.objects import Ref
from skill_runner.outcome import json_schema
from tests.integration.runner.conftest import Hands
from tests.support.driver import Driver
from tests.support.paths import TINY
from tests.support.testimage import busybox_binary

NAME = "tiny-web"
JOB = Ref("batch/v1", "Job", f"{NAME}-slow", "tiny")
LEASE = Ref("coordination.k8s.io/v1", "Lease", f"skill-runner.{NAME}", "tiny")


@pytest.fixture(scope="module", autouse=True)
def _removed(driver: Driver, hands: Hands) -> Iterator[None]:
    """What the interrupted runs left is what the last run continues from; then it goes, with the
    Job of an earlier revision that Helm left behind."""
    yield
    assert driver.skill("run", NAME, "--set", "hang=nowhere")["exit_code"] == 0
    assert hands.get(JOB) is not None
    driver.skill("remove", NAME, "--yes", "--purge")
    assert hands.get(JOB) is None


def start(driver: Driver, *arguments: str) -> subprocess.Popen[str]:
    """A run in a session of its own, so that all its children can be found again."""
    where = ["--kubeconfig", str(driver.kubeconfig), "--context", driver.context]
    return subprocess.Popen(
        [sys.executable, "-m", "skill_runner", "run", *arguments, *where, "-o", "json", "-v"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SKILL_STATE_DIR": str(driver.state), "RUN_MARK": "interrupted-run"},
        start_new_session=True,
    )


def interrupt(child: subprocess.Popen[str], number: signal.Signals, said: str) -> dict[str, Any]:
    """Signal a run once it has said so; its one outcome, and nothing of it left."""
    assert child.stderr is not None
    for line in child.stderr:
        if said in line:
            break
    else:
        raise AssertionError(f"it never said {said!r}; {child.communicate()}")
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, json_schema())
    assert document["status"] == "interrupted"
    assert json.loads(Path(document["details"], "outcome.json").read_text()) == document
    assert left_of(child.pid) == []
    return document


def left_of(pid: int) -> list[str]:
    """Processes that still carry the mark of the run with this pid."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"RUN_MARK=interrupted-run" in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.parametrize(
    ("where", "said", "number"),
    [
        ("helm", "Helm release", signal.SIGTERM),
        ("wait", "Deployment tiny/tiny-web", signal.SIGINT),
        ("hook", "hanging in the hook", signal.SIGHUP),
        ("proof", "hanging in the proof", signal.SIGINT),
    ],
)
def test_in_a_phase_that_changes(
    driver: Driver, hands: Hands, where: str, said: str, number: signal.Signals
) -> None:
    if where == "helm" and hands.get(JOB):
        hands.delete(JOB)  # Helm leaves the Jobs of its hooks where they are
        hands.until(lambda: hands.get(JOB) is None)
    child = start(driver, NAME, "--set", f"hang={where}")
    if where == "helm":
        hands.until(lambda: hands.get(JOB) is not None)
    document = interrupt(child, number, said)
    assert document["changed"] is True
    assert document["cluster"]["context"] == driver.context
    done = [step["status"] for step in document["steps"]]
    assert done[-1] == ("done" if where == "proof" else "interrupted")
    assert hands.leases("tiny") == []


def test_while_the_lock_is_watched(driver: Driver, hands: Hands) -> None:
    """A holder on another machine whose clock may differ is watched before it is called dead."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tiny"}}
    hands.apply(namespace)
    before = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {
        "holderIdentity": "elsewhere_7_7_realm_token",
        "leaseDurationSeconds": 30,
        "acquireTime": before,
        "renewTime": before,
    }
    meta = {"name": LEASE.name, "namespace": "tiny"}
    hands.create({"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": meta, "spec": spec})
    child = start(driver, NAME, "--set", "hang=nowhere")
    document = interrupt(child, signal.SIGINT, "watching the lock of")
    assert document["changed"] is False
    left = hands.get(LEASE)
    assert left is not None
    assert left["spec"]["holderIdentity"] == spec["holderIdentity"]
    hands.delete(LEASE)


@pytest.mark.skipif(shutil.which("buildah") is None, reason="no buildah here")
def test_while_an_image_is_built(driver: Driver, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TINY / NAME, tmp_path / NAME))
    image = folder / "image"
    image.mkdir()
    (image / "recipe.yaml").write_text("{}\n")
    (image / "Containerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/busybox\n"
        'RUN ["/bin/busybox", "sh", "-c", "echo building; exec /bin/busybox sleep 600"]\n'
    )
    (image / "busybox").write_bytes(busybox_binary())
    (image / "busybox").chmod(0o755)
    text = (folder / "skill.yaml").read_text()
    text = text.replace(
        "steps:\n",
        'images:\n  tool: {ref: "docker.io/example/tool:1.0", recipe: image/}\n'
        "steps:\n  - {id: tool, image: tool}\n",
    )
    (folder / "skill.yaml").write_text(text)
    child = start(driver, str(folder), "--images", "build", "--set", "hang=nowhere")
    document = interrupt(child, signal.SIGTERM, "building skill.local/tool")
    assert document["steps"][-1]["id"] == "tool"
