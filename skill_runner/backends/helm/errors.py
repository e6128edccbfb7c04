"""Turn what the helm command printed when it failed into one of our errors."""

from __future__ import annotations

import re
from typing import Final

from skill_runner.errors import (
    ChartError,
    ClusterUnreachable,
    Forbidden,
    HelmError,
    ReleaseLocked,
    SkillError,
)

MAX_LINES: Final = 12  # of a message; the values of a schema may give hundreds
MAX_CHARS: Final = 2000

_PREFIX = re.compile(r"^(Error:|(INSTALLATION|UPGRADE|ROLLBACK) FAILED:|[\w-]+: failed to \w+:)\s*")

# First match counts. The texts are those of helm.sh/helm/v4 (pkg/action, pkg/chart, pkg/engine,
# pkg/kube) and of client-go.
_KINDS: Final[tuple[tuple[str, type[SkillError], str], ...]] = (
    (
        r"another operation \(install/upgrade/rollback\) is in progress",
        ReleaseLocked,
        "Another Helm operation is running, or one was killed: see `helm history`.",
    ),
    (r'[Kk]ubernetes cluster unreachable: context "', ClusterUnreachable, "See `--context`."),
    (
        r"asked for the client to provide credentials|\bUnauthorized\b",
        Forbidden,
        "The credentials may have expired: log in again.",
    ),
    (r'User "[^"]*" cannot ', Forbidden, "This context needs that permission; ask for the role."),
    (
        r"looks like \S+ is not a valid chart repository|FetchReference|failed to fetch|"
        r"failed to do request|chart .{0,300}not found|no chart version found|no cached repo found|"
        r"path \"[^\"]*\" not found|failed to download",
        ChartError,
        "The chart cannot be fetched: check its name, repository and version, and the network.",
    ),
    (
        r"[Kk]ubernetes cluster unreachable|etcdserver:|connection refused|i/o timeout|"
        r"no such host|network is unreachable|no route to host|TLS handshake|x509:|"
        r"context deadline exceeded.{0,300}dial",
        ClusterUnreachable,
        "Is the cluster running? `skill cluster status` shows it.",
    ),
    (
        r"missing in charts/ directory",
        ChartError,
        "Fetch the chart's dependencies: `helm dependency build`.",
    ),
    (
        r"execution error at|parse error at|error calling|template: |YAML parse error|"
        r"cannot load |Chart\.yaml file is missing|chart metadata|validation: |"
        r"meet the specifications of the schema|incompatible with Kubernetes|"
        r"failed to render|error converting YAML|nil pointer evaluating|invalid chart",
        ChartError,
        "Correct the value or the template that is named.",
    ),
    (
        r"invalid ownership metadata",
        HelmError,
        "Something else made this object: remove it, or let it belong to this release.",
    ),
    (
        r"no matches for kind",
        HelmError,
        "The cluster does not know this kind: install its CustomResourceDefinition first.",
    ),
)


def helm_error(stderr: str, returncode: int, about: str) -> SkillError:
    """The error of a failed helm command; `about` names the release or chart."""
    told = telling(stderr) or f"helm ended with exit code {returncode} without a message"
    for pattern, kind, hint in _KINDS:
        if re.search(pattern, told):
            return kind(f"{about}: {told}", hint=hint)
    return HelmError(f"{about}: {told}")


def telling(stderr: str) -> str:
    """Helm's error line, and what belongs to it, without the prefixes that say nothing."""
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith("Error:")]
    lines = lines[starts[-1] :] if starts else lines[-1:]
    # What is cut off here twice is cut before it is searched, too: a line may have megabytes.
    text = "\n".join(line[:MAX_CHARS] for line in lines[:MAX_LINES])
    while found := _PREFIX.match(text):
        text = text[found.end() :]
    return text[:MAX_CHARS]
