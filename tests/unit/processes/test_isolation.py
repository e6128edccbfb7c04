"""Nothing of the current folder runs, whichever command is given there, and however it starts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from mcp import Client, StdioServerParameters

from skill_runner.cli.main import COMMANDS
from skill_runner.processes import isolation
from tests.support.paths import ROOT, SKILLS
from tests.support.traps import Traps

SCRIPT = (str(Path(sys.executable).with_name("skill")),)
MODULE = (sys.executable, "-m", "skill_runner")

# Each command with arguments that take it as far as it gets without a cluster.
ARGUMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "run": (("echo", "-o", "json"), ("echo", "--detach", "-o", "json")),
    "plan": (("echo", "-o", "json"),),
    "render": (("echo",),),
    "verify": (("echo", "-o", "json"),),
    "why": (("echo", "-o", "json"),),
    "up": (("platform.yaml", "-o", "json"),),
    "down": (("platform.yaml", "--yes", "-o", "json"),),
    "remove": (("echo", "--yes", "-o", "json"),),
    "status": ((),),
    "cancel": (("nothing-0000",),),
    "logs": (("nothing-0000",),),
    "report": (("nothing-0000",), ("nothing-0000", "--html")),
    "drift": (("echo", "-o", "json"),),
    "compliance": (("-o", "json"), ("--governance", "learnflow", "--full")),
    "list": ((), ("-o", "json")),
    "describe": (("echo",),),
    "validate": ((str(SKILLS / "echo"),),),
    "new": (("skill", "made"),),
    "cluster": (("list",), ("status",)),
    "images": (("list", "echo"),),
    "export": (("--to", "."),),
    "debug": (("--help",),),
    "mcp": (("--help",),),  # its tools have a test of their own
    "doctor": ((),),
}


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State and kubeconfig of the test's own: a local server that does not answer."""
    config = {
        "current-context": "minikube",
        "contexts": [{"name": "minikube", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("SKILL_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SKILL_PATH", str(SKILLS))


def skill(traps: Traps, start: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*start, *words],
        cwd=traps.folder,
        env=traps.environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def before_us() -> frozenset[str]:
    """The modules that `python -m skill_runner` itself takes from the current folder: the one that
    the caller named, and those that find it."""
    said = subprocess.check_output(
        [sys.executable, "-c", "import runpy, pkgutil, sys; print(*sys.modules)"], text=True
    )
    return frozenset({"skill_runner", *(name.partition(".")[0] for name in said.split())})


def test_every_command_is_tried() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)


@pytest.mark.heavy
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("environ")
def test_a_command_runs_nothing_of_the_current_folder(tmp_path: Path, command: str) -> None:
    traps = Traps(tmp_path)
    for words in ARGUMENTS[command]:
        done = skill(traps, SCRIPT, command, *words)
        assert traps.sprung() == []
        assert "Traceback" not in done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("command", ["run", "cluster"])
@pytest.mark.usefixtures("environ")
def test_nor_does_it_as_a_module(tmp_path: Path, command: str) -> None:
    """All commands leave the current folder at the same place, before the first import."""
    traps = Traps(tmp_path, without=before_us())
    for words in ARGUMENTS[command]:
        done = skill(traps, MODULE, command, *words)
        assert traps.sprung() == []
        assert "Traceback" not in done.stderr


@pytest.mark.heavy
@pytest.mark.usefixtures("environ")
def test_a_detached_worker_runs_nothing_of_the_current_folder(tmp_path: Path) -> None:
    traps = Traps(tmp_path)
    started = skill(traps, SCRIPT, "run", "echo", "--detach", "-o", "json")
    run = yaml.safe_load(started.stdout)["run"]
    ended = skill(traps, SCRIPT, "status", run, "--wait", "120", "-o", "json")
    assert yaml.safe_load(ended.stdout)["problem"]["code"] == "CLUSTER_UNREACHABLE"
    assert traps.sprung() == []


@pytest.mark.heavy
@pytest.mark.usefixtures("environ")
async def test_the_mcp_server_and_its_workers_run_nothing_of_it(tmp_path: Path) -> None:
    traps = Traps(tmp_path)
    server = StdioServerParameters(
        command=SCRIPT[0], args=["mcp", "--read-only"], cwd=traps.folder, env=traps.environ()
    )
    async with Client(server) as agent:
        answer = await agent.call_tool("plan", {"skill": "echo"})
    assert answer.structured_content["problem"]["code"] == "CLUSTER_UNREACHABLE"
    assert traps.sprung() == []


@pytest.mark.heavy
@pytest.mark.usefixtures("environ")
def test_an_empty_entry_of_pythonpath_is_not_the_current_folder(tmp_path: Path) -> None:
    """`export PYTHONPATH=$PYTHONPATH:/x` makes one, where the variable was not set."""
    traps = Traps(tmp_path, without=before_us())
    done = subprocess.run(
        [*MODULE, "run", "echo", "--detach", "-o", "json"],
        cwd=traps.folder,
        check=True,
        text=True,
        env={**traps.environ(), "PYTHONPATH": ":."},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    run = yaml.safe_load(done.stdout)["run"]
    ended = skill(traps, SCRIPT, "status", run, "--wait", "120", "-o", "json")
    assert yaml.safe_load(ended.stdout)["problem"]["code"] == "CLUSTER_UNREACHABLE"
    assert traps.sprung() == []


@pytest.mark.heavy
def test_an_absolute_pythonpath_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation that lives there would lose its own modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/opt/ours", str(tmp_path), "/usr/lib/python"])
    monkeypatch.setenv("PYTHONPATH", f"/opt/ours{os.pathsep}{os.pathsep}sub")
    monkeypatch.setenv("PATH", f".{os.pathsep}/usr/bin{os.pathsep}")
    isolation.leave_current_folder()
    assert os.environ["PYTHONPATH"] == "/opt/ours"
    assert os.environ["PATH"] == "/usr/bin"
    assert sys.path == ["/opt/ours", "/usr/lib/python"]


@pytest.mark.heavy
def test_a_checkout_on_a_relative_pythonpath_still_finds_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), "/usr/lib/python"])
    monkeypatch.setenv("PYTHONPATH", ".")
    isolation.leave_current_folder()
    assert os.environ["PYTHONPATH"] == str(ROOT)
    assert sys.path == [str(ROOT), "/usr/lib/python"]


