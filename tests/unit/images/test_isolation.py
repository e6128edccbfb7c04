"""Which rights a build step gets, which isolation is asked for, and which mounts are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.errors import BuildFailed, UsageError
from skill_runner.images.builders import Builder
from skill_runner.images.isolation import Isolation, asked_isolation, check_mounts
from skill_runner.skill.shipped import shipped

WITHHELD = ("SYS_CHROOT", "SYS_ADMIN", "SYS_PTRACE", "MKNOD", "KILL", "NET_RAW", "NET_BIND_SERVICE")


@pytest.mark.parametrize("name", ["buildah", "podman"])
def test_a_step_has_named_rights_and_no_other(name: str) -> None:
    words = Builder(name).build_command(Path("/context"), "skill.local/x:1")
    assert words[words.index("--cap-drop") + 1] == "all"
    granted = words[words.index("--cap-add") + 1].split(",")
    assert "CAP_CHOWN" in granted
    assert not {f"CAP_{right}" for right in WITHHELD} & set(granted)


def test_chroot_alone_is_never_the_fence() -> None:
    words = Isolation("chroot", root=True).command(["buildah"])
    assert "unshare" in words[: words.index("buildah")]
    assert {"--pid", "--mount", "--kill-child", "--mount-proc"} <= set(words)


def test_the_variable_names_the_isolation() -> None:
    assert asked_isolation({}) is None
    assert asked_isolation({"SKILL_BUILD_ISOLATION": "chroot"}) == "chroot"
    with pytest.raises(UsageError, match="'rootless'; it is one of auto, oci, chroot"):
        asked_isolation({"SKILL_BUILD_ISOLATION": "rootless"})


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=cache,id=../../../etc,target=/x cat /x/shadow",
        "RUN --mount=type=bind,from=docker.io/library/x,source=/link,target=/x,rw ls /x",
        "RUN --mount=type=cache,id=$ID,target=/x ls /x",
        "RUN --mount=type=cache,'id=..',target=/x ls /x",
        "RUN --mount=type=bind,bind-propagation=shared,target=/x ls /x",
        "run --mo\\\n  unt=type=cache,id=../..,target=/x ls /x",
        "RUN \\\n  # a comment\n  --mount=type=cache,\\\n\n  source=a/../..,target=/x ls /x",
        "RUN --mount ls",
    ],
)
def test_mounts_that_may_lead_outside_are_refused(line: str, tmp_path: Path) -> None:
    file = tmp_path / "Containerfile"
    file.write_text(f"FROM scratch\n{line}\n")
    with pytest.raises(BuildFailed, match="may lead a build step to a folder of this machine"):
        check_mounts(file)


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=bind,source=uv.lock,target=uv.lock uv sync",
        "RUN --mount=type=cache,id=shop-next,target=/app/.next/cache,sharing=locked npm run build",
        "RUN --mount=type=secret,id=ca,required=true,mode=0400 cat /run/secrets/ca",
        "# RUN --mount=type=bind,from=x",
        "RUN npm ci",
    ],
)
def test_plain_mounts_are_built(line: str, tmp_path: Path) -> None:
    file = tmp_path / "Containerfile"
    file.write_text(f"FROM scratch\n{line}\n")
    check_mounts(file)


@pytest.mark.parametrize("kind", ["templates", "skills"])
def test_every_shipped_containerfile_is_built(kind: str) -> None:
    files = list(shipped(kind).rglob("Containerfile"))
    assert files
    for file in files:
        check_mounts(file)
