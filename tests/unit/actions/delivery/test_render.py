"""A platform as files for Git: in waves, by digest, the same every time, and without a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from skill_runner.actions.delivery.applications import Source
from skill_runner.actions.delivery.folder import LISTING, write
from skill_runner.actions.delivery.render import Asked, Rendered, render
from skill_runner.backends.absent import absent_cluster
from skill_runner.errors import PreflightFailed, Refused
from skill_runner.installations import store
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.testing import MemoryHelm
from tests.support.graph import Stage

Make = Callable[[Mapping[str, Any]], Stage]
SOURCE = Source("https://git.example.org/shop.git", "deploy", "main", "argocd")
DIGEST = f"sha256:{'a' * 64}"
BUS = {"skill": "bus", "with": {"topics": "{{ topics }}"}}
APP: dict[str, Any] = {"bus": [], "app": [BUS], "page": [{"skill": "app"}]}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda skills: Stage.of(tmp_path, skills)


async def digest(image: str) -> str:
    return "" if image.startswith("unknown") else DIGEST


async def rendered(stage: Stage, *skills: str) -> Rendered:
    """Rendered for a cluster that is not there."""
    cluster = absent_cluster("1.37.0")
    world = replace(stage.world, cluster=cluster, helm=MemoryHelm(stage.cluster))
    asked = Asked("shop", tuple(stage.request(skill) for skill in skills), stage.folder)
    return await render(asked, world, stage.library, SOURCE, digest)


def at(made: Rendered, path: str) -> Any:
    return yaml.safe_load(made.files[PurePosixPath(path)])


async def test_each_installation_is_an_application_in_the_wave_of_its_requirements(
    make: Make,
) -> None:
    made = await rendered(make(APP), "page")
    assert [
        (each["installation"], each["wave"]) for each in at(made, LISTING)["installations"]
    ] == [
        ("bbb/bus", 0),
        ("aaa/app", 1),
        ("ppp/page", 2),
    ]
    app = at(made, "applications/aaa-app.yaml")
    assert app["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "1"}
    assert app["spec"]["source"] == {
        "repoURL": SOURCE.repo,
        "path": "deploy/aaa/app",
        "targetRevision": "main",
    }
    assert at(made, "root.yaml")["spec"]["source"]["path"] == "deploy/applications"
    assert at(made, "aaa/app/configmap-app.yaml")["metadata"]["namespace"] == "aaa"


async def test_the_record_comes_along_and_is_read_like_that_of_a_run(make: Make) -> None:
    stage = make(APP)
    made = await rendered(stage, "app")
    kept = at(made, "aaa/app/configmap-skill-runner.app.yaml")
    await stage.cluster.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aaa"}}
    )
    await stage.cluster.create(kept)
    found = await store.read(stage.cluster, Installation("aaa", "app"))
    assert found is not None
    assert found.objects == (Ref("v1", "ConfigMap", "app", "aaa"),)
    assert found.requires == {"bus": "bbb/bus"}
    assert (found.skill, found.complete, found.delivered_by) == ("app", True, "")
    assert str(stage.folder) not in json.dumps(kept), "no path of this machine"


async def test_it_is_the_same_every_time_also_on_another_machine(
    make: Make, tmp_path: Path
) -> None:
    first = await rendered(make(APP), "page")
    again = await rendered(Stage.of(tmp_path / "elsewhere", APP), "page")
    assert first.files == again.files


def pod(image: str) -> Object:
    limits = {"cpu": "1", "memory": "64Mi"}
    probe = {"tcpSocket": {"port": 80}}
    container = {
        "name": "web",
        "image": image,
        "resources": {"limits": limits, "requests": limits},
        "livenessProbe": probe,
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container]},
            },
        },
    }


def with_manifest(stage: Stage, skill: str, manifest: Object) -> Stage:
    (stage.folder / "skills" / skill / "map.yaml.j2").write_text(yaml.safe_dump(manifest))
    return stage


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("quay.io/x/web:1.2", f"quay.io/x/web:1.2@{DIGEST}"),
        (f"quay.io/x/web@{DIGEST}", f"quay.io/x/web@{DIGEST}"),
        ("skill.local/web:1-abc", "skill.local/web:1-abc"),
    ],
)
async def test_images_are_named_by_digest(make: Make, image: str, pinned: str) -> None:
    made = await rendered(with_manifest(make({"bus": []}), "bus", pod(image)), "bus")
    web = at(made, "bbb/bus/deployment-web.yaml")
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == pinned


async def test_an_image_without_a_digest_is_refused(make: Make) -> None:
    stage = with_manifest(make({"bus": []}), "bus", pod("unknown.example.org/web:1"))
    with pytest.raises(PreflightFailed, match="no registry reports the digest of unknown") as found:
        await rendered(stage, "bus")
    assert found.value.problem.code == "REGISTRY_UNREACHABLE"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"stringData": {"token": "s3cret"}}, "Secret bbb/app holds token"),
        ({"data": {"a": "eA==", "b": "eA=="}}, "Secret bbb/app holds a, b"),
    ],
    ids=["text", "data"],
)
async def test_a_secret_with_values_is_refused_and_they_are_not_told(
    make: Make, data: Object, words: str
) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, **data}
    with pytest.raises(PreflightFailed) as found:
        await rendered(with_manifest(make({"bus": []}), "bus", secret), "bus")
    assert words in found.value.problem.cause
    assert "s3cret" not in str(found.value)
    assert found.value.problem.code == "POLICY_VIOLATION"


async def test_a_secret_by_reference_alone_is_kept(make: Make) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "data": {"x": ""}}
    made = await rendered(with_manifest(make({"bus": []}), "bus", secret), "bus")
    assert at(made, "bbb/bus/secret-app.yaml")["data"] == {"x": ""}


async def test_what_hooks_do_is_said(make: Make) -> None:
    made = await rendered(make({"bus": []}), "bus")
    assert made.notes == ("bbb/bus: act: called by `skill verify --delivered-by argocd`",)


async def delivered(stage: Stage, skill: str) -> None:
    """As Argo CD applies it."""
    made = await rendered(stage, skill)
    for path, content in made.files.items():
        if len(path.parts) == 3:
            obj = yaml.safe_load(content)
            notes = {"argocd.argoproj.io/tracking-id": f"bbb-bus:/{obj['kind']}:bbb/x"}
            obj["metadata"]["annotations"] = {**obj["metadata"].get("annotations", {}), **notes}
            await stage.cluster.apply(obj, manager="argocd-controller")


async def test_a_run_of_what_argo_cd_delivered_is_refused_and_writes_nothing(make: Make) -> None:
    stage = make({"bus": []})
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bbb"}}
    await stage.cluster.create(space)
    await delivered(stage, "bus")
    stage.cluster.requests.clear()
    with pytest.raises(Refused, match="bbb/bus is delivered by Argo CD application bbb-bus"):
        await stage.run(stage.request("bus", "level=2"))
    assert stage.writes() == []


async def test_what_argo_cd_delivered_may_be_required(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus"}]})
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bbb"}}
    await stage.cluster.create(space)
    await delivered(stage, "bus")
    assert (await stage.run(stage.request("app"))).status == "ready"


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_a_folder_follows_what_is_rendered_and_keeps_what_others_wrote(
    make: Make, tmp_path: Path
) -> None:
    stage, to = make(APP), tmp_path / "deploy"
    both, one = await rendered(stage, "app"), await rendered(stage, "bus")
    assert write(to, both.files) == (len(both.files), 0)
    (to / "README.md").write_text("mine\n")
    (to / "aaa" / "app" / "extra.yaml").write_text("kind: Mine\n")
    assert write(to, both.files) == (0, 0)
    changed, removed = write(to, one.files)
    assert changed == 2, "the listing, and the record of what is asked for now"
    assert removed == 3, "the other's object, record and Application"
    kept = {path.as_posix() for path in one.files}
    assert files_in(to) == kept | {"README.md", "aaa/app/extra.yaml"}


async def test_a_file_of_others_in_the_way_is_refused_and_nothing_is_written(
    make: Make, tmp_path: Path
) -> None:
    to = tmp_path / "deploy"
    to.mkdir()
    (to / "root.yaml").write_text("mine\n")
    made = await rendered(make({"bus": []}), "bus")
    with pytest.raises(Refused, match="was not written by `skill render`"):
        write(to, made.files)
    assert files_in(to) == {"root.yaml"}
