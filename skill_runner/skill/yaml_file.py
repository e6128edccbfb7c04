"""Files of YAML that callers write: one that cannot be read, and all mistakes of one at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from skill_runner.errors import SkillFileError
from skill_runner.skill.yaml_source import Document, Mark, YamlFault, read_one


def read_file(file: Path, what: str) -> Document:
    """The file's document. SkillFileError where it cannot be read; `what` it is, as `the platform`
    says."""
    try:
        return read_one(file.read_text(encoding="utf-8"))
    except YamlFault as fault:
        raise SkillFileError(f"{file}:{fault.mark}: {fault.message}") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SkillFileError(f"{what} {file} cannot be read: {why}") from None


def mistakes(subject: str, listed: Sequence[str]) -> SkillFileError:
    """The error that lists every mistake of `subject`."""
    count = "1 mistake" if len(listed) == 1 else f"{len(listed)} mistakes"
    return SkillFileError(f"{subject} has {count}", listed=listed)


def placed(file: Path, problems: Iterable[tuple[Mark, str]]) -> list[str]:
    """Mistakes as lines, each with its place, in the order of the file, and none twice."""
    return [f"{file}:{mark}: {text}" for mark, text in sorted(set(problems))]
