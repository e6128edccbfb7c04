"""The command line before any command: help, did-you-mean, what is imported."""

from __future__ import annotations

import subprocess
import sys

from skill_runner.cli import main


def test_help_imports_no_kubernetes_client() -> None:
    code = (
        "import sys; from skill_runner.cli import main; main.run(['--help']);"
        "bad = {'kubernetes', 'pyhelm3', 'aiohttp', 'pydantic', 'jsonschema'} & set(sys.modules);"
        "sys.exit(f'imported: {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    assert main.run(["verfy"]) == 2
