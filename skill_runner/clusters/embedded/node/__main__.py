"""The first process of a node's namespaces: it makes the node, starts its parts, watches them.

Started as `unshare … python -m skill_runner.clusters.embedded.node FOLDER NET MOUNT`, with two
descriptors of the host's network and mount namespaces. Only the standard library is imported: this
process stays in memory. When it ends, the kernel ends everything in its namespaces.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skill_runner.clusters.embedded.cgroups import enter_cgroup
from skill_runner.clusters.embedded.components import Component, Stage, stages
from skill_runner.clusters.embedded.node.mounts import mount_node
from skill_runner.clusters.embedded.node.network import connect, way_out
from skill_runner.clusters.embedded.settings import Node, read_node

FAILURE = "failure"
"""A file in the cluster's folder: why the node could not be made."""

API_PAUSE = 0.05
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0


@dataclass(slots=True)
class Running:
    """A component, its process, and how it fared so far."""

    component: Component
    process: subprocess.Popen[bytes]
    started: float
    delay: float = FIRST_DELAY


def main(arguments: list[str]) -> int:
    node = read_node(Path(arguments[0]))
    host_network, host_mounts = int(arguments[1]), int(arguments[2])
    try:
        enter_cgroup(node.cgroups)
        socket.sethostname(node.name)
        mount_node(node)
        connect(node, host_network, host_mounts)
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        (node.path / FAILURE).write_text(f"`{command}` said: {(error.stderr or '').strip()}")
        return 1
    except OSError as error:
        (node.path / FAILURE).write_text(str(error))
        traceback.print_exc()
        return 1
    first, *then = stages(node)
    outside = way_out(node, host_network, host_mounts)
    _supervise(node, (*outside, *first.components), then)
    return 0


def _supervise(node: Node, first: tuple[Component, ...], then: list[Stage]) -> None:
    """Start every part, and again whenever one ends; orphans of the namespace are reaped too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    running = {part.name: _start(node, part) for part in first}
    trust = ssl.create_default_context(cafile=str(node.certificates / "ca.crt"))
    due: dict[str, float] = {}
    while True:
        status = _api_status(trust) if then else 0
        while then and then[0].may_start(status):
            running |= {part.name: _start(node, part) for part in then.pop(0).components}
        now = time.monotonic()
        timeout = API_PAUSE if then else max(0.0, min(due.values(), default=now + 60) - now)
        signal.sigtimedwait({signal.SIGCHLD}, timeout)
        for pid, code in _reap():
            for item in running.values():
                if item.process.pid == pid:
                    due[item.component.name] = _ended(item, code)
        for name in [name for name, when in due.items() if when <= time.monotonic()]:
            del due[name]
            delay = running[name].delay
            running[name] = _start(node, running[name].component)
            running[name].delay = delay


def _api_status(trust: ssl.SSLContext) -> int:
    """Return what /readyz answers, as an HTTP status; 0 when nothing does.

    By hand, because http.client takes as long to import as etcd takes to start.
    """
    try:
        with (
            socket.create_connection(("127.0.0.1", 6443), timeout=2) as plain,
            trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            return int(connection.recv(64).split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _reap() -> Iterator[tuple[int, int]]:
    """Every child that has ended, adopted ones included."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _ended(item: Running, status: int) -> float:
    """Decide when to start it again: at once if it ran well, later and later if it does not."""
    code = os.waitstatus_to_exitcode(status)
    item.process.returncode = code
    lived = time.monotonic() - item.started
    item.delay = FIRST_DELAY if lived > 60 else min(item.delay * 2, LONGEST_DELAY)
    print(f"{item.component.name} ended with {code} after {lived:.1f} s", flush=True)  # noqa: T201
    return time.monotonic() + item.delay - FIRST_DELAY


def _start(node: Node, part: Component) -> Running:
    with (node.logs / f"{part.name}.log").open("ab") as log, Path("/proc/1/ns/net").open() as own:
        process = subprocess.Popen(
            part.command,
            stdin=own if part.name == "slirp4netns" else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=node.folder,
            env={**os.environ, "TMPDIR": str(node.temporary), **part.environment},
            start_new_session=True,
            preexec_fn=_unblock,
        )
    return Running(part, process, time.monotonic())


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
