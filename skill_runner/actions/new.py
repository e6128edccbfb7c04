"""A template of the package into a new folder, with a name in place of its placeholder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from skill_runner.errors import UsageError

PLACEHOLDERS: Final = ("SKILL_NAME", "APP_NAME")
NOT_COPIED: Final = frozenset(
    {"__pycache__", ".pytest_cache", "node_modules", ".next", ".docusaurus"}
)
APPLICATIONS: Final = ("fastapi-service", "nextjs-app", "docusaurus-site")
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME: Final = 40  # an installation is called as its skill is


def write_template(template: Path, parent: Path, name: str) -> tuple[Path, ...]:
    """Make the folder `name` in `parent` from a template; the files that were written.

    UsageError for a name that cannot be one, or a folder that is there already.
    """
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise UsageError(
            f"'{name}' is not a valid name for a skill or an application",
            hint="Lower-case letters, digits and single hyphens, beginning with a letter, at most "
            f"{MAX_NAME}, such as redis-cache.",
        )
    folder = parent / name
    if folder.exists():
        raise UsageError(f"{folder} exists already", hint="Nothing was written.")
    written = []
    for source in sorted(path for path in template.rglob("*") if path.is_file()):
        relative = source.relative_to(template)
        if NOT_COPIED & set(relative.parts):
            continue
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        for placeholder in PLACEHOLDERS:
            text = text.replace(placeholder, name)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return tuple(written)
