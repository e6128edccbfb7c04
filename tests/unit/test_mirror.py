"""The tests mirror the source: each package has its folder here, and what decides has its twin."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.support.paths import ROOT

SOURCE: Final = ROOT / "skill_runner"
UNIT: Final = Path(__file__).parent
# Modules that decide something of their own: the file that holds each must have its name.
TWINS: Final = (
    "actions/describe",
    "actions/graph",
    "actions/platform",
    "actions/platform_proofs",
    "actions/remove",
    "actions/request",
    "actions/up",
    "actions/validate",
    "actions/verify",
    "actions/why",
    "actions/requirements/dag",
    "actions/compliance/gather",
    "actions/compliance/plans",
    "agents/arguments",
    "agents/export",
    "agents/permissions",
    "agents/server",
    "agents/skill_md",
    "backends/fence",
    "backends/kubeconfig",
    "backends/recording/replay",
    "backends/virtual_clock",
    "compliance/judge",
    "compliance/managed",
    "compliance/python_rules",
    "compliance/reader",
    "execution/apply",
    "execution/evidence",
    "execution/failure",
    "execution/permissions",
    "execution/preflight",
    "execution/proofs",
    "execution/prune",
    "execution/rights",
    "execution/rollback",
    "execution/runner",
    "execution/stability",
    "execution/steps",
    "execution/strangers",
    "execution/wall",
    "hooks/call",
    "hooks/dapr",
    "hooks/pods",
    "hooks/postgres",
    "hooks/scram",
    "images/build",
    "images/builders",
    "images/isolation",
    "images/provider",
    "images/recipe",
    "images/registry",
    "installations/crds",
    "installations/data",
    "installations/deletion",
    "installations/drift",
    "installations/lock",
    "installations/namespaces",
    "installations/operated",
    "installations/ownership",
    "installations/record",
    "installations/record_form",
    "installations/releases",
    "installations/removal",
    "installations/scaled",
    "outcome/document",
    "plan/changes",
    "plan/inputs",
    "plan/make",
    "policy/declared",
    "processes/isolation",
    "readiness/diagnosis/affinity",
    "readiness/diagnosis/crash",
    "readiness/diagnosis/creation",
    "readiness/diagnosis/failure_policy",
    "readiness/diagnosis/missing_config",
    "readiness/diagnosis/pods",
    "readiness/diagnosis/probes",
    "readiness/diagnosis/pull",
    "readiness/status/compute",
    "readiness/status/jsonpath",
    "readiness/status/scaling",
    "readiness/wait/loop",
    "readiness/wait/summary",
    "readiness/wait/webhooks",
    "runs/cancel",
    "runs/detached",
    "runs/folder",
    "runs/journal",
    "runs/process",
    "skill/library",
    "skill/loader/interpolation",
    "skill/loader/requirements",
    "skill/templating",
    "skill/yaml_source",
    "text/patterns",
    "text/redact",
    "quantity",
    "scope",
    "tasks",
)
# Packages that only a real cluster or a machine's root shows at work: tests/integration/embedded.
ELSEWHERE: Final = frozenset({"clusters/embedded/node"})


def packages() -> list[str]:
    """Every package below skill_runner, as its path there."""
    found = (path.parent.relative_to(SOURCE) for path in SOURCE.rglob("__init__.py"))
    return sorted(str(path) for path in found if path.parts)


def test_every_package_has_its_folder() -> None:
    missing = [name for name in packages() if not any((UNIT / name).glob("**/test_*.py"))]
    assert missing == sorted(ELSEWHERE)


def test_every_folder_has_its_package() -> None:
    folders = {path.parent.relative_to(UNIT) for path in UNIT.rglob("test_*.py")}
    assert sorted(str(f) for f in folders if f.parts) == sorted(
        str(f) for f in folders if f.parts and (SOURCE / f / "__init__.py").is_file()
    )


@pytest.mark.parametrize("module", TWINS)
def test_a_module_that_decides_has_its_twin(module: str) -> None:
    place = Path(module)
    assert (SOURCE / place).with_suffix(".py").is_file(), "it moved: move its twin, too"
    assert (UNIT / place.parent / f"test_{place.name}.py").is_file()
