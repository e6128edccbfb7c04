"""A limit of the kernel is met before a cluster starts, and named with what raises it."""

from __future__ import annotations

import sys

import pytest

from skill_runner.clusters.embedded.host.limits import LIMIT, check_inotify
from skill_runner.errors import PreflightFailed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")


def test_too_few_inotify_instances_are_named() -> None:
    limit = int(LIMIT.read_text())
    with pytest.raises(PreflightFailed) as refused:
        check_inotify(limit + 1)
    assert f"of the {limit} that each user may have" in refused.value.message
    assert "sysctl -w fs.inotify.max_user_instances=1024" in refused.value.hint
    with pytest.raises(PreflightFailed, match="inotify"):
        check_inotify(limit + 1)  # what the first look opened is closed again


def test_what_is_there_is_enough() -> None:
    check_inotify(1)
