"""dapr-k8s-setup on a real cluster: run, again, the ways in which a sidecar fails, remove."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import open_transport
from skill_runner.backends.recording.file import save_history
from skill_runner.images.recipe import digest_of, local_ref
from skill_runner.objects import Object, Ref
from skill_runner.skill.library import PATH_VARIABLE, default_library
from tests.integration.faults.play import play
from tests.integration.faults.scenario import Scenario, all_scenarios, assert_expected
from tests.skills.dapr.blocks import BROKEN, WORKS, assert_proven
from tests.support.charts import official_dapr
from tests.support.driver import Driver
from tests.support.paths import HISTORIES
from tests.support.testimage import busybox_archive

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent
NAME, APP = "dapr-k8s-setup", "lesson-app"
SKILL = default_library().find(NAME)
FOLDER = SKILL.hooks_file.parent
# By the watchdog, Dapr's operator would fix what `run` is to fix.
SETUP = ("--set", "watchdog=0", "--set", "scheduler=memory")
PYTHON = local_ref(SKILL.images["probe"].ref, digest_of(FOLDER / "probe"))
OTHERWISE = (
    "--set",
    "mtls=false",
    "--set",
    "ha=true",
    "--set",
    "scheduler=off",
    "--set",
    "watchdog=once",
)
INJECTOR = Ref("apps/v1", "Deployment", "dapr-sidecar-injector", "dapr-system")
OPERATOR = Ref("apps/v1", "Deployment", "dapr-operator", "dapr-system")


@pytest.fixture(scope="module")
def untouched(driver: Driver) -> Iterator[set[str]]:
    """What the cluster holds before; nothing of a test is left after."""
    before = driver.objects()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PATH_VARIABLE, str(HERE / "library"))
        yield before
        clean_up(driver)


def clean_up(driver: Driver) -> None:
    there = {i["skill"] for i in driver.skill("status")["installations"]}
    for name in (APP, NAME, "kafka-k8s-setup", "postgres-k8s-setup", "redis-k8s-setup"):
        if name in there:
            driver.skill("remove", name, "--yes", "--purge")


@pytest.fixture(scope="module")
def installed(driver: Driver, untouched: set[str]) -> dict[str, Any]:
    return driver.skill("run", NAME, *SETUP)


def test_every_building_block_works(driver: Driver, installed: dict[str, Any]) -> None:
    """Nothing is given that says where Dapr comes from, and no registry answers."""
    assert installed["status"] == "ready"
    assert installed["outputs"] == {
        "version": "1.14.0",
        "namespace": "dapr-system",
        "mtls": True,
        "mode": "bundled",
        "chart": "the chart of this skill, since the images of Dapr are built here",
    }
    proof = installed["proof"]
    assert proof["sidecars-there"] == "passed: 0 pods with a sidecar"
    assert_proven(proof)
    hook = driver.get(
        Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", INJECTOR.name)
    )
    assert all(w["clientConfig"]["caBundle"] for w in hook["webhooks"])
    assert not [o for o in driver.objects() if "skill-probe" in o]


def test_every_container_has_limits(driver: Driver, installed: dict[str, Any]) -> None:
    pods = [p for p in driver.every("Pod") if p["metadata"]["namespace"] == "dapr-system"]
    assert len(pods) == 5
    for pod in pods:
        for container in pod["spec"]["containers"]:
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}, pod


def test_again_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    assert all(again["proof"][block].startswith("passed") for block in WORKS)
    if driver.audit_log:
        assert driver.writes_since(position, "dapr-system") == []


@pytest.mark.parametrize("block", BROKEN)
def test_a_building_block_that_is_broken_names_itself(
    driver: Driver, installed: dict[str, Any], block: str
) -> None:
    cause, manifests = BROKEN[block]
    driver.apply(*manifests)
    try:
        failed = driver.skill("verify", NAME, code=1)
    finally:
        for manifest in reversed(manifests):
            driver.drop(Ref.of(manifest))
    assert {each for each in WORKS if failed["proof"][each] == "failed"} == {block}, failed
    assert failed["problem"]["resource"] == f"proof {block} of dapr-system/{NAME}"
    assert re.search(cause, failed["problem"]["cause"]), failed["problem"]


@pytest.fixture(scope="module")
def uninjected(driver: Driver, installed: dict[str, Any]) -> dict[str, Any]:
    """An application whose pod was made while the injector was away; what its run says."""
    driver.scale(INJECTOR, 0)
    try:
        return driver.skill("run", APP, "--set", f"image={PYTHON}", code=1)
    finally:
        driver.scale(INJECTOR, 1)


@pytest.fixture(scope="module")
def fixed(driver: Driver, uninjected: dict[str, Any]) -> dict[str, Any]:
    """The same application after another run of Dapr's skill."""
    assert driver.skill("run", NAME)["status"] in ("ready", "unchanged")
    return driver.skill("run", APP)


