"""A skill whose runs fail when they are told to, in the ways of leaving what failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driver import Driver
from tests.support.testcluster import TestCluster

SKILL = Path(__file__).parent / "skill"


@pytest.fixture(scope="module")
def driver(
    test_cluster: TestCluster, busybox: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    library = tmp_path_factory.mktemp("skills")
    for mode in ("rollback", "remove"):
        folder = library / f"fragile-{mode}"
        shutil.copytree(SKILL, folder)
        text = (folder / "skill.yaml").read_text()
        text = text.replace("NAME", folder.name).replace("MODE", mode)
        (folder / "skill.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILL_PATH", os.fspath(library))
        state = tmp_path_factory.mktemp("state")
        yield Driver(test_cluster.kubeconfig, test_cluster.context, test_cluster.audit_log, state)
