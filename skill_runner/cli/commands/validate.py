"""`skill validate`: every mistake of skill folders at once; no cluster is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from skill_runner import binaries
from skill_runner.actions.validate import Trial, try_skill
from skill_runner.backends.absent import absent_cluster
from skill_runner.backends.base import Helm
from skill_runner.backends.helm import PyHelm
from skill_runner.cli.options import output_option
from skill_runner.errors import SkillError, SkillFileError
from skill_runner.skill.library import default_library
from skill_runner.skill.loader import load_skill, requirement_problems
from skill_runner.skill.loader.interpolation import raw_interpolations
from skill_runner.skill.model import ReleaseStep, Skill


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one folder. `trials` are those that were made, by name; `warnings` do not
    make it wrong."""

    folder: str
    name: str
    ok: bool
    problems: tuple[str, ...]
    trials: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@click.command(
    epilog="""\b
Examples:
  skill validate                    # every skill that `skill list` shows
  skill validate ./my-skills/redis
  skill validate skills/* -o json
"""
)
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@output_option
def command(paths: tuple[str, ...], output: str) -> int:
    """Check skills, by name or by path; every mistake at once, each with its file and line.

    Reads skill.yaml, hooks.py (without running it) and the templates; holds `requires` against the
    skills that it names; plans the skill with its
    defaults and with each case in its tests/ folder; renders local charts, where Helm is there;
    and holds what they render against the policy. Exit code 2 when a mistake was found.

    A chart in the skill that prints a value raw into YAML gets a warning: a value with a line break
    could then add objects.
    """
    # Helm as it is on this machine; rendering needs no cluster, so none is given.
    found, _ = binaries.find(binaries.BY_TOOL["helm"])
    helm = PyHelm(str(found["helm"]), absent_cluster()) if "helm" in found else None
    verdicts = [_verdict(folder, helm) for folder in _folders(paths)]
    good = all(verdict.ok for verdict in verdicts)
    if output == "json":
        skills = [asdict(verdict) for verdict in verdicts]
        click.echo(json.dumps({"ok": good, "charts": helm is not None, "skills": skills}))
    else:
        _show(verdicts, helm)
    return 0 if good else SkillFileError.exit_code


def _folders(paths: tuple[str, ...]) -> list[Path]:
    library = default_library()
    names = paths or library.names()
    # A path without a slash names a folder here, if there is one: shells expand skills/* so.
    return [
        Path(name) if Path(name, "skill.yaml").is_file() else library.folder_of(name)
        for name in names
    ]


def _verdict(folder: Path, helm: Helm | None) -> Verdict:
    try:
        skill = load_skill(folder)
        others = requirement_problems(folder, default_library().find)
        trials = asyncio.run(try_skill(skill, helm))
    except SkillFileError as error:
        return Verdict(str(folder), folder.name, False, error.listed or (error.message,))
    except SkillError as error:
        return Verdict(str(folder), folder.name, False, (str(error),))
    problems = tuple(_line(trial, problem) for trial in trials for problem in trial.problems)
    problems = (*others, *problems)
    names = tuple(trial.name for trial in trials)
    warnings = tuple(_raw_values(skill))
    return Verdict(str(folder), skill.name, not problems, problems, names, warnings)


def _raw_values(skill: Skill) -> Iterator[str]:
    charts = {step.chart for step in skill.steps if isinstance(step, ReleaseStep)}
    for chart in sorted(charts & skill.digests.keys()):
        if not (skill.folder / chart / "Chart.yaml").is_file():
            continue  # one that ships for several skills
        for raw in raw_interpolations(skill.folder / chart):
            yield f"{skill.folder / chart / raw.file}:{raw.line}: {raw.message}"


def _line(trial: Trial, problem: str) -> str:
    return f"with {trial.name}: {problem}"


def _show(verdicts: list[Verdict], helm: Helm | None) -> None:
    console = Console(highlight=False)
    for verdict in verdicts:
        mark, style = ("✓", "green") if verdict.ok else ("✗", "bold red")
        tried = f"  tried with {', '.join(verdict.trials)}" if verdict.trials else ""
        head = Text.assemble((f"{mark} {verdict.name}", style), (tried, "dim"))
        console.print(head, soft_wrap=True)
        for problem in verdict.problems:
            console.print(Text(f"    {problem}"), soft_wrap=True)
        for warning in verdict.warnings:
            console.print(Text(f"    warning: {warning}", "yellow"), soft_wrap=True)
    if helm is None:
        console.print(Text("Charts were not rendered: helm is not here (`skill doctor`).", "dim"))
