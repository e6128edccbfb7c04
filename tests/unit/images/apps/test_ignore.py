"""Docker's rules of .dockerignore, and what never goes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.images.apps.ignore import NEVER_RULES, compile_rules, rules_of


@pytest.mark.parametrize(
    ("rules", "path", "out"),
    [
        (["node_modules"], "node_modules/a/b.js", True),
        (["node_modules"], "packages/a/node_modules/b.js", False),
        (["**/node_modules"], "packages/a/node_modules/b.js", True),
        (["**/node_modules"], "node_modules", True),
        (["*.md"], "README.md", True),
        (["*.md"], "docs/a.md", False),
        (["*.md", "!README.md"], "README.md", False),
        (["!README.md", "*.md"], "README.md", True),
        (["docs/**/draft"], "docs/a/b/draft/x.md", True),
        (["docs/**/draft"], "docs/draft/x.md", True),
        (["/build/"], "build/index.html", True),
        (["./build"], "build", True),
        (["# a comment", "", "a?.txt"], "ab.txt", True),
        (["a?.txt"], "a/.txt", False),
        (["file[0-9].txt"], "file7.txt", True),
        (["file[0-9].txt"], "filex.txt", False),
        (["a.b"], "aXb", False),
        (["**"], "anything/at/all", True),
        (["."], "anything", False),
    ],
)
def test_rules_are_dockers(rules: list[str], path: str, out: bool) -> None:
    assert compile_rules(rules).leaves_out(path) is out


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        "config/.env.production",
        ".npmrc",
        "keys/server.key",
        "id_rsa",
        "a/node_modules/x",
        ".git/config",
        ".git-credentials",
        "home/.ssh/config",
        ".aws/credentials",
        "cert.pfx",
        "store/keys.jks",
        ".docker/config.json",
        "home/.netrc",
        ".kube/config",
    ],
)
def test_what_holds_logins_never_goes_along(path: str) -> None:
    assert NEVER_RULES.leaves_out(path)


@pytest.mark.parametrize(
    "path", [".env.example", "docker/config.json", "app/keys.ts", "docs/ssh/index.md", "aws.md"]
)
def test_what_looks_alike_goes_along(path: str) -> None:
    assert not NEVER_RULES.leaves_out(path)


def test_without_a_dockerignore_what_the_build_makes_is_left_out(tmp_path: Path) -> None:
    own = rules_of(tmp_path)
    assert own.leaves_out(".next/cache/x")
    assert own.leaves_out("build/index.html")
    assert not own.leaves_out("src/build/step.ts")