def test_a_missing_sidecar_is_named_and_fixed(
    driver: Driver, uninjected: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    (pod,) = pods_of(driver)
    where = f"Pod lessons/{pod['metadata']['name']}"
    for said in (
        uninjected,
        driver.skill("verify", APP, code=1),
        driver.skill("why", APP, code=1),
        driver.skill("verify", NAME, code=1),
        driver.skill("why", NAME, code=1),
    ):
        assert said["problem"]["code"] == "SIDECAR_MISSING", said
        assert said["problem"]["resource"] == where
    ready = request.getfixturevalue("fixed")
    assert ready["proof"]["sidecars"] == "passed: 1 sidecar with lesson-state"


def test_a_component_that_is_not_loaded_is_named(driver: Driver, fixed: dict[str, Any]) -> None:
    """It is added after the pod: everything looks well, and calls of it fail."""
    for said in (
        driver.skill("run", APP, "--set", "late=true", code=1),
        driver.skill("verify", APP, code=1),
        driver.skill("why", APP, code=1),
    ):
        assert said["problem"]["code"] == "COMPONENT_NOT_LOADED", said
        assert "component lesson-cache is not loaded" in said["problem"]["cause"]
        assert said["problem"]["resource"].startswith("Pod lessons/lesson-")


def test_a_component_that_ends_its_sidecar_is_named(driver: Driver, fixed: dict[str, Any]) -> None:
    """The name of its broker does not resolve."""
    wrong = driver.skill("run", APP, "--set", "late=false", "--set", "broken=true", code=1)
    for said in (wrong, driver.skill("why", APP, code=1)):
        assert said["problem"]["code"] == "COMPONENT_FAILED", said
        assert "component lesson-events (pubsub.kafka/v1) fails" in said["problem"]["cause"]
        assert "no such host" in said["problem"]["cause"]
        assert said["problem"]["resource"].endswith("container daprd")
    assert driver.skill("run", APP, "--set", "broken=false")["status"] == "ready"


@pytest.mark.parametrize("scenario", all_scenarios(needs=NAME), ids=lambda s: s.name)
async def test_fault(
    scenario: Scenario, driver: Driver, installed: dict[str, Any], tmp_path: Path
) -> None:
    """A wait ends with the cause; recorded, so that it can be played without a cluster."""
    if not driver.can_load:
        pytest.skip("the test image cannot be loaded into this cluster")
    archive = tmp_path / "busybox.tar"
    archive.write_bytes(busybox_archive())
    await asyncio.to_thread(driver.load, archive)
    cluster = await connect(str(driver.kubeconfig), driver.context)
    transport = await open_transport(cluster.target, asyncio.sleep)
    try:
        done = await play(cluster, transport, "", scenario, tmp_path)
    finally:
        await transport.close()
        await cluster.close()
    assert_expected(scenario, done.result, done.namespace)
    if os.environ.get("SKILL_RECORD_HISTORIES"):
        save_history(done.history, HISTORIES / f"{scenario.name}.jsonl")


COMPONENTS: list[dict[str, Any]] = [
    {
        "name": "events",
        "namespace": "stores",
        "type": "pubsub.kafka",
        "metadata": {"brokers": "kafka-bootstrap.kafka.svc:9092"},
    },
    {
        "name": "orders",
        "namespace": "stores",
        "type": "state.postgresql",
        "secrets": {"connectionString": {"name": "postgres-app", "key": "uri"}},
    },
    {
        "name": "cache",
        "namespace": "stores",
        "type": "state.redis",
        "metadata": {"redisHost": "redis.redis.svc:6379"},
        "secrets": {"redisPassword": {"name": "redis-app", "key": "password"}},
    },
    {"name": "vault", "namespace": "stores", "type": "secretstores.kubernetes"},
]
READERS = [{"namespace": "stores", "service_account": "default", "secrets": ["skill-test"]}]
STORES = {
    "installations": [
        {"skill": "kafka-k8s-setup", "inputs": {"topics": ["events", "poison", "dead"]}},
        {"skill": "postgres-k8s-setup", "inputs": {"clients": ["stores"]}},
        {"skill": "redis-k8s-setup", "inputs": {"clients": ["stores"]}},
    ]
}


@pytest.fixture(scope="module")
def platform(driver: Driver, installed: dict[str, Any], tmp_path_factory: Any) -> dict[str, Any]:
    """A broker and two databases, and Dapr's components for them."""
    folder = tmp_path_factory.mktemp("platform")
    file, values = folder / "platform.yaml", folder / "dapr.yaml"
    file.write_text(json.dumps({"schema": 1, "name": "stores", **STORES}))
    refused = driver.skill("up", str(file), code=3)  # nothing else makes the clients' namespace
    assert refused["problem"]["cause"].startswith("namespace stores does not exist")
    assert driver.skill("up", str(file), "--create-namespaces")["status"] == "ready"
    values.write_text(
        json.dumps({"components": COMPONENTS, "secret_readers": READERS, "retries": 2})
    )
    return driver.skill("run", NAME, "--values", str(values))


def test_components_load_and_keep_state(platform: dict[str, Any]) -> None:
    assert platform["status"] == "ready"
    said = platform["proof"]["components-load"]
    assert re.fullmatch(
        r"passed: stores: \d components loaded, orders keeps state, cache keeps state", said
    )


def test_events_go_through_kafka_and_failing_ones_to_the_dead_letters(
    driver: Driver, platform: dict[str, Any]
) -> None:
    """Also by the Resiliency of the component; and a Secret through the secret store."""
    nonce: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "stringData": {"nonce": "n-1"},
        "metadata": {"name": "skill-test", "namespace": "stores"},
    }
    driver.apply(nonce)
    probe = (FOLDER / "scripts" / "probe.py").read_text()
    said = driver.run_pod(
        "stores",
        PYTHON,
        ["python3", "-c", probe, "caller"],
        env={
            "NONCE": "n-1",
            "BLOCKS": "pubsub,state,secrets",
            "PUBSUB": "events",
            "STATE": "orders",
            "SECRET": "skill-test",
        },
        annotations={
            "dapr.io/enabled": "true",
            "dapr.io/app-id": "skill-test",
            "dapr.io/app-port": "8080",
            "dapr.io/graceful-shutdown-seconds": "1",
        },
        automountServiceAccountToken=True,
    )
    report = json.loads(said.strip().splitlines()[-1])
    assert "dead-letter topic" in report["pubsub"]["seen"], report
    assert (
        report["state"]["seen"] == "what one application saves the other reads, until it is deleted"
    )
    assert report["secrets"] == {"seen": "a Secret is read"}


