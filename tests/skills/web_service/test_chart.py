"""What the web skills make of their inputs by the shared chart: read off its objects."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.plan import ImageChoice, Installation, PlannedRelease, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.policy import check
from skill_runner.skill.library import default_library
from skill_runner.skill.shipped import shipped
from tests.support.charts import HELM, render, run_helm

CHART = shipped("templates") / "charts" / "web-service"
IMAGE = "registry.example/team/site:1.0.0"
SKILLS = ("nextjs-k8s-deploy", "docusaurus-deploy")
pytestmark = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def made(name: str, **inputs: Any) -> dict[str, dict[str, Any]]:
    skill = default_library().find(name)
    values = resolve_values(skill, {"image": IMAGE, **inputs})
    images = {"app": ImageChoice(name="app", ref=IMAGE, source="pull", official=IMAGE)}
    installation = Installation(str(values["namespace"]), "site")
    plan = make_plan(skill, installation, values, images, {})
    (release,) = (step for step in plan.steps if isinstance(step, PlannedRelease))
    return render(CHART, "site", installation.namespace, **release.values)


def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment site"]["spec"]["template"]["spec"]
    return spec


def test_helm_finds_no_fault() -> None:
    done = run_helm("lint", "--strict", str(CHART), values={"image": IMAGE})
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SKILLS)
def test_pods_are_without_rights_and_can_write_only_where_they_must(name: str) -> None:
    objects = made(name)
    assert check(tuple(objects.values()), exceptions=(), default_namespace="web") == ()
    assert pod(objects)["securityContext"]["runAsNonRoot"] is True
    (app,) = pod(objects)["containers"]
    assert app["image"] == IMAGE
    assert app["securityContext"]["readOnlyRootFilesystem"] is True
    assert app["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    written = {mount["mountPath"] for mount in app["volumeMounts"]}
    assert written == {"/tmp"} | ({"/app/.next/cache"} if name == SKILLS[0] else set())
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(app)
    assert set(app["resources"]["limits"]) == {"cpu", "memory"}


@pytest.mark.parametrize("name", SKILLS)
def test_a_disruption_takes_one_pod_of_several(name: str) -> None:
    budget = made(name)["PodDisruptionBudget site"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "PodDisruptionBudget site" not in made(name, replicas=1)


@pytest.mark.parametrize("name", SKILLS)
def test_no_way_in_from_outside_unless_asked_for(name: str) -> None:
    kinds = {each.split()[0] for each in made(name)}
    assert kinds == {"Deployment", "PodDisruptionBudget", "Service", "ServiceAccount"}


def test_an_ingress_with_tls() -> None:
    asked = {"host": "shop.example", "tls_secret": "shop-tls", "ingress_class": "traefik"}
    spec = made("nextjs-k8s-deploy", **asked)["Ingress site"]["spec"]
    assert spec["ingressClassName"] == "traefik"
    assert spec["tls"] == [{"hosts": ["shop.example"], "secretName": "shop-tls"}]
    (rule,) = spec["rules"]
    assert rule["host"] == "shop.example"
    assert rule["http"]["paths"][0]["backend"]["service"] == {
        "name": "site",
        "port": {"name": "http"},
    }


def test_a_route_of_the_gateway_api_in_place_of_an_ingress() -> None:
    asked = {"gateway": "infra/main", "host": "docs.example", "base_url": "/docs/"}
    objects = made("docusaurus-deploy", **asked)
    assert "Ingress site" not in objects
    spec = objects["HTTPRoute site"]["spec"]
    assert spec["hostnames"] == ["docs.example"]
    assert spec["parentRefs"] == [{"name": "main", "namespace": "infra"}]
    assert spec["rules"][0]["matches"][0]["path"] == {"type": "PathPrefix", "value": "/docs/"}


def test_a_dependency_that_is_away_kills_no_pod() -> None:
    probes = {"live": "/healthz", "ready": "/readyz", "startup": 60}
    (app,) = pod(render(CHART, "site", "web", image=IMAGE, probes=probes))["containers"]
    asked = {
        kind: app[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert asked == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}


def test_with_a_dapr_sidecar() -> None:
    template = made("nextjs-k8s-deploy", dapr_app_id="shop")["Deployment site"]["spec"]["template"]
    notes = template["metadata"]["annotations"]
    assert notes["dapr.io/enabled"] == "true"
    assert (notes["dapr.io/app-id"], notes["dapr.io/app-port"]) == ("shop", "3000")
    # the application leaves first: 5 s until SIGTERM, 6 s in which clients go, 20 s for requests
    spec = template["spec"]
    stays = int(notes["dapr.io/block-shutdown-duration"].removesuffix("s"))
    own = int(notes["dapr.io/graceful-shutdown-seconds"])
    assert 5 + 6 + 20 < stays < stays + own < spec["terminationGracePeriodSeconds"]
    assert notes["dapr.io/enable-app-health-check"] == "true", "and no longer than it must"
    assert (
        notes["dapr.io/app-health-check-path"]
        == spec["containers"][0]["livenessProbe"]["httpGet"]["path"]
    )
    plain = made("nextjs-k8s-deploy")["Deployment site"]["spec"]["template"]["metadata"]
    assert "annotations" not in plain


def test_variables_by_value_and_by_secret() -> None:
    (app,) = pod(
        made(
            "nextjs-k8s-deploy",
            env={"BACKEND_URL": "http://lessons.svc"},
            secrets={"DATABASE_URL": {"secret": "db", "key": "uri"}},
            env_from_secrets=["shop"],
        )
    )["containers"]
    found = {each["name"]: each.get("value") or each["valueFrom"] for each in app["env"]}
    assert found["BACKEND_URL"] == "http://lessons.svc"
    assert found["DATABASE_URL"] == {"secretKeyRef": {"name": "db", "key": "uri"}}
    assert app["envFrom"] == [{"secretRef": {"name": "shop"}}]
