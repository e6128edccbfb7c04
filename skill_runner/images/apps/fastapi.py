"""FastAPI: the locked requirements in a virtual environment, served by uvicorn without rights.

What serves it is a file of the starter's: a pod that ends sends its clients on to another one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import UsageError
from skill_runner.images.apps.layout import PIP, PIP_ENV, Layout, only_known
from skill_runner.skill.shipped import shipped

PORT: Final = 8000
SERVING: Final = "skill-serving.py"
PYTHON: Final = (3, 13)  # of the base image
_APPLICATION: Final = re.compile(r"^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:\w+\.)*FastAPI\(", re.MULTILINE)
_MODULE: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
REQUIREMENTS: Final = "skill-requirements.txt"
# A requirement of PEP 508, as far as it stays one line of a file for pip, and no option of it.
_REQUIREMENT: Final = re.compile(r"[ \t]*[A-Za-z0-9][^\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]*")
_PLACES: Final = ("main.py", "app.py", "app/main.py", "src/main.py", "app/__init__.py")


def lay_out(folder: Path, settings: Mapping[str, Any]) -> Layout:
    """Lay out the build of this project; UsageError if impossible. Settings: `module`, `port`."""
    only_known(settings, ("module", "port"), "fastapi")
    install, manifests, notes, files = _install(folder)
    module, root = _module(folder, str(settings.get("module") or ""))
    port = int(settings.get("port") or PORT)
    serving = (shipped("templates") / "fastapi-service" / "service" / "serving.py").read_text()
    return Layout(
        containerfile=_containerfile(install, manifests, module, root, port),
        bases=("python",),
        files={SERVING: serving, **files},
        notes=notes,
    )


def _install(folder: Path) -> tuple[str, list[str], tuple[str, ...], dict[str, str]]:
    """The command that installs what the project needs, the files it reads, notes, and which of
    those files are added."""
    if (folder / "uv.lock").is_file():
        _check(folder, _project(folder))
        command = (
            "/venv/bin/pip install --quiet uv && "
            "UV_PROJECT_ENVIRONMENT=/venv UV_SYSTEM_CERTS=1 UV_CACHE_DIR=/cache/pip/uv "
            "/venv/bin/uv sync --locked --no-dev --no-install-project --inexact"
        )
        return command, ["pyproject.toml", "uv.lock"], (), {}
    if (folder / "requirements.txt").is_file():
        text = (folder / "requirements.txt").read_text()
        _check(folder, text)
        notes = () if _pinned(text) else (_unpinned("requirements.txt"),)
        return _pip("requirements.txt"), ["requirements.txt"], notes, {}
    if (folder / "pyproject.toml").is_file():
        wanted = _dependencies(folder)
        _check(folder, "\n".join(wanted))
        notes = () if all("==" in each for each in wanted) else (_unpinned("pyproject.toml"),)
        files = {REQUIREMENTS: "".join(f"{each}\n" for each in wanted)}
        return _pip(REQUIREMENTS), [REQUIREMENTS], notes, files
    raise UsageError(
        f"{folder} is not a Python project: it has no requirements.txt, pyproject.toml or uv.lock",
        hint="`source` names the folder that holds one of them.",
    )


def _pip(file: str) -> str:
    return f"/venv/bin/pip install -r {file}"


def _unpinned(file: str) -> str:
    return (
        f"no lock file: {file} does not pin every package, and another build may take other "
        "versions; `uv lock`, or `pip freeze >requirements.txt`"
    )


def _project(folder: Path) -> str:
    try:
        return "\n".join(_dependencies(folder))
    except FileNotFoundError:
        raise UsageError(f"{folder} has a uv.lock without a pyproject.toml") from None


def _dependencies(folder: Path) -> list[str]:
    file = folder / "pyproject.toml"
    try:
        data = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is not TOML: {error}") from error
    wanted = [str(each) for each in (data.get("project") or {}).get("dependencies") or ()]
    for each in wanted:
        if not _REQUIREMENT.fullmatch(each):
            raise UsageError(
                f"{file} depends on {each!r}, which is no requirement of a package",
                hint="For example: httpx>=0.28; python_version >= '3.11'",
            )
    return wanted


def _check(folder: Path, requirements: str) -> None:
    if not re.search(r"^[ \t]*fastapi\b", requirements, re.MULTILINE | re.IGNORECASE):
        raise UsageError(
            f"{folder} is not a FastAPI project: it does not require fastapi",
            hint="Add fastapi and uvicorn to its requirements.",
        )
    standard = re.search(r"^[ \t]*fastapi\[(standard|all)", requirements, re.MULTILINE | re.I)
    if not standard and not re.search(r"^[ \t]*uvicorn\b", requirements, re.MULTILINE | re.I):
        raise UsageError(
            f"{folder} requires fastapi without uvicorn, which serves it",
            hint="Add uvicorn to its requirements.",
        )


def _pinned(text: str) -> bool:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return all("==" in line or "@" in line for line in lines if line and line[0] != "-")


def _module(folder: Path, given: str) -> tuple[str, str]:
    """The application as module:name, and the folder (in the image) that it is imported from."""
    if given:
        if not _MODULE.fullmatch(given):
            raise UsageError(f"module {given!r} is not of the form package.module:name")
        file = given.partition(":")[0].replace(".", "/")
        for root in ("", "src/"):
            if (folder / f"{root}{file}.py").is_file() or (folder / root / file).is_dir():
                return given, f"/app/{root}".rstrip("/")
        raise UsageError(f"{folder} has no {file}.py, which module {given!r} names")
    packages = [*folder.glob("*/main.py"), *folder.glob("src/*/main.py")]
    for place in (*_PLACES, *sorted(path.relative_to(folder).as_posix() for path in packages)):
        file_path = folder / place
        found = _APPLICATION.search(file_path.read_text()) if file_path.is_file() else None
        if found:
            root = "/app/src" if place.startswith("src/") else "/app"
            name = place.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
            return f"{name.replace('/', '.')}:{found[1]}", root
    raise UsageError(
        f"no FastAPI application was found in {folder}: looked for `name = FastAPI(` in "
        f"{', '.join(_PLACES)}",
        hint="Name it: module=package.module:name",
    )


def _containerfile(install: str, manifests: list[str], module: str, root: str, port: int) -> str:
    return (
        "FROM {python} AS build\n"
        "WORKDIR /app\n"
        "ENV PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1\n"
        f"COPY {' '.join(manifests)} ./\n"
        f"RUN {PIP} {PIP_ENV}python -m venv /venv && {install} && "
        "test -x /venv/bin/uvicorn && { /venv/bin/python -m compileall -q /venv/lib || true; }\n"
        "FROM {python}\n"
        f"WORKDIR {root}\n"
        "ENV PATH=/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
        "PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1\n"
        "COPY --from=build /venv /venv\n"
        "COPY . /app\n"
        "USER 1000\n"
        f"EXPOSE {port}\n"
        f'CMD ["python", "/app/{SERVING}", "{module}", "{port}"]\n'
    )
