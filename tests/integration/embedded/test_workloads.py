"""What a cluster is for: pods, DNS, Services, volumes, images from a registry, a way out."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from skill_runner.clusters.embedded.host import processes
from skill_runner.clusters.embedded.host.limits import INOTIFY_NEEDED
from skill_runner.clusters.embedded.settings import Node, read_node
from tests.integration.embedded.serving import own_address, serving
from tests.support import pods
from tests.support.testcluster import TestCluster

SERVE = "mkdir -p /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"


@pytest.fixture
def api(test_cluster: TestCluster) -> Iterator[httpx.Client]:
    with pods.connect(test_cluster.kubeconfig, test_cluster.context) as client:
        yield client


@pytest.fixture
def space(api: httpx.Client, busybox: None) -> Iterator[str]:
    """A namespace in which pods can be made."""
    name = f"test-{secrets.token_hex(4)}"
    pods.create(api, "/api/v1/namespaces", {"metadata": {"name": name}})
    _until_it_has_an_account(api, name)
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def node(test_cluster: TestCluster) -> Node:
    if test_cluster.provider != "embedded" or test_cluster.audit_log is None:
        pytest.skip("about the embedded cluster")
    return read_node(test_cluster.audit_log.parent)


def test_pod_runs_with_the_kernel_s_limits(api: httpx.Client, space: str) -> None:
    assert pods.run(api, space, pods.pod("hello", "echo hello; id -u")) == "hello\n0\n"


def test_dns_and_service_from_a_pod(api: httpx.Client, space: str) -> None:
    _serve(api, space)
    script = f"nslookup web.{space}.svc.cluster.local && wget -q -O - http://web:80/"
    assert pods.run(api, space, pods.pod("ask", script)).endswith("hello\n")


def test_the_api_answers_in_a_pod(api: httpx.Client, space: str) -> None:
    script = "nslookup kubernetes.default.svc.cluster.local && nc -w 5 kubernetes.default 443"
    pods.run(api, space, pods.pod("ask", script))


def test_node_port_from_the_host(api: httpx.Client, space: str, node: Node) -> None:
    port = _serve(api, space)["spec"]["ports"][0]["nodePort"]
    assert _fetch(f"http://{node.addresses.node}:{port}/") == "hello\n"


def test_the_address_of_a_pod_that_is_gone_leads_nowhere(
    api: httpx.Client, space: str, node: Node
) -> None:
    """And not to the way out, from where the host would send it back."""
    gone = IPv4Network(node.addresses.pods)[-2]
    said = pods.run(api, space, pods.pod("ask", f"nc -w 60 {gone} 80 2>&1; true"))
    assert "No route to host" in said


def test_volume_of_the_default_class(api: httpx.Client, space: str) -> None:
    claims = f"/api/v1/namespaces/{space}/persistentvolumeclaims"
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    pods.create(api, claims, claim)
    spec: dict[str, Any] = {
        "securityContext": {"runAsUser": 1000, "runAsNonRoot": True, "fsGroup": 2000},
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "mounts": [{"name": "data", "mountPath": "/data"}],
    }
    pods.run(api, space, pods.pod("write", "echo kept > /data/file", **spec))
    assert pods.run(api, space, pods.pod("read", "cat /data/file", **spec)) == "kept\n"
    grown = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = api.patch(f"{claims}/data", headers=headers, content=json.dumps(grown))
    assert answer.is_success, answer.text
    assert _until_capacity(api, f"{claims}/data", "2Gi") == "2Gi"
    volume = pods.get(api, f"{claims}/data")["spec"]["volumeName"]
    for name in ("write", "read"):
        api.delete(f"/api/v1/namespaces/{space}/pods/{name}")
    api.delete(f"{claims}/data")
    assert _until_gone(api, f"/api/v1/persistentvolumes/{volume}")


def test_a_user_of_the_machine_reads_nothing_of_a_cluster(
    api: httpx.Client, space: str, node: Node
) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    pods.create(api, f"/api/v1/namespaces/{space}/persistentvolumeclaims", claim)
    spec: dict[str, Any] = {
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "mounts": [{"name": "data", "mountPath": "/data"}],
    }
    pods.run(api, space, pods.pod("write", "echo kept > /data/file; echo said", **spec))
    assert list((node.path / "volumes").glob("pvc-*/file"))
    files = [path for path in node.path.rglob("*") if path.is_file() and not path.is_symlink()]
    names = "\0".join(map(str, files))
    look = 'while IFS= read -r -d "" name; do cat "$name" >/dev/null && echo "$name"; done'
    seen = subprocess.run(
        ["bash", "-c", look],
        input=f"{names}\0",
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [name for name in seen.stdout.splitlines() if not name.endswith((".crt", ".pub"))] == []


def test_the_way_out_has_no_rights(node: Node) -> None:
    if node.way_out != "slirp4netns":
        pytest.skip("no slirp4netns here")
    [slirp] = [p for p in processes_of(node) if p.command[0] == node.tools["slirp4netns"]]
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{slirp.pid}/status").read_text().splitlines()
    )
    assert status["Seccomp"].strip() == "2"
    assert int(status["CapEff"], 16) & ~(1 << 10) == 0, "CAP_NET_BIND_SERVICE at most"
    # What it needs for names: resolv.conf and the sockets of resolvers.
    seen = {each.name for each in Path(f"/proc/{slirp.pid}/root").iterdir()}
    assert seen <= {"etc", "run", "old"}, seen
    mounts = [
        line.split() for line in Path(f"/proc/{slirp.pid}/mountinfo").read_text().splitlines()
    ]
    assert mounts
    assert [m for m in mounts if m[4] in ("/etc", "/run") and "ro" not in m[5].split(",")] == []


def test_a_node_keeps_no_more_inotify_instances_than_are_asked_for(node: Node) -> None:
    """Of its own parts; containers come on top, one each with cgroups of version 2."""
    kept = Counter(
        Path(process.command[0]).name
        for process in processes_of(node)
        for _ in inotify_instances(process.pid)
    )
    kept.pop("containerd-shim-runc-v2", None)
    assert kept["kubelet"] > 0, kept
    assert kept.total() <= INOTIFY_NEEDED, kept


def processes_of(node: Node) -> list[processes.Process]:
    """What runs in the node's own PID namespace; pods have theirs below it."""
    every = processes.all_processes()
    [kubelet] = [
        process
        for process in every
        if process.command[0] == node.tools["kubelet"] and node.folder in " ".join(process.command)
    ]
    here = pid_namespace(kubelet.pid)
    return [process for process in every if pid_namespace(process.pid) == here]