@pytest.fixture(scope="module")
def removed(
    driver: Driver, untouched: set[str], platform: dict[str, Any], fixed: dict[str, Any]
) -> set[str]:
    """What is left of Dapr when it was removed without --purge."""
    driver.delete(Ref("v1", "Secret", "skill-test", "stores"))
    driver.skill("remove", APP, "--yes")
    kept = driver.skill("remove", NAME, "--yes")
    assert any("kept CustomResourceDefinition components.dapr.io" in n for n in kept["notes"])
    left = {o for o in driver.objects() - untouched if "dapr" in o}
    for name in ("kafka-k8s-setup", "postgres-k8s-setup", "redis-k8s-setup"):
        driver.skill("remove", name, "--yes", "--purge")
    return left


def test_remove_leaves_only_the_definitions(removed: set[str]) -> None:
    """And what the API server makes of each of their groups."""
    assert {o.split()[1] for o in removed} == {"CustomResourceDefinition", "APIService"}


def test_by_the_official_chart_with_its_other_options_it_works_and_leaves_nothing(
    driver: Driver, untouched: set[str], removed: set[str]
) -> None:
    """On the definitions that were kept; and Dapr's own watchdog fixes, when it comes back."""
    chart = official_dapr()
    ready = driver.skill("run", NAME, *SETUP, *OTHERWISE, "--set", f"chart={chart}")
    assert (ready["outputs"]["mode"], ready["outputs"]["chart"]) == ("official", str(chart))
    assert_proven(ready["proof"])
    assert not [o for o in driver.objects() if "Pod dapr-system/dapr-scheduler" in o]
    driver.scale(INJECTOR, 0)
    driver.scale(OPERATOR, 0)
    missed = driver.skill("run", APP, "--set", f"image={PYTHON}", code=1)
    assert missed["problem"]["code"] == "SIDECAR_MISSING"
    (pod,) = pods_of(driver)
    for service in (INJECTOR, OPERATOR):
        driver.scale(service, 3)
        driver.until(service, lambda found: found["status"].get("readyReplicas") == 3)
    driver.until_gone(Ref.of(pod))
    assert driver.skill("verify", APP)["proof"] == {
        "sidecars": "passed: 1 sidecar with lesson-state"
    }
    for name in (APP, NAME):
        driver.skill("remove", name, "--yes", "--purge")
    assert driver.objects() == untouched


def pods_of(driver: Driver) -> list[Object]:
    return [
        p for p in driver.every("Pod") if p["metadata"].get("labels", {}).get("app") == "lesson"
    ]
