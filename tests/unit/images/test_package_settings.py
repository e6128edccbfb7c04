"""The settings of npm and pip that a build is given."""

from __future__ import annotations

from pathlib import Path

from skill_runner.images.package_settings import npm_registry, npm_settings, npmrc, pip_conf


def test_of_npm_what_reaches_a_registry(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    for folder, text in (
        (
            home,
            "registry=https://npm.example/\ncafile=/etc/ca.crt\nprefix=/opt\n; a comment\n"
            "//npm.example/:_authToken=${TOKEN}\n",
        ),
        (project, "@team:registry=https://team.example/\nsave-exact=true\n"),
    ):
        folder.mkdir()
        (folder / ".npmrc").write_text(text)
    found = npm_settings({"HOME": str(home), "TOKEN": "t0ken"}, project)
    assert found == {
        "registry": "https://npm.example/",
        "//npm.example/:_authToken": "t0ken",
        "@team:registry": "https://team.example/",
    }
    assert "//npm.example/:_authToken=t0ken" in npmrc(found).splitlines()
    assert npm_registry(found) == ("https://npm.example/", {"Authorization": "Bearer t0ken"})


def test_variables_of_npm_win(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text("registry=https://npm.example/\n")
    given = {"HOME": str(tmp_path), "NPM_CONFIG_REGISTRY": "https://other.example"}
    assert npm_registry(npm_settings(given)) == ("https://other.example/", {})


def test_without_settings_the_public_registry(tmp_path: Path) -> None:
    found = npm_settings({"HOME": str(tmp_path)})
    assert found == {}
    assert npm_registry(found) == ("https://registry.npmjs.org/", {})


def test_of_pip_what_reaches_an_index(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://user:secret@pypi.example/simple\ncert = /etc/ca.crt\n"
        "[install]\ntrusted-host = pypi.example\nuser = true\n"
    )
    text = pip_conf({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file)})
    assert "index-url = https://user:secret@pypi.example/simple" in text
    assert "trusted-host = pypi.example" in text
    assert "cert" not in text
    assert "user = true" not in text


def test_variables_of_pip_win(tmp_path: Path) -> None:
    text = pip_conf({"HOME": str(tmp_path), "PIP_INDEX_URL": "https://other.example/simple"})
    assert "index-url = https://other.example/simple" in text.splitlines()
