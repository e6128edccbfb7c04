"""Run something in a pod of the test cluster and take its output, over the API alone."""

from __future__ import annotations

import ssl
from base64 import b64decode
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx
import yaml
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from tests.support.testimage import IMAGE

ENDED = ("Succeeded", "Failed")


def connect(kubeconfig: Path, context: str) -> httpx.Client:
    """A client of the API server that a context with client certificates names."""
    config = yaml.safe_load(kubeconfig.read_text())
    chosen = _named(config["contexts"], context)["context"]
    cluster = _named(config["clusters"], chosen["cluster"])["cluster"]
    user = _named(config["users"], chosen["user"])["user"]
    authority = _content(cluster, "certificate-authority").decode()
    verify = ssl.create_default_context(cadata=authority)
    with NamedTemporaryFile() as pair:
        pair.write(_content(user, "client-certificate") + _content(user, "client-key"))
        pair.flush()
        verify.load_cert_chain(pair.name)
    return httpx.Client(base_url=cluster["server"], verify=verify, trust_env=False, timeout=30)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _content(entry: dict[str, Any], name: str) -> bytes:
    if f"{name}-data" in entry:
        return b64decode(entry[f"{name}-data"])
    return Path(entry[name]).read_bytes()


def pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A pod that runs a shell script once. `spec` adds to the pod's spec."""
    mounts = spec.pop("mounts", [])
    container = {
        "name": "main",
        "image": spec.pop("image", IMAGE),
        "command": ["sh", "-c", script],
        "volumeMounts": mounts,
    }
    rest = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, **spec}
    metadata = {"name": name, "labels": {"app": name}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **rest},
    }


def create(api: httpx.Client, path: str, obj: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, json=obj)
    assert answer.is_success, answer.text
    made: dict[str, Any] = answer.json()
    return made


def get(api: httpx.Client, path: str) -> dict[str, Any]:
    answer = api.get(path)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def run(api: httpx.Client, namespace: str, manifest: dict[str, Any]) -> str:
    """Run a pod to its end; its log. A pod that fails is a failing test."""
    created = create(api, f"/api/v1/namespaces/{namespace}/pods", manifest)
    path = f"/api/v1/namespaces/{namespace}/pods/{created['metadata']['name']}"
    ended = _until_phase(api, path, ENDED)
    log = api.get(f"{path}/log").text
    assert ended["status"]["phase"] == "Succeeded", f"{log}\n{ended['status']}"
    return log


def start(api: httpx.Client, namespace: str, manifest: dict[str, Any]) -> None:
    """Start a pod and return when it runs."""
    created = create(api, f"/api/v1/namespaces/{namespace}/pods", manifest)
    path = f"/api/v1/namespaces/{namespace}/pods/{created['metadata']['name']}"
    _until_phase(api, path, ("Running",))


@retry(retry=retry_if_result(lambda pod: not pod), wait=wait_fixed(0.1), stop=stop_after_delay(120))
def _until_phase(api: httpx.Client, path: str, phases: tuple[str, ...]) -> dict[str, Any]:
    found = get(api, path)
    return found if found["status"].get("phase") in phases else {}
