"""An application behind Kong: what its chart makes, its credential, and what its proof says."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from skill_runner.errors import HookFailed
from skill_runner.hooks.call import call_hook
from skill_runner.hooks.context import PodResult
from skill_runner.objects import Object, Ref
from skill_runner.skill.library import default_library
from skill_runner.skill.shipped import shared_chart
from skill_runner.testing import MemoryCluster
from tests.support.charts import HELM, render
from tests.support.contexts import scripted

SKILLS = ("nextjs-k8s-deploy", "docusaurus-deploy", "fastapi-dapr-agent")
FRONT = {
    "url": "http://kong-proxy.kong.svc",
    "class": "kong",
    "gateway": "kong/kong",
    "namespace": "kong",
    "service": "kong-proxy",
    "version": "3.9.3",
}
CHART = shared_chart("shared:front-door")
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def made(part: str, **values: Any) -> dict[str, Object]:
    assert CHART is not None
    base = {"service": "lessons", "className": "kong", "path": "/api", "auth": "none"}
    return render(CHART, "lessons-x", "learnflow", part=part, **{**base, **values})


@needs_helm
def test_the_guard_lets_in_its_own_consumer_alone() -> None:
    """A key of any consumer of the gateway is one that key-auth knows."""
    objects = made("guard", auth="key", secret="lessons-gateway-key", limit="60/minute")
    assert set(objects) == {
        "KongPlugin lessons-key",
        "KongPlugin lessons-group",
        "KongPlugin lessons-limit",
        "KongConsumer lessons",
        "Secret lessons-group",
    }
    assert objects["KongPlugin lessons-key"]["plugin"] == "key-auth"
    assert objects["KongPlugin lessons-group"]["config"]["allow"] == ["learnflow.lessons"]
    group = objects["Secret lessons-group"]
    assert base64.b64decode(group["data"]["group"]) == b"learnflow.lessons"
    assert group["metadata"]["labels"] == {"konghq.com/credential": "acl"}
    consumer = objects["KongConsumer lessons"]
    assert consumer["credentials"] == ["lessons-gateway-key", "lessons-group"]
    assert consumer["metadata"]["annotations"] == {"kubernetes.io/ingress.class": "kong"}
    limit = objects["KongPlugin lessons-limit"]["config"]
    assert limit == {"minute": 60, "policy": "local", "limit_by": "consumer"}


@needs_helm
@pytest.mark.parametrize(("auth", "plugin"), [("key", "key-auth"), ("jwt", "jwt")])
def test_each_kind_of_credential_has_its_plugin(auth: str, plugin: str) -> None:
    """Under a name of its own: the plugin of a KongPlugin cannot be changed."""
    objects = made("guard", auth=auth, secret="s")
    assert objects[f"KongPlugin lessons-{auth}"]["plugin"] == plugin


@needs_helm
def test_without_credentials_a_limit_counts_addresses() -> None:
    objects = made("guard", limit="5/hour")
    assert set(objects) == {"KongPlugin lessons-limit"}
    assert objects["KongPlugin lessons-limit"]["config"]["limit_by"] == "ip"
    assert objects["KongPlugin lessons-limit"]["config"]["hour"] == 5


@needs_helm
def test_the_way_names_every_guard() -> None:
    (route,) = made(
        "way", gateway="kong/kong", auth="jwt", limit="60/minute", strip=True, host="a.example"
    ).values()
    notes = route["metadata"]["annotations"]
    assert notes["konghq.com/plugins"] == "lessons-jwt,lessons-group,lessons-limit"
    assert notes["konghq.com/strip-path"] == "true"
    assert route["spec"]["parentRefs"] == [{"namespace": "kong", "name": "kong"}]
    assert route["spec"]["hostnames"] == ["a.example"]


@needs_helm
@pytest.mark.parametrize("more", [{"gateway": ""}, {"gateway": "kong/kong", "tlsSecret": "tls"}])
def test_a_certificate_or_no_gateway_api_makes_an_ingress(more: dict[str, Any]) -> None:
    """A route has no certificate of its own; an Ingress has."""
    (ingress,) = made("way", host="a.example", **more).values()
    assert ingress["kind"] == "Ingress"
    assert ingress["spec"]["ingressClassName"] == "kong"
    wanted = [{"secretName": "tls", "hosts": ["a.example"]}] if "tlsSecret" in more else None
    assert ingress["spec"].get("tls") == wanted


async def call(skill: str, hook: str, cluster: MemoryCluster, *answers: Any, **gateway: Any) -> Any:
    found = default_library().find(skill)
    requires = {"front": FRONT, "dapr": {}}
    more = {"state": "none"} if skill.startswith("fastapi") else {}
    context = scripted(
        found,
        *answers,
        cluster=cluster,
        requires=requires,
        image="example.org/app:1",
        namespace="web",
        gateway=gateway,
        **more,
    )
    return await call_hook(found, hook, context, timeout=30)


def a_cluster(skill: str) -> MemoryCluster:
    """With the Secret that the apply step made."""
    made = MemoryCluster()
    made.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})
    meta = {"name": f"{skill}-gateway-key", "namespace": "web"}
    made.put({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    return made


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize(
    ("auth", "label", "keys"),
    [("key", "key-auth", {"key"}), ("jwt", "jwt", {"key", "secret", "algorithm"})],
)
async def test_a_credential_is_made_once_and_is_one_from_the_first_moment(
    skill: str, auth: str, label: str, keys: set[str]
) -> None:
    cluster = a_cluster(skill)
    assert "generated" in await call(skill, "ensure_gateway_key", cluster, auth=auth)
    ref = Ref("v1", "Secret", f"{skill}-gateway-key", "web")
    secret = await cluster.get(ref)
    assert set(secret["data"]) == keys
    assert secret["metadata"]["labels"] == {"konghq.com/credential": label}
    assert await call(skill, "ensure_gateway_key", cluster, auth=auth) == ""
    assert (await cluster.get(ref))["data"] == secret["data"]


async def test_another_kind_of_credential_replaces_the_one_before() -> None:
    skill = "nextjs-k8s-deploy"
    cluster = a_cluster(skill)
    for auth, keys in (("key", {"key"}), ("jwt", {"key", "secret", "algorithm"})):
        assert "generated" in await call(skill, "ensure_gateway_key", cluster, auth=auth)
        found = await cluster.get(Ref("v1", "Secret", f"{skill}-gateway-key", "web"))
        assert set(found["data"]) == keys


RIGHT = "none 401 -\nwrong 401 -\nright 200 60\n"


@pytest.mark.parametrize("skill", SKILLS)
async def test_what_was_seen_is_said(skill: str) -> None:
    said = await call(
        skill,
        "prove_front_door",
        a_cluster(skill),
        PodResult(0, RIGHT),
        auth="key",
        rate_limit="60/minute",
    )
    assert said == "401 401 200 through the gateway, 60/minute allowed"


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        ("none 200 -\nwrong 200 -\nright 200 60\n", "answers 200 200 200 and not 401 401 200"),
        ("none 401 -\nwrong 401 -\nright 404 -\n", "answers 401 401 404 and not 401 401 200"),
        ("none 401 -\nwrong 401 -\nright 200 -\n", "announces the limit -, and not 60"),
        ("none 401 -\nwrong 401 -\nright FAILED ECONNREFUSED\n", "does not answer: right FAILED"),
    ],
)
async def test_what_should_not_be_is_named(logs: str, words: str) -> None:
    skill = "nextjs-k8s-deploy"
    with pytest.raises(HookFailed, match=words):
        await call(
            skill,
            "prove_front_door",
            a_cluster(skill),
            PodResult(0, logs),
            auth="key",
            rate_limit="60/minute",
        )


@pytest.mark.parametrize(
    ("base_url", "path", "address"),
    [("", {}, "/"), ("/docs/", {}, "/docs/"), ("/docs/", {"path": "/other/"}, "/other/")],
)
def test_the_address_of_a_site_is_where_its_route_is(
    base_url: str, path: dict[str, str], address: str
) -> None:
    gateway = {"auth": "key", **path}
    ctx = scripted(
        default_library().find("docusaurus-deploy"),
        requires={"front": FRONT},
        image="example.org/app:1",
        base_url=base_url,
        gateway=gateway,
    )
    assert ctx.outputs["front_door"] == FRONT["url"] + address
    assert ctx.let["way"]["path"] == address
