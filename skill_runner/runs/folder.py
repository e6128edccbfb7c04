"""A run's folder: log, events, manifests, evidence, outcome; everything in it is redacted.

It lives under the user's state directory and is pruned by age and number. No command depends on
it: the memory of an installation is its record in the cluster.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs
import yaml

from skill_runner.errors import SkillError, UsageError
from skill_runner.progress import Amount, Event, Of
from skill_runner.runs.process import Holder
from skill_runner.scope import OPEN, Scope
from skill_runner.text.redact import Redactor

APP: Final = "kube-skills"
# In a detached worker's environment: the run whose folder its caller has made already.
DETACHED: Final = "SKILL_DETACHED_RUN"
FACTS: Final = "run.json"
OUTCOME: Final = "outcome.json"
KEEP_DAYS: Final = 14
KEEP_RUNS: Final = 200
_ID: Final = re.compile(r"[a-z0-9]{1,20}-[0-9a-f]{4}")


def runs_folder() -> Path:
    """Return where runs are kept: $SKILL_STATE_DIR/runs, or the platform's state directory."""
    named = os.environ.get("SKILL_STATE_DIR")
    base = Path(named) if named else platformdirs.user_state_path(APP)
    return base / "runs"


@dataclass(slots=True)
class Run:
    """One run's id and folder. Text passes through `redactor` before it is written."""

    id: str
    folder: Path
    redactor: Redactor = field(default_factory=lambda: Redactor(()))

    def introduce(
        self, command: str, label: str, installation: str, holder: Holder, scope: Scope = OPEN
    ) -> None:
        """Say whose folder this is: other processes ask whether that process still lives, and an
        MCP server whether it may show this run."""
        facts = {
            "command": command,
            "label": label,
            "installation": installation,
            "process": str(holder),
            "scope": str(scope),
        }
        self.keep(FACTS, self.redactor.text(json.dumps(facts)))

    def event(self, event: Event, at: float) -> None:
        """Append one event to events.jsonl; `at` is seconds since the epoch."""
        if isinstance(event, Amount):
            return  # progress bars are for eyes only
        line = self.redactor.data(event_data(event, at))
        self._append("events.jsonl", json.dumps(line) + "\n")

    def log(self, text: str) -> None:
        self._append("log.txt", self.redactor.text(text) + "\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file of the run; `name` may hold folders."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.redactor.text(text))
        return path

    def keep(self, name: str, text: str) -> None:
        """Put a finished, redacted file in place at once: others look for it meanwhile."""
        half = self.folder / f".{name}"
        half.write_text(text, encoding="utf-8")
        half.replace(self.folder / name)

    def manifests(self, step: str, objects: Iterable[dict[str, Any]]) -> None:
        """Keep what a step is about to apply; the values of Secrets are left out."""
        shown = [_without_secret_values(o) for o in objects]
        self.write(f"manifests/{step}.yaml", yaml.safe_dump_all(shown, sort_keys=False))

    def _append(self, name: str, text: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(text)


def event_data(event: Event, at: float) -> dict[str, Any]:
    """An event as plain data; `at` is seconds since the epoch, `of` the installation."""
    if isinstance(event, Of):
        return {**event_data(event.event, at), "of": event.installation}
    return {"event": type(event).__name__, "at": round(at, 3), **asdict(event)}


def _without_secret_values(manifest: dict[str, Any]) -> dict[str, Any]:
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = dict(manifest)
    for part in ("data", "stringData"):
        if part in hidden:
            hidden[part] = dict.fromkeys(hidden[part] or {}, "(redacted)")
    return hidden


def start_run(skill: str, *, now: float, token: Callable[[int], str] = secrets.token_hex) -> Run:
    """Make the folder of a new run, and prune old ones. Mode 0700: it may hold cluster data.

    A detached worker's folder is there already: its caller made it, and told the id.
    """
    given = os.environ.pop(DETACHED, "")
    if given:
        return open_run(given)
    base = runs_folder()
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        prune(base, now=now)
        while True:
            run_id = f"{_word(skill)}-{token(2)}"
            try:
                (base / run_id).mkdir(mode=0o700)
                return Run(run_id, base / run_id)
            except FileExistsError:
                continue
    except OSError as error:
        raise SkillError(
            f"the run's folder cannot be made in {base}: {error.strerror}",
            hint="Free some space, or name another place with SKILL_STATE_DIR.",
        ) from error


def _word(label: str) -> str:
    """The beginning of a run's id: a caller's words may hold anything, a path too."""
    return re.sub(r"[^a-z0-9]", "", label.lower().split("-")[0])[:20] or "run"


def open_run(run_id: str) -> Run:
    """A run that exists; UsageError when it does not, or when this is no id at all."""
    base = runs_folder()
    if not _ID.fullmatch(run_id):
        raise UsageError(
            f"no run {run_id!r}: a run's id is a word and four hexadecimal digits",
            hint=f"Recent: {recent_runs()}",
        )
    if run_id not in _made(base):
        raise UsageError(f"no run {run_id!r} in {base}", hint=f"Recent: {recent_runs()}")
    return Run(run_id, base / run_id)


def recent_runs(count: int = 5) -> str:
    """The ids of the newest runs, newest first, in one line."""
    made = _made(runs_folder())
    return ", ".join(sorted(made, key=made.__getitem__, reverse=True)[:count]) or "none"


def prune(base: Path, *, now: float) -> None:
    """Remove runs older than KEEP_DAYS, and the oldest beyond KEEP_RUNS, but none that lives.

    Other processes do the same meanwhile: what is gone already is no error.
    """
    made = _made(base)
    oldest_first = sorted(made, key=made.__getitem__)
    surplus = set(oldest_first[: max(0, len(made) - KEEP_RUNS)])
    for run_id in oldest_first:
        old = now - made[run_id] > KEEP_DAYS * 86_400
        if (old or run_id in surplus) and _has_ended(base / run_id, old=old):
            shutil.rmtree(base / run_id, ignore_errors=True)


def _made(base: Path) -> dict[str, float]:
    """The runs of a folder by id, and when each was made or last got a file. Links are no runs."""
    found = {}
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(base) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process has just removed it
                if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    found[entry.name] = entry.stat(follow_symlinks=False).st_mtime
    return found


def _has_ended(folder: Path, *, old: bool) -> bool:
    """Tell whether the process of a run is gone; where nobody can know, an old run counts as
    ended."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        gone = Holder.parse(facts["process"]).is_gone()
    except (OSError, ValueError, TypeError, KeyError):
        gone = None  # it is being made, or was left half made
    return old if gone is None else gone
