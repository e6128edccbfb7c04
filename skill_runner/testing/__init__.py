"""The fakes: a cluster, a Helm and a clock in memory, for our tests and for the tests of skills."""

from skill_runner.backends.virtual_clock import FakeClock
from skill_runner.testing.calls import ExecCall, Request
from skill_runner.testing.cluster import MemoryCluster
from skill_runner.testing.helm import MemoryHelm
from skill_runner.testing.pods import Fate
from skill_runner.testing.simulate import Simulation, simulate

__all__ = [
    "ExecCall",
    "FakeClock",
    "Fate",
    "MemoryCluster",
    "MemoryHelm",
    "Request",
    "Simulation",
    "simulate",
]
