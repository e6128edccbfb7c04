"""Who holds a lock: a process on a machine, told apart from every other, dead or alive."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """One run. `realm` is where its pid means something: one boot, one PID namespace.

    `started` is the process's start in clock ticks since boot, since pids are used again.
    """

    host: str
    pid: int
    started: int = 0
    realm: str = ""
    token: str = ""

    @staticmethod
    def here() -> Holder:
        """This process."""
        return Holder.of(os.getpid())

    @staticmethod
    def of(pid: int) -> Holder:
        """A process of this machine."""
        return Holder(socket.gethostname(), pid, _started(pid) or 0, _realm(), secrets.token_hex(4))

    def __str__(self) -> str:
        return f"{self.host}_{self.pid}_{self.started}_{self.realm}_{self.token}"

    @staticmethod
    def parse(identity: str) -> Holder:
        """A holder from the text of one; what another tool wrote is all host."""
        host, *rest = identity.rsplit("_", 4)
        try:
            pid, started, realm, token = rest
            return Holder(host, int(pid), int(started), realm, token)
        except ValueError:
            return Holder(identity, 0)

    @property
    def words(self) -> str:
        """As a person wants to read it."""
        return f"process {self.pid} on {self.host}" if self.pid else self.host

    def is_gone(self) -> bool | None:
        """Whether its process has ended; None when it cannot be known from here."""
        if not self.realm or self.realm != _realm():
            return None
        return _started(self.pid) != self.started


def _realm() -> str:
    """This boot and this PID namespace; empty where /proc does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
    return f"{boot}-{space}"


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none alive."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
