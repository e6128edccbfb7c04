"""A tool call into the arguments of the `skill` command, so that both contracts are one.

Every value is one argument of its own, joined to its option by `=`, and positions come after
`--`: nothing an agent says can become an option.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.agents.permissions import Permits
from skill_runner.errors import Refused, UsageError

Arguments = Mapping[str, Any]

_DEFAULT_WAIT: Final = 90.0  # seconds; under the 120 s that common clients allow


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One `skill` command: its arguments, what it is about, seconds to wait for its end."""

    argv: tuple[str, ...]
    label: str
    installation: str
    wait: float


def call_of(tool: str, asked: Arguments, permits: Permits, connection: Sequence[str]) -> Call:
    """The command of an outcome tool; `connection` are the server's own options (--kubeconfig).

    Refused for what the permits forbid; UsageError for what cannot be asked.
    """
    permits.check(tool, asked)
    context = permits.context(asked.get("context"))
    options = [*connection, *_option("--context", context), "--output=json"]
    subject, more = _SUBJECTS[tool](asked, permits)
    words = ["--", subject] if subject else []
    namespace = _option("--namespace", asked.get("namespace"))
    name = str(asked.get("name") or subject)
    return Call(
        argv=(tool, *more, *namespace, *options, *words),
        label=name,
        installation=name,
        wait=float(asked.get("wait_seconds", _DEFAULT_WAIT)),
    )


def _skill(asked: Arguments, permits: Permits) -> tuple[str, list[str]]:
    """`plan` and `run`: a skill of the library by its name, never a path, with its inputs."""
    skill = str(asked["skill"])
    if "/" in skill or "\\" in skill or skill.startswith("."):
        raise UsageError(
            f"{skill!r} is a path, and only skills of the library run here, by their names",
            hint="list_skills names them; the server's owner adds folders with SKILL_PATH.",
        )
    inputs = asked.get("inputs")
    data = [f"--inputs={json.dumps(inputs)}"] if inputs else []
    return skill, [*_option("--name", asked.get("name")), *data]


def _run(asked: Arguments, permits: Permits) -> tuple[str, list[str]]:
    skill, options = _skill(asked, permits)
    return skill, options if permits.allow_changes else [*options, "--no-change"]


def _verify(asked: Arguments, permits: Permits) -> tuple[str, list[str]]:
    return str(asked["name"]), ["--observe"] if asked.get("observe") else []


def _why(asked: Arguments, permits: Permits) -> tuple[str, list[str]]:
    return str(asked.get("name") or ""), _option("--release", asked.get("release"))


def _remove(asked: Arguments, permits: Permits) -> tuple[str, list[str]]:
    name, confirm = str(asked["name"]), str(asked["confirm"])
    if name != confirm:
        raise Refused(
            f"removing {name!r} was confirmed as {confirm!r}; nothing was removed",
            hint="`confirm` must be the exact name again.",
        )
    return name, ["--yes", *(["--purge"] if asked.get("purge") else [])]


_SUBJECTS: Final = {"plan": _skill, "run": _run, "verify": _verify, "why": _why, "remove": _remove}


def _option(name: str, value: object) -> list[str]:
    return [f"{name}={value}"] if value not in (None, "") else []
