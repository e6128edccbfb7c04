"""Docusaurus: `docusaurus build`, served by nginx as a user without rights.

The source is a site, or a folder of Markdown around which a site is made from our template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import UsageError
from skill_runner.images.apps import node
from skill_runner.images.apps.layout import TRUST, Layout, env_lines, only_known, shipped_file
from skill_runner.images.apps.source import list_files
from skill_runner.skill.shipped import shipped

CONFIGS: Final = (
    "docusaurus.config.ts",
    "docusaurus.config.js",
    "docusaurus.config.mjs",
    "docusaurus.config.cjs",
)
SETTINGS: Final = ("url", "base_url", "trailing_slash", "title")
SITE: Final = (
    "package.json",
    "package-lock.json",
    "docusaurus.config.js",
    "sidebars.js",
    "src/css/custom.css",
    "static/icon.svg",
)
FIRST: Final = ("index.md", "index.mdx", "README.md", "readme.md", "README.mdx")


def lay_out(folder: Path, settings: Mapping[str, Any]) -> Layout:
    """Lay out the build of this site; UsageError when it cannot be built. Settings: SETTINGS."""
    only_known(settings, SETTINGS, "docusaurus")
    given = _given(settings)
    if (folder / "package.json").is_file():
        project = node.read_project(folder, "Docusaurus", "@docusaurus/core")
        node.check_major(project, "Docusaurus", range(3, 4))
        files, source_at, notes = _wrapped(_config(folder), given), ".", node.lock_note(project)
    else:
        found = (folder / name for name in list_files(folder) if name.endswith((".md", ".mdx")))
        pages = sorted(found, key=lambda page: (page.parent, page.name))
        if not pages:
            raise UsageError(
                f"{folder} is not a Docusaurus project: it has no package.json and no Markdown",
                hint="`source` names the folder of a Docusaurus site, or one of Markdown files.",
            )
        site = shipped("templates") / "docusaurus-site"
        project = node.read_project(site, "Docusaurus", "@docusaurus/core")
        files = {name: (site / name).read_text() for name in SITE}
        files |= _wrapped("docusaurus.config.js", given) | _first_page(folder, pages)
        source_at = "docs"
        notes = (f"a site was made around the {len(pages)} Markdown files of {folder}",)
    return Layout(
        containerfile=_containerfile(project, str(settings.get("title") or "")),
        bases=("node", "nginx"),
        files=files,
        source_at=source_at,
        notes=notes,
    )


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given, by Docusaurus' names."""
    base = str(settings.get("base_url") or "")
    if base and not (base.startswith("/") and base.endswith("/")):
        raise UsageError(
            f"base_url {base!r} must begin and end with a slash", hint="For example: /docs/"
        )
    slash = {"always": True, "never": False}.get(str(settings.get("trailing_slash") or ""))
    given = {
        "url": settings.get("url") or None,
        "baseUrl": base or None,
        "title": settings.get("title") or None,
        "trailingSlash": slash,
    }
    return {name: value for name, value in given.items() if value is not None}


def _config(folder: Path) -> str:
    found = next((name for name in CONFIGS if (folder / name).is_file()), None)
    if found is None:
        raise UsageError(
            f"{folder} depends on Docusaurus and has no configuration: {', '.join(CONFIGS)}",
            hint="`source` names the folder of the site itself.",
        )
    return found


def _wrapped(config: str, given: Mapping[str, Any]) -> dict[str, str]:
    """A configuration that takes the site's own, sets what was given, and tells nginx of it."""
    text = shipped_file("docusaurus-config.mjs")
    return {
        "skill.config.mjs": text.replace("@OWN@", f"./{config}").replace(
            "@GIVEN@", json.dumps(given, sort_keys=True)
        ),
        "skill-nginx.mjs": shipped_file("docusaurus-nginx.mjs"),
        "skill-nginx.conf": shipped_file("docusaurus-nginx.conf"),
    }


def _first_page(folder: Path, pages: list[Path]) -> dict[str, str]:
    """A page at the site's root, where the Markdown has none: its sections and their pages."""
    if any((folder / name).is_file() for name in FIRST):
        return {}
    lines = ["---", "slug: /", "title: Documentation", "sidebar_position: 0", "---", ""]
    section = None
    for page in pages:
        name = page.relative_to(folder).as_posix()
        above = name.rpartition("/")[0]
        if above != section:
            section = above
            lines += ["", f"## {above.replace('/', ': ').capitalize() or 'Pages'}", ""]
        lines.append(f"- [{_title(page)}]({name})")
    return {"docs/index.md": "\n".join(lines) + "\n"}


def _title(page: Path) -> str:
    for line in page.read_text(errors="replace").splitlines():
        if line.startswith("# "):
            return line[2:].strip().replace("[", "").replace("]", "")
    return page.stem.replace("-", " ").capitalize()


def _containerfile(project: node.NodeProject, title: str) -> str:
    more = "--config skill.config.mjs --out-dir build"
    dashes = "-- " if project.manager == "npm" else ""
    build = f"npx docusaurus build {more}"
    if project.build_script:
        build = f"{project.manager} run build {dashes}{more}"
    return (
        node.install_stage(project)
        + "FROM dependencies AS build\n"
        + "COPY . .\n"
        + env_lines({"SITE_TITLE": title} if title else {})
        + f"RUN {TRUST} --mount=type=cache,id={{name}}-docusaurus,target=/app/node_modules/.cache "
        + "export NODE_EXTRA_CA_CERTS=/run/secrets/ca NODE_ENV=production CI=1; "
        + f"{build} && node skill-nginx.mjs\n"
        + "FROM {nginx}\n"
        + "COPY --from=build /app/skill-out/nginx.conf /etc/nginx/nginx.conf\n"
        + "COPY --from=build /app/skill-out/html /srv/site\n"
        + "USER 101\n"
        + "EXPOSE 8080\n"
    )
