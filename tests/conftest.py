"""What holds for every test, and which of them share a process when they run side by side."""

from __future__ import annotations

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A busy machine fails nothing: no test asserts on a clock, examples of hypothesis included.
settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")

# A folder whose tests share one cluster, and so one process: a third of the whole run. Each file
# of tests/skills leaves its cluster as it found it, so every process may have one for such files.
WHOLE = "tests/cluster/"


class Lanes(LoadScopeScheduling):
    """What stays whole comes first; of all else, whoever is idle takes the next file."""

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE if nodeid.startswith(WHOLE) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)
