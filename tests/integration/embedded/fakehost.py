"""A host in a network namespace of its own, and beyond it another one, which stands for the world.

What a cluster does to its host's network can be tried there without touching this machine's. Only
the network is another: processes, cgroups and files are this machine's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skill_runner.clusters.embedded.settings import Node
from tests.support.testimage import BUSYBOX

WORLD = "192.0.2.2"
"""The address of the world beyond the host (TEST-NET-1, RFC 5737)."""
NAME = "outside.test"


class FakeHost:
    """Runs commands with the fake host's network and name servers."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self.network = f"/run/netns/{name}-host"
        self._world = f"{name}-world"

    def command(self, *words: str) -> list[str]:
        """Its own mounts, for /etc/resolv.conf; its own network."""
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        enter = ["nsenter", f"--net={self.network}"]
        resolv_conf = str(self._folder / "resolv.conf")
        return ["unshare", "--mount", "sh", "-c", mount, resolv_conf, *enter, *words]

    def run(self, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run to the end; `path` replaces PATH."""
        environment = ["env", f"PATH={path}"] if path else []
        return subprocess.run(
            self.command(*environment, *words),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def skill(self, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "skill_runner", *words, path=path)

    def forward(self) -> None:
        script = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        assert self.run("sh", "-c", script).returncode == 0

    def teach_the_world(self, network: str) -> None:
        """Give the world a route to a network behind the host, as a neighbour may add one."""
        _ip("-n", self._world, "route", "add", network, "via", "192.0.2.1")

    def in_the_world(self, *words: str) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", f"--net=/run/netns/{self._world}"]
        return subprocess.run([*enter, *words], capture_output=True, text=True, check=False)

    def pod(self, node: Node, name: str, script: str) -> str:
        """What a pod prints that runs a shell script."""
        words = ("-m", "tests.integration.embedded.ask", str(node.kubeconfig), name, script)
        answer = self.run(sys.executable, *words)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


@contextmanager
def fake_host(name: str, folder: Path, coredns: Path) -> Iterator[FakeHost]:
    """Two namespaces and a cable; in the world, a web server and a name server."""
    host, world = f"{name}-host", f"{name}-world"
    # The host's name server is on its loopback, as systemd-resolved's is.
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\n")
    local = _corefile(folder, "local", "127.0.0.53", f"forward . {WORLD}")
    remote = _corefile(folder, "remote", WORLD, f"hosts {{\n{WORLD} {NAME}\n}}")
    (folder / "index.html").write_text("the world\n")
    web = [str(BUSYBOX), "httpd", "-f", "-p", f"{WORLD}:80", "-h", str(folder)]
    children = []
    try:
        for each in (host, world):
            _ip("netns", "add", each)
            _ip("-n", each, "link", "set", "lo", "up")
        _ip("-n", host, "link", "add", "up0", "type", "veth", "peer", "up0", "netns", world)
        for each, address in ((host, "192.0.2.1/24"), (world, f"{WORLD}/24")):
            _ip("-n", each, "addr", "add", address, "dev", "up0")
            _ip("-n", each, "link", "set", "up0", "up")
        for each, words in ((world, web), (world, remote), (host, local)):
            program = [str(coredns), "-conf", words] if isinstance(words, str) else words
            children.append(
                subprocess.Popen(
                    ["nsenter", f"--net=/run/netns/{each}", *program], stdout=subprocess.DEVNULL
                )
            )
        yield FakeHost(name, folder)
    finally:
        for child in children:
            child.kill()
            child.wait()
        for each in (host, world):
            subprocess.run(["ip", "netns", "del", each], check=False, capture_output=True)


def _corefile(folder: Path, name: str, address: str, answer: str) -> str:
    file = folder / f"{name}.Corefile"
    file.write_text(f".:53 {{\nbind {address}\n{answer}\n}}\n")
    return str(file)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
