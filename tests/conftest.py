"""What holds for every test, and which of them share a process when they run side by side."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A busy machine fails nothing: no test asserts on a clock, examples of hypothesis included.
settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")

# Tests that share one cluster share a process. Those of the cluster itself, with what a wait says
# on it, and those of the `skill` command are half of them each. Each file of tests/skills leaves
# its cluster as it found it, so every process may have one for such files.
CLUSTER = "tests/integration/"
BROWSERS = "tests/unit/hooks/web/"
ITSELF = tuple(f"{CLUSTER}{folder}/" for folder in ("backends", "embedded", "faults"))


@pytest.fixture(scope="session", autouse=True)
def _no_annotations() -> None:
    """In GitHub Actions, let failures that tests make on purpose annotate nothing."""
    os.environ.pop("GITHUB_ACTIONS", None)


@pytest.fixture(scope="session", autouse=True)
def _hangups() -> Iterator[None]:
    """Let what tests start get SIGHUP although the tests themselves run under `nohup`: programs
    inherit what is ignored, and not what is handled."""
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first, then browsers and what is heavy, so that short files fill the
    end; what drives a cluster is marked so, whoever wrote it."""
    driven = [i for i in items if "driver" in getattr(i, "fixturenames", ())]
    for item in driven:
        item.add_marker(pytest.mark.cluster)
    minutes = {item.path for item in driven}
    heavy = {item.path for item in items if item.get_closest_marker("heavy")}

    def turn(item: pytest.Item) -> tuple[bool, ...]:
        name = item.nodeid
        return (
            not name.startswith(CLUSTER),
            item.path not in minutes,
            BROWSERS not in name and item.path not in heavy,
        )

    items.sort(key=turn)


class Lanes(LoadScopeScheduling):
    """Whoever is idle takes the next file, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(CLUSTER):
            return "the cluster" if nodeid.startswith(ITSELF) else "the command on a cluster"
        return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    config.option.loadscopereorder = False
    return Lanes(config, log)
