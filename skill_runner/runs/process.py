"""The process that holds a lock: told apart from every other on its machine, dead or alive."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

State = Literal["running", "stopped", "gone", "unknown"]

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MACHINE: Final = Path("/etc/machine-id")
_UNPRINTED: Final = re.compile(r"[^A-Za-z0-9@:._-]+")


@dataclass(frozen=True, slots=True)
class Holder:
    """One run. `realm` is where its pid means something: one boot, one PID and time namespace.

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
        _, started = _stat(pid)
        return Holder(socket.gethostname(), pid, started, _realm(), secrets.token_hex(4))

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
        """As a person wants to read it; whoever may write a Lease writes nothing else here."""
        host = _UNPRINTED.sub("?", self.host)[:80]
        return f"process {self.pid} on {host}" if self.pid else host

    @property
    def is_near(self) -> bool:
        """Tell whether its process would be one of this machine, in this container."""
        return bool(self.realm) and (self.host, self.realm) == (socket.gethostname(), _realm())

    def state(self) -> State:
        """Say what its process does, where that can be known from here for certain."""
        if not self.is_near or self.pid <= 0 or not self.started:
            return "unknown"
        state, started = _stat(self.pid)
        if not started:
            # /proc may hide the processes of others (hidepid); the kernel's answer is certain.
            return "unknown" if _exists(self.pid) else "gone"
        if started != self.started or state in "ZX":
            return "gone"
        return "stopped" if state in "Tt" else "running"

    def is_gone(self) -> bool | None:
        """Tell whether its process has ended; None when it cannot be known from here."""
        state = self.state()
        return None if state == "unknown" else state == "gone"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _realm() -> str:
    """This boot of this machine, this PID namespace and this time namespace; empty where /proc
    does not say. In a copy of a virtual machine all of them may be the same, but for the host."""
    try:
        parts = [_BOOT.read_text(), os.readlink("/proc/self/ns/pid")]
        # A /proc of another PID namespace would answer for other processes.
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""
    except OSError:
        return ""
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/time"))
    with suppress(OSError):
        parts.append(_MACHINE.read_text())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _stat(pid: int) -> tuple[str, int]:
    """A process's state, one letter, and its start in ticks since boot; ("", 0) when unseen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", 0
