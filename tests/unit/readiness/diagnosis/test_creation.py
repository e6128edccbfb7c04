"""Why the API server refuses a pod."""

from __future__ import annotations

import pytest

from skill_runner.readiness.diagnosis.creation import (
    classify_refusal,
    creation_symptoms,
    explain_refusal,
    refusal_lines,
)
from tests.unit.readiness.diagnosis.cases import Case, cases


@pytest.mark.parametrize("case", cases("refusals"), ids=str)
def test_refusal(case: Case) -> None:
    reason = classify_refusal(case["message"])
    assert reason is not None
    assert reason == case["reason"]
    cause = explain_refusal(reason, case["message"])
    for text in case["says"]:
        assert text in cause
    lines = list(refusal_lines({"kind": "ReplicaSet"}, reason, case["message"]))
    assert len(lines) == case.get("lines", 1)
    assert all(line.startswith("ReplicaSet controller: ") for line in lines)


def test_other_words_are_no_refusal() -> None:
    assert classify_refusal("Created pod: web-1") is None


@pytest.mark.parametrize(
    "message",
    [
        "etcdserver: request timed out",
        "etcdserver: leader changed",
        'pods "web-1" is forbidden: status unknown for quota: small, resources: cpu',
        'pods "web-1" is forbidden: not yet ready to handle request',
        "the server is currently unable to handle the request",
        'Operation cannot be fulfilled on resourcequotas "small": the object has been modified',
    ],
)
def test_trouble_of_the_server_itself_is_no_refusal(message: str) -> None:
    assert classify_refusal(f"Error creating: {message}") is None


def test_a_pod_set_of_strimzi_says_it_in_its_status() -> None:
    text = (
        'pods "k-k-brokers-0" is forbidden: exceeded quota: small, requested: requests.memory=1Gi,'
        " used: requests.memory=0, limited: requests.memory=500Mi"
    )
    said = (
        f"Failure executing: POST at: https://10.96.0.1:443/api/v1/namespaces/kafka/pods. Message:"
        f" {text}. Received status: Status(apiVersion=v1, code=403, kind=Status, message={text})."
    )
    refused = {
        "type": "Error",
        "status": "true",
        "reason": "KubernetesClientException",
        "message": said,
    }
    pods = {
        "kind": "StrimziPodSet",
        "metadata": {"name": "k-k-brokers", "namespace": "kafka"},
        "spec": {"pods": [{}]},
        "status": {"pods": 0, "conditions": [refused]},
    }
    (symptom,) = creation_symptoms(pods, (), "KafkaNodePool k-brokers")
    assert (symptom.reason, symptom.owner) == ("QuotaExceeded", "KafkaNodePool k-brokers")
    assert symptom.cause == (
        "the namespace's quota refuses the pod: “exceeded quota: small, requested:"
        " requests.memory=1Gi, used: requests.memory=0, limited: requests.memory=500Mi”"
    )
