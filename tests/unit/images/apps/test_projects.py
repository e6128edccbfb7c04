"""Projects of each framework into a Containerfile, or into what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import BuildFailed, UsageError
from skill_runner.images.apps.build import write_context
from skill_runner.images.apps.layout import Layout
from skill_runner.images.apps.prepare import find_layout, prepare
from skill_runner.skill.model import Application

NEXT = {"dependencies": {"next": "16.4.6"}, "scripts": {"build": "next build"}}


def put(folder: Path, files: Mapping[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def layout(folder: Path, framework: str, **settings: Any) -> Layout:
    return find_layout(Application(source=str(folder), framework=framework, settings=settings))[1]


def next_project(folder: Path, **files: Any) -> Path:
    return put(folder, {"package.json": NEXT, "app/page.tsx": "", "package-lock.json": {}, **files})


def test_next_by_npm(tmp_path: Path) -> None:
    made = layout(next_project(tmp_path), "nextjs")
    assert "npm ci" in made.containerfile
    assert "npm run build" in made.containerfile
    assert made.bases == ("node",)
    assert "public" not in made.containerfile
    assert made.files["next.config.mjs"] == "export default { output: 'standalone' };\n"
    assert made.files["app/api/health/route.js"].startswith("// Added by")
    assert "export const dynamic" not in made.files["app/api/health/route.js"], "cacheComponents"
    assert len(made.notes) == 2


def test_next_by_pnpm_of_the_version_that_it_names(tmp_path: Path) -> None:
    data = {**NEXT, "packageManager": "pnpm@10.4.1+sha512.abc"}
    put(tmp_path, {"package.json": data, "src/app/page.tsx": "", "pnpm-lock.yaml": ""})
    made = layout(tmp_path, "nextjs")
    assert (
        "npm install --global pnpm@10.4.1 && pnpm install --frozen-lockfile" in made.containerfile
    )
    assert "COPY package.json pnpm-lock.yaml ./" in made.containerfile
    put(tmp_path, {"pnpm-workspace.yaml": "overrides: {a: 1.0.0}"})
    again = layout(tmp_path, "nextjs").containerfile
    assert "COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./" in again
    assert "src/app/api/health/route.js" in made.files


def test_next_that_has_it_all_gets_nothing_added(tmp_path: Path) -> None:
    next_project(
        tmp_path,
        **{
            "next.config.ts": "export default { output: 'standalone' }",
            "app/api/health/route.ts": "",
            "public/a.txt": "",
        },
    )
    made = layout(tmp_path, "nextjs")
    assert set(made.files) == {"skill-front.cjs"}
    assert made.notes == ()
    assert "COPY --from=build /app/public ./public" in made.containerfile


@pytest.mark.parametrize(
    ("name", "text", "has"),
    [
        ("next.config.ts", "export default {}", "import settings from './skill-own.config'"),
        ("next.config.mjs", "export default {}", "import settings from './skill-own.config.mjs'"),
        ("next.config.js", "module.exports = {}", "require('./skill-own.config.js')"),
        ("next.config.js", "export default {}", "import settings from './skill-own.config.js'"),
    ],
)
def test_the_projects_own_settings_stay(tmp_path: Path, name: str, text: str, has: str) -> None:
    made = layout(next_project(tmp_path, **{name: text}), "nextjs")
    assert has in made.files[name]
    assert "output: 'standalone'" in made.files[name]
    assert made.files[name.replace("next.", "skill-own.")] == text
    assert made.moved == {name.replace("next.", "skill-own."): name}


def test_public_variables_are_taken_as_they_are_written(tmp_path: Path) -> None:
    made = layout(next_project(tmp_path), "nextjs", public_env={"NEXT_PUBLIC_A": 'a "b" $c\\'})
    assert 'ENV NEXT_PUBLIC_A="a \\"b\\" \\$c\\\\"' in made.containerfile


def test_without_a_lock_file_it_says_what_it_does(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": NEXT, "app/page.tsx": ""})
    made = layout(tmp_path, "nextjs")
    assert "npm install" in made.containerfile
    assert "no lock file: `npm install` takes the newest versions" in made.notes[0]


@pytest.mark.parametrize(
    ("files", "framework", "words"),
    [
        ({"a.txt": ""}, "nextjs", "not a Next.js project: it has no package.json"),
        ({"package.json": {"dependencies": {"express": "5"}}}, "nextjs", "depend on next"),
        ({"package.json": "{"}, "nextjs", "not the JSON of a package"),
        ({"package.json": {"dependencies": {"next": "^13.1.0"}}}, "nextjs", "15 and 16 are built"),
        ({"package.json": {**NEXT, "engines": {"node": ">=26"}}}, "nextjs", "has Node 24"),
        ({"package.json": NEXT}, "nextjs", "neither app/ nor pages/"),
        ({"package.json": NEXT, "yarn.lock": ""}, "nextjs", "yarn.lock; npm and pnpm"),
        (
            {"package.json": NEXT, "app/a": "", "next.config.js": "output: 'export'"},
            "nextjs",
            "makes files, not a server",
        ),
        ({"package.json": NEXT}, "docusaurus", "not a Docusaurus project"),
        ({"a.txt": ""}, "fastapi", "not a Python project"),
        ({"requirements.txt": "flask\n"}, "fastapi", "does not require fastapi"),
        ({"requirements.txt": "fastapi==1\n"}, "fastapi", "without uvicorn"),
        ({"requirements.txt": "fastapi==1\nuvicorn==1\n"}, "fastapi", "no FastAPI application"),
    ],
)
def test_what_is_wrong(tmp_path: Path, files: dict[str, Any], framework: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(").replace(".", r"\.")):
        layout(put(tmp_path, files), framework)


NEWER = {"packages": {"node_modules/next": {"engines": {"node": ">=26.0.0"}}}}
NEWER_PNPM = """lockfileVersion: '9.0'

