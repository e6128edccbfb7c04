"""A Dapr component that ends its sidecar is named, in the words of Dapr 1.14."""

from __future__ import annotations

import pytest

from skill_runner.readiness.diagnosis.crash import failed_component

HEAD = 'time="2026-11-23T13:35:49Z" level=fatal msg="Fatal error from runtime: '
TAIL = '" app_id=lessons instance=lessons-1 scope=dapr.runtime type=log ver=1.14.0'
CODE = "[INIT_COMPONENT_FAILURE]: initialization error occurred for"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            f"{HEAD}process component events error: {CODE} events (pubsub.kafka/v1): {CODE} events"
            " (pubsub.kafka/v1): kafka: client has run out of available brokers to talk to: dial"
            f" tcp: lookup kafka.nowhere: no such host{TAIL}",
            "Dapr component events (pubsub.kafka/v1) fails, so daprd ends: “kafka: client has run"
            " out of available brokers to talk to: dial tcp: lookup kafka.nowhere: no such host”",
        ),
        (
            f"{HEAD}process component kubernetes error: {CODE} kubernetes"
            f" (secretstores.kubernetes/v1): {CODE} kubernetes (secretstores.kubernetes/v1): stat"
            " /.kube/config: no such file or directory\\nfailed to load components: rpc error: code"
            f" = Canceled desc = context canceled{TAIL}",
            "Dapr component kubernetes (secretstores.kubernetes/v1) fails, so daprd ends: “stat"
            " /.kube/config: no such file or directory”",
        ),
        (
            f"{HEAD}init timeout for component state exceeded after 5s{TAIL}",
            "Dapr component state is not ready within 5s, so daprd ends: what it connects to does"
            " not answer",
        ),
    ],
)
def test_the_component_is_named(log: str, said: str) -> None:
    assert failed_component("daprd", f"an earlier line\n{log}\n") == said


def test_only_a_sidecar_has_components() -> None:
    assert failed_component("app", f"{HEAD}{CODE} x (y/v1): z{TAIL}") is None
    assert failed_component("daprd", "level=fatal msg=other") is None