def pid_namespace(pid: int) -> str:
    """Empty for a process that has ended."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")
    return ""


def inotify_instances(pid: int) -> list[Path]:
    found = []
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found += [descriptor] if "inotify" in os.readlink(descriptor) else []
    return found


def test_pods_cannot_take_what_the_node_needs(api: httpx.Client, node: Node) -> None:
    found = pods.get(api, f"/api/v1/nodes/{node.name}")["status"]
    assert found["allocatable"]["memory"] != found["capacity"]["memory"]
    assert found["allocatable"]["cpu"] != found["capacity"]["cpu"]


def test_writes_are_in_the_audit_log(api: httpx.Client, space: str, node: Node) -> None:
    assert any(
        event["verb"] == "create" and event["objectRef"].get("name") == space
        for event in map(json.loads, node.audit_log.read_text().splitlines())
        if event["objectRef"]["resource"] == "namespaces"
    )


def test_loopback_of_the_host_is_hidden(api: httpx.Client, space: str, node: Node) -> None:
    with serving({"/": b"secret"}, "127.0.0.1") as port:
        gateway = str(IPv4Network(node.addresses.egress)[2])
        script = f"nc -w 3 {gateway} {port} < /dev/null 2> /dev/null || echo hidden"
        assert pods.run(api, space, pods.pod("ask", script)) == "hidden\n"


def test_way_out_to_the_host(api: httpx.Client, space: str, node: Node) -> None:
    """By the host's own address, which is not on the cluster's link: through the way out."""
    if not node.way_out:
        pytest.skip("no slirp4netns here, and no forwarding")
    address = _host_address(node)
    with serving({"/": b"from the host"}, address) as port:
        script = f"wget -q -O - http://{address}:{port}/"
        assert pods.run(api, space, pods.pod("ask", script)) == "from the host"


def _serve(api: httpx.Client, space: str) -> dict[str, Any]:
    pods.start(api, space, pods.pod("server", SERVE))
    service = {
        "metadata": {"name": "web"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "server"},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }
    made = pods.create(api, f"/api/v1/namespaces/{space}/services", service)
    _until_endpoint(api, space)
    return made


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def _until_endpoint(api: httpx.Client, space: str) -> bool:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{space}/endpointslices"
    return any(item["endpoints"] for item in pods.get(api, path)["items"])


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def _until_it_has_an_account(api: httpx.Client, space: str) -> bool:
    return api.get(f"/api/v1/namespaces/{space}/serviceaccounts/default").is_success


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def _until_capacity(api: httpx.Client, path: str, size: str) -> str:
    found = str(pods.get(api, path)["status"]["capacity"]["storage"])
    return found if found == size else ""


@retry(retry=retry_if_result(lambda ok: not ok), wait=wait_fixed(0.1), stop=stop_after_delay(60))
def _until_gone(api: httpx.Client, path: str) -> bool:
    return api.get(path).status_code == httpx.codes.NOT_FOUND


@retry(
    retry=retry_if_exception_type(httpx.TransportError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(30),
)
def _fetch(url: str) -> str:
    return httpx.get(url, trust_env=False, timeout=5).text


def _host_address(node: Node) -> str:
    address = own_address()
    return address if not address.startswith("127.") else node.addresses.host
