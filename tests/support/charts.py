"""Charts through the helm command, as it is on PATH or in the cache."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from skill_runner.binaries import cache_folder
from skill_runner.binaries.gomodule import module_files
from skill_runner.progress import silent
from skill_runner.skill.library import default_library


def _helm() -> str | None:
    cached = sorted(cache_folder().glob("assets/helm-*/helm"))
    return shutil.which("helm") or (str(cached[-1]) if cached else None)


HELM = _helm()


def run_helm(*arguments: str, values: dict[str, Any] | None = None) -> Any:
    assert HELM is not None
    return subprocess.run(
        [HELM, *arguments, "--values", "-"],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def render(chart: Path, release: str, namespace: str, **values: Any) -> dict[str, dict[str, Any]]:
    """The objects of a chart by kind and name."""
    done = run_helm("template", release, str(chart), "--namespace", namespace, values=values)
    assert done.returncode == 0, done.stderr
    objects = [obj for obj in yaml.safe_load_all(done.stdout) if obj]
    return {f"{obj['kind']} {obj['metadata']['name']}": obj for obj in objects}


def official_dapr() -> Path:
    """The folder of Dapr's own chart, out of the Go module from which its image is built."""
    recipe = default_library().find("dapr-k8s-setup").folder / "image"
    files = asyncio.run(module_files(recipe, "github.com/dapr/dapr", "charts/dapr", silent))
    return files[0].parent
