"""The two contracts of an agent, shell and MCP, behind one interface: scenarios drive both.

The shell contract is spelled as SKILL.md tells it, independently of the server's own translation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol

EVALS: Final = Path(__file__).resolve().parent
SKILL: Final = (sys.executable, "-m", "skill_runner")
POSITIONAL: Final = {
    "describe_skill": "skill",
    "plan": "skill",
    "run": "skill",
    "status": "run_id",
    "verify": "name",
    "why": "name",
    "remove": "name",
}

Document = dict[str, Any]


class Contract(Protocol):
    """How an agent calls a tool, and the one document that it gets.

    `progress` counts the signs of life during the last call: lines on stderr, or notifications.
    """

    progress: int

    def call(self, tool: str, **arguments: Any) -> Document: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Shell:
    """An agent with a shell. `options` name the cluster; `environment` is its own."""

    options: Sequence[str]
    environment: dict[str, str]
    progress: int = 0

    def call(self, tool: str, **arguments: Any) -> Document:
        command = {"list_skills": "list", "describe_skill": "describe"}.get(tool, tool)
        wait = arguments.pop("wait_seconds", None)
        words = [command]
        if tool in POSITIONAL and POSITIONAL[tool] in arguments:
            words.append(str(arguments.pop(POSITIONAL[tool])))
        if arguments.pop("confirm", None):
            words.append("--yes")
        if tool == "run" and wait is not None:
            words.append("--detach")
        if tool == "status" and wait is not None:
            words += ["--wait", str(wait)]
        for key, value in arguments.pop("inputs", {}).items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += ["--set", f"{key}={text}"]
        for key, value in arguments.items():
            words += [f"--{key}"] if value is True else [f"--{key}", str(value)]
        where = [] if tool in ("list_skills", "describe_skill") else self.options
        if "context" in arguments:
            where = [word for word in where if not word.startswith("--context")]
        done = subprocess.run(
            [*SKILL, *words, *where, "-o", "json"],
            env=self.environment,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.progress = len(done.stderr.splitlines())
        document: Document = json.loads(done.stdout)
        return document

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Mcp:
    """An agent with MCP: the TypeScript SDK's client, over stdio."""

    options: Sequence[str]
    environment: dict[str, str]
    progress: int = 0
    process: subprocess.Popen[str] = field(init=False)
    answers: IO[str] = field(init=False)
    calls: IO[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            ["node", str(EVALS / "client.mjs"), *SKILL, "mcp", *self.options],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.calls, self.answers = self.process.stdin, self.process.stdout

    def call(self, tool: str, **arguments: Any) -> Document:
        answer = self.ask({"tool": tool, "arguments": arguments})
        document = answer.get("structuredContent") or json.loads(answer["content"][0]["text"])
        assert bool(answer.get("isError")) == ("problem" in document)
        found: Document = document
        return found

    def ask(self, request: Document) -> Document:
        """One request of the client; its answer as it came."""
        self.calls.write(json.dumps(request) + "\n")
        self.calls.flush()
        answer: Document = json.loads(self.answers.readline())
        assert "error" not in answer, answer["error"]
        self.progress = answer["progress"]
        return answer

    def close(self) -> None:
        self.calls.close()
        self.process.wait()
        self.answers.close()


def install_client() -> None:
    """The npm packages of the client and the tokenizer, by their lock file."""
    if not (EVALS / "node_modules" / ".package-lock.json").is_file():
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=EVALS, check=True
        )


def count_tokens(texts: dict[str, str]) -> dict[str, int]:
    """Tokens of each text, by the public tokenizer gpt-tokenizer (o200k_base)."""
    done = subprocess.run(
        ["node", str(EVALS / "tokens.mjs")],
        input=json.dumps(texts),
        text=True,
        check=True,
        capture_output=True,
        env=os.environ,
    )
    counts: dict[str, int] = json.loads(done.stdout)
    return counts
