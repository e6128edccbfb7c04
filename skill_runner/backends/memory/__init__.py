"""The fakes: a cluster, a Helm and a clock in memory, for our tests and for the tests of skills."""

from skill_runner.backends.memory.calls import ExecCall, Request
from skill_runner.backends.memory.cluster import MemoryCluster
from skill_runner.backends.memory.helm import MemoryHelm
from skill_runner.backends.memory.pods import Fate
from skill_runner.backends.memory.simulate import Simulation, simulate
from skill_runner.backends.virtual_clock import FakeClock

__all__ = [
    "ExecCall", "FakeClock", "Fate", "MemoryCluster", "MemoryHelm", "Request", "Simulation",
    "simulate",
]  # fmt: skip
