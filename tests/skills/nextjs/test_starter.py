"""The starter's own tests, as whoever begins with it runs them, beside the starter of FastAPI."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tenacity

from skill_runner.skill.shipped import shipped

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: make test-system"),
]


@pytest.fixture
def backend() -> Iterator[str]:
    """The address of the starter of a FastAPI service, without a sidecar."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = subprocess.Popen(
        [sys.executable, "-m", "service"],
        cwd=shipped("templates") / "fastapi-service",
        env={**os.environ, "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.kill()
        serving.wait()


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(httpx.TransportError),
    wait=tenacity.wait_fixed(0.1),
    stop=tenacity.stop_after_delay(60),
)
def _until_it_answers(url: str) -> None:
    httpx.get(url, trust_env=False).raise_for_status()


def test_they_pass_also_against_the_starter_of_fastapi(tmp_path: Path, backend: str) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(
        shipped("templates") / "nextjs-app",
        folder,
        ignore=shutil.ignore_patterns("node_modules", ".next"),
    )
    for words in (["ci", "--prefer-offline", "--no-audit"], ["test"]):
        done = subprocess.run(
            ["npm", *words],
            cwd=folder,
            env={**os.environ, "BACKEND_URL": backend},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed" in done.stdout