packages:

  next-themes@1.0.0:
    engines: {node: '>=99'}

  next@16.4.6:
    resolution: {integrity: sha512-abc}
    engines: {node: '>=26.0.0'}
"""


@pytest.mark.parametrize(
    ("name", "lock"), [("package-lock.json", NEWER), ("pnpm-lock.yaml", NEWER_PNPM)]
)
def test_a_framework_that_needs_a_newer_node_is_refused_by_its_lock_file(
    tmp_path: Path, name: str, lock: Any
) -> None:
    put(tmp_path, {"package.json": NEXT, "app/page.tsx": "", name: lock})
    words = rf"Next.js as \S+{name} has it asks for Node >=26.0.0, the build has Node 24"
    with pytest.raises(UsageError, match=words):
        layout(tmp_path, "nextjs")


def test_variables_that_are_not_public_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only NEXT_PUBLIC_"):
        layout(next_project(tmp_path), "nextjs", public_env={"API_KEY": "x"})


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"main.py": "app = FastAPI()"}, "main:app"),
        ({"app/main.py": "api: FastAPI = fastapi.FastAPI(title='x')"}, "app.main:api"),
        ({"src/lessons/main.py": "app = FastAPI(\n)"}, "lessons.main:app"),
    ],
)
def test_the_application_of_fastapi_is_found(
    tmp_path: Path, files: dict[str, str], module: str
) -> None:
    put(tmp_path, {"requirements.txt": "fastapi==1\nuvicorn==1\n", **files})
    made = layout(tmp_path, "fastapi")
    assert f'"{module}"' in made.containerfile
    assert made.notes == ()


def test_a_module_that_is_named_is_taken(tmp_path: Path) -> None:
    put(tmp_path, {"requirements.txt": "fastapi[standard]\n", "web/api.py": ""})
    made = layout(tmp_path, "fastapi", module="web.api:make", port=9000)
    assert '"web.api:make"' in made.containerfile
    assert "EXPOSE 9000" in made.containerfile
    assert "no lock file" in made.notes[0]
    with pytest.raises(UsageError, match=r"no web/main\.py"):
        layout(tmp_path, "fastapi", module="web.main:app")


def test_by_uv(tmp_path: Path) -> None:
    project = '[project]\nname="a"\ndependencies=["fastapi", "uvicorn"]\n'
    put(tmp_path, {"pyproject.toml": project, "uv.lock": "", "main.py": "app = FastAPI()"})
    assert "uv sync --locked" in layout(tmp_path, "fastapi").containerfile


def test_a_containerfile_of_its_own_is_built_as_it_is(tmp_path: Path) -> None:
    text = 'FROM docker.io/library/node:24-slim\nRUN echo "${HOME} {x}"\n'
    put(tmp_path, {"Dockerfile": text})
    asked = Application(source=str(tmp_path), framework="nextjs")
    folder, made = find_layout(asked)
    assert prepare(asked, folder, made, bases="official").containerfile == text


def test_the_name_and_the_digest_make_the_reference(tmp_path: Path) -> None:
    next_project(tmp_path)
    asked = Application(source=str(tmp_path), framework="nextjs", name="My Shop")
    folder, made = find_layout(asked)
    first = prepare(asked, folder, made, bases="official")
    assert first.ref == f"skill.local/my-shop:{first.digest}"
    assert "FROM docker.io/library/node:24-slim AS dependencies" in first.containerfile
    assert f"NEXT_DEPLOYMENT_ID={first.digest}" in first.containerfile
    assert "id=my-shop-next" in first.containerfile
    other = prepare(asked, folder, made, bases="recipes")
    assert other.digest != first.digest
    assert "FROM skill.local/node:24-slim-" in other.containerfile


def test_a_source_that_changes_before_its_build_is_refused(tmp_path: Path) -> None:
    folder = next_project(tmp_path / "shop")
    asked = Application(source=str(folder), framework="nextjs")
    made = prepare(asked, *find_layout(asked), bases="official")
    write_context(made, tmp_path / "same")
    (folder / "app/page.tsx").write_text("changed")
    with pytest.raises(BuildFailed, match="has changed since this run has read it"):
        write_context(made, tmp_path / "other")


def test_nothing_is_read_through_a_link_that_leads_outside(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("root:x")
    folder = next_project(tmp_path / "shop")
    (folder / "Containerfile").symlink_to(tmp_path / "passwords")
    with pytest.raises(UsageError, match=r"Containerfile is a link to .*, outside of the source"):
        find_layout(Application(source=str(folder), framework="nextjs"))


@pytest.mark.parametrize("there", [False, True])
def test_a_source_that_is_no_folder(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "site"
    if there:
        path.write_text("")
    with pytest.raises(UsageError, match="a folder is expected" if there else "does not exist"):
        layout(path, "nextjs")


def test_a_containerfile_of_ones_own_is_built_on_ours_where_no_registry_answers(
    tmp_path: Path,
) -> None:
    text = (
        "FROM --platform=linux/amd64 docker.io/library/python:3.13-slim AS build\n"
        "RUN echo ${HOME}\n"
        "FROM docker.io/library/python:3.13-slim-bookworm\n"
    )
    put(tmp_path, {"Containerfile": text})
    asked = Application(source=str(tmp_path), framework="fastapi", settings={})
    made = find_layout(asked)[1]
    assert made.bases == ("python",)
    official = prepare(asked, tmp_path, made, bases="official")
    assert official.containerfile == text
    ours = prepare(asked, tmp_path, made, bases="recipes").containerfile.splitlines()
    assert ours[0].startswith("FROM --platform=linux/amd64 skill.local/python:3.13-slim-")
    assert ours[0].endswith(" AS build")
    assert ours[1:] == text.splitlines()[1:]


def test_requirements_of_pyproject_reach_pip_without_a_shell(tmp_path: Path) -> None:
    wanted = [
        "fastapi[standard]>=0.1",
        "tomli; python_version < '3.11'",
        "httpx>=0.28 ; 'a' == \"$(b)\"",
    ]
    project = "[project]\nname = 'a'\ndependencies = [" + ", ".join(map(json.dumps, wanted)) + "]\n"
    put(tmp_path, {"pyproject.toml": project, "main.py": "app = FastAPI()"})
    made = layout(tmp_path, "fastapi")
    assert made.files["skill-requirements.txt"].splitlines() == wanted
    assert "COPY skill-requirements.txt ./" in made.containerfile
    assert "pip install -r skill-requirements.txt &&" in made.containerfile
    assert "$(b)" not in made.containerfile


@pytest.mark.parametrize("bad", ["--index-url=http://x", "a\n-r /etc/passwd", "a\u2028b", "", "'"])
def test_what_is_no_requirement_is_refused(tmp_path: Path, bad: str) -> None:
    project = f"[project]\nname = 'a'\ndependencies = ['fastapi[standard]', {json.dumps(bad)}]\n"
    put(tmp_path, {"pyproject.toml": project, "main.py": "app = FastAPI()"})
    with pytest.raises(UsageError, match="is no requirement of a package"):
        layout(tmp_path, "fastapi")


@pytest.mark.parametrize("bad", ["10; touch /tmp/x", "$(id)", "latest", "10.4.1 x"])
def test_what_is_no_version_of_pnpm_is_refused(tmp_path: Path, bad: str) -> None:
    data = {**NEXT, "packageManager": f"pnpm@{bad}"}
    put(tmp_path, {"package.json": data, "app/page.tsx": "", "pnpm-lock.yaml": ""})
    with pytest.raises(UsageError, match="which is no version"):
        layout(tmp_path, "nextjs")


def test_the_version_of_npm_is_not_taken_for_that_of_pnpm(tmp_path: Path) -> None:
    data = {**NEXT, "packageManager": "npm@11.6.2"}
    put(tmp_path, {"package.json": data, "app/page.tsx": "", "pnpm-lock.yaml": ""})
    assert "pnpm@10 &&" in layout(tmp_path, "nextjs").containerfile
