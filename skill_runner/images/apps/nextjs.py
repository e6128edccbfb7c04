"""Next.js: `next build` with output standalone, served by Node as a user without rights.

The user's source is never touched: the setting and the health route are added in the build's copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import UsageError
from skill_runner.images.apps import node
from skill_runner.images.apps.layout import (
    TRUST,
    Layout,
    env_lines,
    only_known,
    shipped_file,
)

CONFIGS: Final = ("next.config.ts", "next.config.mjs", "next.config.js")
PUBLIC: Final = "NEXT_PUBLIC_"
KEY: Final = "NEXT_SERVER_ACTIONS_ENCRYPTION_KEY"
HEALTH: Final = "api/health"
_ROUTES: Final = tuple(
    f"{stem}{end}" for stem in ("/route", "", "/index") for end in (".ts", ".js", ".tsx")
)
_STANDALONE: Final = re.compile(r"""output\s*:\s*['"]standalone['"]""")
_EXPORT: Final = re.compile(r"""output\s*:\s*['"]export['"]""")


def lay_out(folder: Path, settings: Mapping[str, Any]) -> Layout:
    """Lay out the build of this project; UsageError if impossible. Setting: `public_env`."""
    only_known(settings, ("public_env",), "nextjs")
    project = node.read_project(folder, "Next.js", "next")
    node.check_major(project, "Next.js", range(15, 17))
    public = _public_env(settings.get("public_env") or {})
    files, notes = {"skill-front.cjs": shipped_file("next-front.cjs")}, []
    config, own = _config(folder), {}
    if config is None or not _STANDALONE.search((folder / config).read_text()):
        files |= _standalone(folder, config)
        own = {_own(config): config} if config else {}
        notes.append("output: 'standalone' was added in the build's copy")
    route, text = _health(folder)
    if route:
        files[route] = text
        notes.append(f"the health route /{HEALTH} was added in the build's copy")
    return Layout(
        containerfile=_containerfile(project, public, has_public=(folder / "public").is_dir()),
        bases=("node",),
        files=files,
        moved=own,
        secrets=(KEY,),
        notes=(*node.lock_note(project), *notes),
    )


def _public_env(given: Mapping[str, Any]) -> dict[str, str]:
    wrong = [name for name in given if not re.fullmatch(rf"{PUBLIC}[A-Za-z0-9_]+", name)]
    if wrong:
        raise UsageError(
            f"{wrong[0]} is no variable of the build: only {PUBLIC}* are compiled into the pages",
            hint="Give others as `env`, or as `secrets` by reference: those are read at run time.",
        )
    return {name: str(value) for name, value in given.items()}


def _config(folder: Path) -> str | None:
    found = next((name for name in CONFIGS if (folder / name).is_file()), None)
    if found and _EXPORT.search((folder / found).read_text()):
        raise UsageError(
            f"{folder / found} says output: 'export': that makes files, not a server",
            hint="Remove it, or serve the files with a skill for static sites.",
        )
    return found


def _standalone(folder: Path, config: str | None) -> dict[str, str]:
    """A configuration that takes the project's own and sets the output."""
    if config is None:
        return {"next.config.mjs": "export default { output: 'standalone' };\n"}
    path, own = Path(config), _own(config)
    text = (folder / config).read_text()
    if path.suffix == ".js" and not _is_module(folder, text):
        wrapper = (
            f"const own = require('./{own}');\n"
            "module.exports = async (...given) => ({\n"
            "  ...(typeof own === 'function' ? await own(...given) : await own),\n"
            "  output: 'standalone',\n"
            "});\n"
        )
    else:
        source = own if path.suffix != ".ts" else own.removesuffix(".ts")
        given = "...given: any[]" if path.suffix == ".ts" else "...given"
        cast = " as any" if path.suffix == ".ts" else ""
        wrapper = (
            f"import settings from './{source}';\n\n"
            f"const own = settings{cast};\n\n"
            f"export default async ({given}) => ({{\n"
            "  ...(typeof own === 'function' ? await own(...given) : await own),\n"
            "  output: 'standalone',\n"
            "});\n"
        )
    return {own: text, config: wrapper}


def _own(config: str) -> str:
    """Return where the project's own configuration goes, whose place the added one takes."""
    return f"skill-own.config{Path(config).suffix}"


def _is_module(folder: Path, text: str) -> bool:
    kind = json.loads((folder / "package.json").read_text()).get("type")
    return kind == "module" or bool(re.search(r"^[ \t]*export\s+default", text, re.MULTILINE))


def _health(folder: Path) -> tuple[str, str]:
    """The health route to add, and its text; nothing where the project has one."""
    app = next((d for d in ("app", "src/app") if (folder / d).is_dir()), None)
    pages = next((d for d in ("pages", "src/pages") if (folder / d).is_dir()), None)
    if app is None and pages is None:
        raise UsageError(
            f"{folder} has neither app/ nor pages/ (nor src/app, src/pages): nothing to serve",
            hint="`source` names the folder of the Next.js project.",
        )
    at = f"{app or pages}/{HEALTH}"
    if any((folder / f"{at}{end}").is_file() for end in _ROUTES):
        return "", ""
    if app:
        return f"{at}/route.js", shipped_file("health-route.js")
    return f"{at}.js", shipped_file("health-page.js")


def _containerfile(
    project: node.NodeProject, public: Mapping[str, str], *, has_public: bool
) -> str:
    copies = "COPY --from=build /app/public ./public\n" if has_public else ""
    return (
        node.install_stage(project)
        + "FROM dependencies AS build\n"
        + "COPY . .\n"
        + "ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 NEXT_DEPLOYMENT_ID={digest}\n"
        + env_lines(public)
        + f"RUN {TRUST} --mount=type=secret,id={KEY},target=/run/secrets/{KEY} "
        + "--mount=type=cache,id={name}-next,target=/app/.next/cache "
        + "export NODE_EXTRA_CA_CERTS=/run/secrets/ca; "
        + f'if [ -s /run/secrets/{KEY} ]; then export {KEY}="$(cat /run/secrets/{KEY})"; fi; '
        + node.run_script(project, "next build")
        + "\n"
        + "FROM {node}\n"
        + "WORKDIR /app\n"
        + "ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 HOSTNAME=0.0.0.0 PORT=3000\n"
        + "COPY --from=build /app/.next/standalone ./\n"
        + "COPY --from=build /app/.next/static ./.next/static\n"
        + copies
        + "COPY --from=build /app/skill-front.cjs ./skill-front.cjs\n"
        + "USER 1000\n"
        + "EXPOSE 3000\n"
        + 'CMD ["node", "--require", "./skill-front.cjs", "server.js"]\n'
    )
