"""Images from a registry on this machine: by plain HTTP, as a mirror, and through a proxy."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from skill_runner.clusters.embedded.host.paths import clusters_folder
from tests.integration.embedded.host import skill, skill_ok
from tests.integration.embedded.serving import own_address, registry, serving
from tests.support import pods

pytestmark = pytest.mark.root


@pytest.fixture
def name() -> Iterator[str]:
    name = f"pull-{secrets.token_hex(3)}"
    yield name
    skill("cluster", "down", "--name", name)


def test_pulls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = own_address()
    server = serving(registry("test/busybox", "1"), address)
    with server as port:
        plain = f"{address}:{port}"
        monkeypatch.setenv("HTTP_PROXY", f"http://{plain}")
        monkeypatch.setenv("NO_PROXY", address)
        skill_ok(
            *("cluster", "up", "--name", name, "--insecure-registry", plain),
            *("--registry-mirror", f"mirrored.invalid=http://{plain}"),
            *("--insecure-registry", "proxied.invalid"),
        )
        with pods.connect(clusters_folder() / name / "kubeconfig", name) as api:
            for number, host in enumerate((plain, "mirrored.invalid", "proxied.invalid")):
                image = f"{host}/test/busybox:1"
                manifest = pods.pod(f"pulled-{number}", "echo pulled", image=image)
                assert pods.run(api, "default", manifest) == "pulled\n"
    assert server.proxied == {"", "proxied.invalid"}
    again = skill("cluster", "up", "--name", name, "--registry-mirror", "http://192.0.2.9")
    assert again.returncode == 0
    assert "other registry settings; they are kept" in again.stderr
