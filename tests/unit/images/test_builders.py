"""Command lines of the builders, and how a failing tool is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.errors import BuildFailed
from skill_runner.images.builders import Builder, ca_bundle
from skill_runner.images.process import run_tool, telling_lines
from skill_runner.images.push import push_commands, pushed_ref
from skill_runner.progress import Event, Line, silent


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_every_builder_builds_the_context_and_saves_an_archive(name: str) -> None:
    builder = Builder(name)
    build = builder.build_command(Path("/context"), "skill.local/x:1")
    save = builder.save_command("skill.local/x:1", Path("/archive.tar"))
    assert name in build
    assert save[0] == name
    assert build[-1] == "/context"
    assert "skill.local/x:1" in build
    assert any("/archive.tar" in word for word in save)


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_a_build_behind_a_proxy_trusts_what_this_machine_trusts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.crt"
    bundle.write_text("certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    (tmp_path / "Containerfile").write_text("FROM scratch\n")
    words = Builder(name).build_command(tmp_path, "skill.local/x:1")
    assert "HTTPS_PROXY=http://192.0.2.1:3128" in words
    assert "--secret" not in words
    (tmp_path / "Containerfile").write_text("RUN --mount=type=secret,id=ca npm ci\n")
    words = Builder(name).build_command(tmp_path, "skill.local/x:1")
    assert f"id=ca,src={bundle}" in words


def test_a_bundle_that_is_not_there_is_not_used(tmp_path: Path) -> None:
    assert ca_bundle({"SSL_CERT_FILE": str(tmp_path / "gone")}) != str(tmp_path / "gone")


def test_a_push_names_the_registry() -> None:
    target = pushed_ref("skill.local/kafka:4.3.1-abc", "registry.example.org/platform/")
    assert target == "registry.example.org/platform/kafka:4.3.1-abc"
    commands = push_commands(Builder("podman"), Path("a.tar"), "skill.local/kafka:1", target)
    assert commands[-1] == ["podman", "push", target]


async def test_output_is_reported_line_by_line() -> None:
    seen: list[Event] = []
    text = await run_tool(
        ["sh", "-c", r"printf '\033[1mone\033[m\n\n'; echo two >&2"], report=seen.append
    )
    assert text == "one\ntwo"
    assert [e.text for e in seen if isinstance(e, Line)] == ["one", "two"]


async def test_a_failing_tool_shows_its_telling_lines() -> None:
    script = "for i in 1 2 3; do echo step $i; done; echo 'ERROR: no space'; echo bye; exit 3"
    with pytest.raises(BuildFailed, match=r"exited with 3\n  ERROR: no space$"):
        await run_tool(["sh", "-c", script], report=silent)


async def test_a_missing_tool_is_named() -> None:
    with pytest.raises(BuildFailed, match="no-such-tool is not on this machine"):
        await run_tool(["no-such-tool"], report=silent)


def test_without_telling_lines_the_last_ones_are_shown() -> None:
    assert telling_lines([f"step {i}" for i in range(20)]) == [f"step {i}" for i in range(12, 20)]
