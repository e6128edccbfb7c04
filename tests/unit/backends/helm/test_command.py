"""How the helm process is started, listened to and ended, with a script in helm's place."""

from __future__ import annotations

import asyncio
import json
import os
import select
from pathlib import Path

import pytest

from skill_runner.backends.base import Target
from skill_runner.backends.helm.command import HelmCommand
from skill_runner.errors import HelmError
from skill_runner.tasks import Haste

TARGET = Target("/etc/kube:/home/kube", "prod", "https://example.invalid")


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "helm"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


async def test_the_cluster_is_named_and_nothing_else_of_helms_environment_counts(
    tmp_path: Path,
) -> None:
    helm = script(tmp_path, 'echo "$@"; env | grep -E "^(HELM|KUBE)" | sort; pwd')
    environ = {**os.environ, "HELM_KUBETOKEN": "t", "HELM_DRIVER": "sql", "HELM_CACHE_HOME": "/c"}
    command = HelmCommand(helm, TARGET, environ=environ)
    assert (await command.run(["list"])).decode().splitlines() == [
        "list --kube-context prod",
        "HELM_CACHE_HOME=/c",
        "HELM_DRIVER=secret",
        "KUBECONFIG=/etc/kube:/home/kube",
        "/",
    ]


async def test_labels_go_onto_upgrades_only(tmp_path: Path) -> None:
    helm = script(tmp_path, 'echo "$@"')
    command = HelmCommand(helm, TARGET, labels={"b": "2", "a": "1"})
    assert (await command.run(["upgrade", "x"])).decode().endswith("--labels a=1,b=2\n")
    assert b"--labels" not in await command.run(["rollback", "x"])


async def test_values_come_in_and_lines_go_out(tmp_path: Path) -> None:
    helm = script(tmp_path, "cat; echo one >&2; printf two >&2")
    lines: list[str] = []
    command = HelmCommand(helm, TARGET, on_line=lines.append)
    data = b'["%s"]' % (b"x" * 300_000)
    assert await command.run(["upgrade"], data) == data
    assert lines == ["one", "two"]


async def test_a_helm_that_does_not_read_its_input_is_no_error_of_ours(tmp_path: Path) -> None:
    helm = script(tmp_path, "echo 'Error: INSTALLATION FAILED: no' >&2; exit 1")
    values = b'["%s"]' % (b"x" * 3_000_000)
    with pytest.raises(HelmError, match="release a/b: no"):
        await HelmCommand(helm, TARGET, about="release a/b").run(["upgrade"], values)


async def test_values_hold_no_escape_that_yaml_does_not_know(tmp_path: Path) -> None:
    """JSON writes a character beyond U+FFFF as two escapes, which Helm does not read."""
    command = HelmCommand(script(tmp_path, "cat"), TARGET)
    values = json.dumps({"a": "\U0001f600"}).encode()
    assert b"\\ud83d" in values
    assert await command.run(["upgrade"], values) == '{"a": "\U0001f600"}'.encode()


async def test_a_missing_helm_is_named() -> None:
    with pytest.raises(HelmError, match="no helm at /no/such/helm"):
        await HelmCommand("/no/such/helm", TARGET).run(["list"])


@pytest.mark.parametrize("deaf", [False, True])
async def test_cancelling_ends_the_whole_group(tmp_path: Path, deaf: bool) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    trap = "trap '' TERM; " if deaf else ""
    helm = script(tmp_path, f"{trap}sleep 600 & echo $! > {fifo}; wait; wait; sleep 600")
    task = asyncio.ensure_future(HelmCommand(helm, TARGET, grace=0.2).run(["upgrade"]))
    child = int(await asyncio.to_thread(fifo.read_text))
    handle = os.pidfd_open(child)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    ended, _, _ = select.select([handle], [], [], 30)
    os.close(handle)
    assert ended


async def test_whoever_interrupts_twice_does_not_wait_for_a_deaf_helm(tmp_path: Path) -> None:
    words, silent = tmp_path / "words", tmp_path / "silent"
    for path in (words, silent):
        os.mkfifo(path)
    # Deaf while this process holds `silent` open: it does not outlive a test that is killed.
    wait = f"exec 3<{silent}; while read line <&3 || [ $? -gt 1 ]; do :; done"
    helm = script(tmp_path, f"trap 'echo told 1<>{words}' TERM; echo up 1<>{words}; {wait}")
    with words.open("r+b", buffering=0) as said, silent.open("r+b", buffering=0):
        with Haste() as haste:
            task = asyncio.ensure_future(HelmCommand(helm, TARGET, grace=3600).run(["upgrade"]))
        assert await asyncio.to_thread(said.readline) == b"up\n"
        task.cancel()
        assert await asyncio.to_thread(said.readline) == b"told\n"
        haste.hurry()
        with pytest.raises(asyncio.CancelledError):
            await task
