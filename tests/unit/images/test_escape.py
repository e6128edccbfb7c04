"""A build step tries to reach the machine that builds it, by each known way."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.cgroups import hierarchies
from skill_runner.clusters.embedded.host.processes import all_processes
from skill_runner.errors import BuildFailed
from skill_runner.images.builders import Builder
from skill_runner.images.isolation import Isolation, clear_cgroups, works
from skill_runner.progress import Event, Line

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(n) is None for n in ("buildah", "busybox", "perl")),
        reason="needs root, buildah, a static busybox and perl",
    ),
]
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Target:
    """What a step must not reach: a file of root's, and a process of another user."""

    marker: Path
    word: str
    secret: str


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    secret, word = secrets.token_hex(16), f"bystander-{secrets.token_hex(4)}"
    marker = tmp_path / "marker"
    marker.write_text(secret)
    marker.chmod(0o600)
    bystander = subprocess.Popen(
        ["sh", "-c", "read line", word], stdin=subprocess.PIPE, user=NOBODY
    )
    yield Target(marker, word, secret)
    bystander.communicate(b"\n")


@pytest.fixture
def context(tmp_path: Path, target: Target) -> Path:
    """An image of perl and busybox whose one step is the attack."""
    context = tmp_path / "context"
    (context / "root/bin").mkdir(parents=True)
    for name in ("sh", "mknod", "mount"):
        shutil.copy(shutil.which("busybox") or "", context / "root/bin" / name)
    perl = os.path.realpath(shutil.which("perl") or "")
    linked = subprocess.run(["ldd", perl], capture_output=True, text=True, check=True).stdout
    for file in (perl, *re.findall(r"(/\S+) \(", linked)):
        place = context / "root" / file.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    shutil.copy(Path(__file__).with_name("escape.pl"), context / "root/escape.pl")
    (context / "Containerfile").write_text(
        "FROM scratch\nCOPY root /\nRUN mkdir -p /tmp 2>/dev/null; "
        f"{perl} /escape.pl {target.marker} {target.word}\n"
    )
    return context


@pytest.mark.parametrize("kind", ["oci", "chroot"])
async def test_a_step_reaches_nothing_of_the_machine(
    kind: str, context: Path, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "oci" and not await works(Isolation("oci")):
        pytest.skip("buildah's oci isolation does not work on this machine")
    monkeypatch.setenv("SKILL_BUILD_ISOLATION", kind)
    seen: list[Event] = []
    builder = Builder("buildah", store=tmp_path / "store")
    await builder.build(
        context, "skill.local/escape:1", tmp_path / "image.tar", seen.append, application=True
    )
    said = "\n".join(event.text for event in seen if isinstance(event, Line))
    assert "held: chroot and a handle" in said
    assert "all were tried" in said
    assert "ESCAPED" not in said
    assert target.secret not in said


def test_the_attack_works_without_our_isolation(context: Path, target: Target) -> None:
    store = ["--root", f"{context.parent}/root", "--runroot", f"{context.parent}/run"]
    plain = ["buildah", *store, "bud", "--isolation", "chroot", "--network", "host", str(context)]
    said = subprocess.run(plain, capture_output=True, text=True, check=True).stdout
    ways = ("chroot", "chroot and a handle", r"root of \d+ by its user")
    for way in ways:
        assert re.search(f"ESCAPED by {way}: {target.secret}", said), said
    assert "ESCAPED: may end the process sh" in said


@pytest.mark.parametrize("option", ["type=cache,id=../../../../../../../..,target=/outside"])
async def test_a_mount_that_leads_outside_is_refused(
    option: str, context: Path, target: Target, tmp_path: Path
) -> None:
    text = f"FROM scratch\nCOPY root /\nRUN --mount={option} cat /outside{target.marker}\n"
    (context / "Containerfile").write_text(text)
    with pytest.raises(BuildFailed, match="may lead a build step to a folder of this machine"):
        await Builder("buildah", store=tmp_path / "store").build(
            context, "skill.local/escape:1", tmp_path / "image.tar", lambda event: None
        )


LASTING = """
import asyncio, sys
from pathlib import Path
from skill_runner.images.builders import Builder
from skill_runner.progress import silent
context, store = Path(sys.argv[1]), Path(sys.argv[2])
asyncio.run(Builder("buildah", store).build(context, "skill.local/x:1", store / "x", silent))
"""


@pytest.mark.parametrize("kind", ["oci", "chroot"])
def test_a_build_ends_with_the_process_that_asked_for_it(
    kind: str, context: Path, target: Target, tmp_path: Path
) -> None:
    if kind == "oci" and not asyncio.run(works(Isolation("oci"))):
        pytest.skip("buildah's oci isolation does not work on this machine")
    step = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 60; done", f"{target.word}-step"]
    (context / "Containerfile").write_text(f"FROM scratch\nCOPY root /\nRUN {json.dumps(step)}\n")
    shutil.copy(context / "root/bin/sh", context / "root/bin/sleep")
    words = [sys.executable, "-c", LASTING, str(context), str(tmp_path / "store")]
    building = subprocess.Popen(words, env={**os.environ, "SKILL_BUILD_ISOLATION": kind})
    try:
        _until(f"{target.word}-step", there=True)
    finally:
        building.send_signal(signal.SIGKILL)
        building.wait()
    _until(f"{target.word}-step", there=False)
    clear_cgroups()
    left = [path for root in hierarchies() for path in root.glob(f"skillbuild-{building.pid}-*")]
    assert left == []


@retry(
    retry=retry_if_result(lambda seen: not seen), wait=wait_fixed(0.05), stop=stop_after_delay(60)
)
def _until(word: str, *, there: bool) -> bool:
    """Until a process with this last word is there, or is gone; zombies are gone."""
    return any(each.command[-1:] == (word,) for each in all_processes()) is there
