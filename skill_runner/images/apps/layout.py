"""The parts of a build beside the source: a Containerfile, more files, base images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from skill_runner.errors import UsageError

# What every RUN step that talks to a registry mounts: settings and certificates of this machine.
# Caches are not beneath /root: buildah 1.28 empties the layer where its own store is there, too.
TRUST: Final = "--mount=type=secret,id=ca,target=/run/secrets/ca"
NPM: Final = (
    f"{TRUST} --mount=type=secret,id=npmrc,target=/run/secrets/npmrc"
    " --mount=type=cache,target=/cache/npm"
)
NPM_ENV: Final = (
    "export NPM_CONFIG_USERCONFIG=/run/secrets/npmrc NPM_CONFIG_CACHE=/cache/npm "
    "NODE_EXTRA_CA_CERTS=/run/secrets/ca CI=1; "
)
PIP: Final = (
    f"{TRUST} --mount=type=secret,id=pip,target=/run/secrets/pip"
    " --mount=type=cache,target=/cache/pip"
)
PIP_ENV: Final = (
    "export PIP_CONFIG_FILE=/run/secrets/pip PIP_CACHE_DIR=/cache/pip; "
    "if [ -s /run/secrets/ca ]; then "
    "export PIP_CERT=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca; fi; "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`containerfile` names base images as `{node}`; `files` are put over the copied source.

    `moved` are those of them that hold a file of the source, by its own name there. `secrets` are
    names of variables of this machine that a step may mount. `notes` say what was
    added or assumed, for the person.
    """

    containerfile: str
    bases: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    source_at: str = "."
    secrets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def shipped_file(name: str) -> str:
    """A file of the package that goes into images."""
    return files("skill_runner.images.apps").joinpath("files", name).read_text(encoding="utf-8")


def only_known(settings: Mapping[str, Any], known: tuple[str, ...], framework: str) -> None:
    """UsageError for a setting that the framework's build does not know."""
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise UsageError(
            f"a build of {framework} has no setting {unknown[0]!r}",
            hint=f"It knows: {', '.join(known) or 'none'}.",
        )


def env_lines(values: Mapping[str, str]) -> str:
    """ENV lines; quotes and dollars are taken as they are written."""
    lines = []
    for name, value in sorted(values.items()):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        quoted = quoted.replace("{", "{{").replace("}", "}}")  # Layout fills in names in braces
        lines.append(f'ENV {name}="{quoted}"\n')
    return "".join(lines)
