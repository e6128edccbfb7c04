"""Helm's own words, and the error that each becomes."""

from __future__ import annotations

import pytest

from skill_runner.backends.helm.errors import MAX_LINES, helm_error, telling
from skill_runner.errors import ChartError, ClusterUnreachable, Forbidden, HelmError, ReleaseLocked

# What helm 4.3.1 prints.
CASES = [
    (
        'Error: kubernetes cluster unreachable: Get "https://127.0.0.1:6443/version": dial tcp '
        "127.0.0.1:6443: connect: connection refused",
        ClusterUnreachable,
    ),
    ('Error: kubernetes cluster unreachable: context "nope" does not exist', ClusterUnreachable),
    (
        "Error: kubernetes cluster unreachable: the server has asked for the client to provide "
        "credentials",
        Forbidden,
    ),
    (
        'Error: list: failed to list: secrets is forbidden: User "poor" cannot list resource '
        '"secrets" in API group "" in the namespace "default"',
        Forbidden,
    ),
    (
        "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
        ReleaseLocked,
    ),
    ('Error: INSTALLATION FAILED: path "./nochart" not found', ChartError),
    (
        'Error: INSTALLATION FAILED: failed to perform "FetchReference" on source: Get '
        '"https://127.0.0.1:1/v2/x/y/manifests/1.0.0": dial tcp 127.0.0.1:1: connect: connection '
        "refused",
        ChartError,
    ),
    (
        'Error: INSTALLATION FAILED: looks like "https://127.0.0.1:1/x" is not a valid chart '
        'repository or cannot be reached: Get "https://127.0.0.1:1/x/index.yaml": dial tcp '
        "127.0.0.1:1: connect: connection refused",
        ChartError,
    ),
    (
        "Error: INSTALLATION FAILED: execution error at (sample/templates/settings.yaml:6:13): "
        "colour is needed",
        ChartError,
    ),
    (
        "Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the "
        "following chart(s):\nsample:\n- at '/replicas': got string, want integer",
        ChartError,
    ),
    (
        "Error: INSTALLATION FAILED: chart requires kubeVersion: >=1.99.0 which is incompatible "
        "with Kubernetes v1.37.2",
        ChartError,
    ),
    (
        "Error: INSTALLATION FAILED: failed pre-install: 1 error occurred:\n\t* job migrate "
        "failed: BackoffLimitExceeded",
        HelmError,
    ),
    (
        "Error: UPGRADE FAILED: conflict occurred while applying object default/web apps/v1, "
        'Kind=Deployment: Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: '
        ".spec.replicas",
        HelmError,
    ),
    (
        'Error: INSTALLATION FAILED: 2 errors occurred:\n\t* pods "a" is forbidden: exceeded '
        "quota: q",
        HelmError,
    ),
]


@pytest.mark.parametrize(("stderr", "kind"), CASES)
def test_kinds(stderr: str, kind: type[HelmError]) -> None:
    error = helm_error(f'level=WARN msg="unable to find"\n{stderr}\n', 1, "release shop/web")
    assert type(error) is kind
    assert error.message.startswith("release shop/web: ")
    assert "FAILED:" not in error.message


def test_the_telling_line_comes_without_what_surrounds_it() -> None:
    stderr = "WARNING: x\nError: INSTALLATION FAILED: boom: because\nhelm.go:92: debug"
    assert telling(stderr) == "boom: because\nhelm.go:92: debug"


def test_a_long_message_is_cut() -> None:
    stderr = "Error: values\n" + "\n".join(f"- at '/{n}': wrong" for n in range(400))
    assert len(telling(stderr).splitlines()) == MAX_LINES


def test_silence_is_said_too() -> None:
    error = helm_error("", 137, "release shop/web")
    assert error.message == "release shop/web: helm ended with exit code 137 without a message"
