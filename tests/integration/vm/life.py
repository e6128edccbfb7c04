"""One cluster's life on a machine that has never seen one; `scripts/test-vm` runs it there."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from skill_runner.clusters.embedded.host.paths import clusters_folder
from tests.integration.embedded.host import host_state, skill_ok, status
from tests.support import pods
from tests.support.testimage import busybox_archive

NAME = "fresh"
PATIENCE = "900"
"""Seconds: a machine in software emulation is ten times slower, and may have to share."""
LOOK_UP = "nslookup kubernetes.default.svc.cluster.local > /dev/null && echo found; id -u"


def main() -> None:
    before = host_state(NAME)
    try:
        timed("up", lambda: skill_ok("cluster", "up", "--name", NAME, "--timeout", PATIENCE))
        timed("a pod, and DNS from it", run_pod)
    except Exception:
        show_logs()
        raise
    sys.stdout.write(skill_ok("cluster", "status", "--name", NAME))
    timed("down", lambda: skill_ok("cluster", "down", "--name", NAME))
    left = host_state(NAME) - before
    assert not left, f"left on the machine: {sorted(left)}"
    say("nothing is left")


def run_pod() -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(busybox_archive())
        file.flush()
        skill_ok("cluster", "load", "--name", NAME, file.name)
    folder = Path(str(status(NAME)["folder"]))
    with pods.connect(folder / "kubeconfig", NAME) as api:
        assert pods.run(api, "default", pods.pod("hello", LOOK_UP)) == "found\n0\n"


def show_logs() -> None:
    """The machine is gone afterwards, and its logs with it."""
    for file in sorted((clusters_folder() / NAME / "logs").glob("*.log")):
        say(f"--- {file.name}")
        for line in file.read_text(errors="replace").splitlines()[-12:]:
            say(line[:240])


def timed(what: str, do: Callable[[], object]) -> None:
    start = time.monotonic()
    do()
    say(f"{what}: {time.monotonic() - start:.1f} s")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