def sources() -> Iterator[Path]:
    yield from (ROOT / "skill_runner").rglob("*.py")
    yield from (ROOT / "skills").glob("*/hooks.py")


STARTS = {
    "run",
    "Popen",
    "call",
    "check_call",
    "check_output",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "execv",
    "execve",
    "execvp",
    "posix_spawn",
    "system",
    "popen",
}


def python_starts(text: str) -> list[str]:
    """Where a source starts a Python without `python_command`, or could."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Attribute(value=ast.Name(id="sys"), attr="executable" | "_base_executable"):
                found.append(f"{node.lineno}: sys.executable")
            case ast.ImportFrom(module="sys", names=names) if any(
                each.name.endswith("executable") for each in names
            ):
                found.append(f"{node.lineno}: from sys import executable")
            case ast.Import(names=names) | ast.ImportFrom(names=names) if any(
                word in ast.unparse(node) for word in ("multiprocessing", "ProcessPoolExecutor")
            ):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            case ast.Call(func=ast.Attribute(attr=name), args=[first, *_]) if name in STARTS:
                words = first.elts[:1] if isinstance(first, ast.List | ast.Tuple) else [first]
                if any("python" in ast.unparse(word).lower() for word in words) and not any(
                    "python_command(" in ast.unparse(word) for word in words
                ):
                    found.append(f"{node.lineno}: {ast.unparse(node)[:60]}")
    return found


def test_only_one_function_starts_a_python() -> None:
    found = {
        str(path.relative_to(ROOT)): starts
        for path in sources()
        if path.name != "isolation.py" and (starts := python_starts(path.read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.heavy
@pytest.mark.parametrize(
    "text",
    [
        "import sys\nsubprocess.run([sys.executable, '-m', 'x'])",
        "from sys import executable",
        "subprocess.Popen(['python3', '-c', ''])",
        "import multiprocessing",
        "from concurrent.futures import ProcessPoolExecutor",
        "asyncio.create_subprocess_exec('python', '-m', 'x')",
        "os.execv('/usr/bin/python', [])",
    ],
)
def test_the_check_sees_one_that_does(text: str) -> None:
    assert python_starts(text) != []
