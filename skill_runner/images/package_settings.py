"""This machine's settings of npm and pip, for builds: what reaches a registry, and nothing else.

They are handed to a build as secrets, which are mounted while a step runs and are in no layer, so
that a mirror's address, its login and its certificates work there as they do here.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NPM_DEFAULT: Final = "https://registry.npmjs.org/"
# Of .npmrc: the registry, those of scopes, and what belongs to a registry's address.
_NPM_KEPT: Final = re.compile(r"(//.+|@[^:]+:registry|registry|strict-ssl|https?-?proxy|noproxy)$")
_PIP_KEPT: Final = (
    "index-url",
    "extra-index-url",
    "trusted-host",
    "timeout",
    "retries",
    "proxy",
    "no-index",
)


def npm_settings(environ: Mapping[str, str], *folders: Path) -> dict[str, str]:
    """The settings of npm that reach a registry: of the project's .npmrc, then the user's file.

    Variables (npm_config_registry) win, then the first folder. `${NAME}` is filled in.
    """
    found: dict[str, str] = {}
    user = Path(environ.get("NPM_CONFIG_USERCONFIG") or Path(environ.get("HOME", "~"), ".npmrc"))
    for path in (user, *(folder / ".npmrc" for folder in reversed(folders))):
        found.update(_read_npmrc(path, environ))
    for name, value in environ.items():
        key = name.lower().removeprefix("npm_config_").replace("_", "-")
        if name.lower().startswith("npm_config_") and _NPM_KEPT.fullmatch(key):
            found[key] = value
    return found


def _read_npmrc(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith((";", "#")))
    return {
        key.strip(): _filled(value.strip().strip("\"'"), environ)
        for key, equals, value in pairs
        if equals and _NPM_KEPT.fullmatch(key.strip())
    }


def _filled(value: str, environ: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\??\}", lambda match: environ.get(match[1], ""), value)


def npmrc(settings: Mapping[str, str]) -> str:
    """The settings as an .npmrc of a build, which talks no more than it must."""
    lines = [f"{key}={value}" for key, value in settings.items()]
    return "\n".join([*lines, "fund=false", "audit=false", "update-notifier=false", ""])


def npm_registry(settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The registry's address, and the headers that it wants."""
    address = settings.get("registry", NPM_DEFAULT).rstrip("/") + "/"
    token = settings.get(f"{address.partition(':')[2]}:_authToken")
    return address, {"Authorization": f"Bearer {token}"} if token else {}


def pip_conf(environ: Mapping[str, str]) -> str:
    """The settings of pip that reach an index, of its files and variables, as one pip.conf."""
    found: dict[str, str] = {}
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except configparser.Error:
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({k: v for k, v in parser.items(section) if k in _PIP_KEPT})
    for key in _PIP_KEPT:
        value = environ.get(f"PIP_{key.upper().replace('-', '_')}")
        if value:
            found[key] = value
    lines = [f"{key} = {value.strip()}" for key, value in found.items()]
    text = "\n".join(["[global]", "disable-pip-version-check = true", *lines, ""])
    return text.replace("\n\n", "\n")


def _pip_files(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = environ.get("PIP_CONFIG_FILE")
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    return [*files, Path(named)] if named else files
