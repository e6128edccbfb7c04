"""Whether a message names a scenario's cause, generously: any phrasing that only it explains."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tests.integration.faults.scenario import Scenario

CAUSES: Final[Mapping[str, str]] = {
    "IMAGE_NOT_FOUND": r"team/none.*(not found|does not exist)|ErrImagePull|ImagePullBackOff",
    "IMAGE_PULL_DENIED": r"pull access denied|unauthorized|refuses image|ErrImagePull|ImagePullB",
    "IMAGE_NAME_INVALID": r"InvalidImageName|invalid reference|no valid image|couldn't parse image",
    "IMAGE_NEVER_PULLED": r"ErrImageNeverPull|pull policy",
    "IMAGE_WRONG_ARCH": r"exec format error",
    "REGISTRY_UNREACHABLE": r"no such host|ErrImagePull|ImagePullBackOff|cannot reach registry",
    "CONFIG_MISSING": r"(secret|configmap)\S* .*(not found|does not exist|no key)"
    r"|couldn't find key",
    "COMMAND_NOT_FOUND": r"executable file not found|no such file or directory|psql: not found"
    r"|cannot be run",
    "CRASH_LOOP": r"CrashLoopBackOff|back-off .*restarting|exit code|exited with code",
    "OUT_OF_MEMORY": r"OOMKilled|memory limit",
    "UNSCHEDULABLE": r"Unschedulable|Insufficient|nodes are available|no node takes",
    "VOLUME_UNBOUND": r"persistentvolumeclaim.*not found|unbound|storageclass.*(not found|does not)"
    r"|PersistentVolumeClaim \S+ does not exist",
    "ADMISSION_DENIED": r"violates PodSecurity|maximum memory usage",
    "QUOTA_EXCEEDED": r"exceeded quota",
    "SERVICE_ACCOUNT_MISSING": r"serviceaccount.*(not found|does not exist)",
    "PROBE_FAILING": r"probe .*(fail|does not pass)|Unhealthy|statuscode",
    "JOB_FAILED": r"BackoffLimitExceeded|DeadlineExceeded|no such table|exit code",
    "HOOK_FAILED": r"migration 12 failed|BackoffLimitExceeded",
    "WEBHOOK_UNAVAILABLE": r"failed calling webhook|failed to call webhook",
    "RESOURCE_FAILED": r"disk is full|NoDisk",
    "NOT_READY_IN_TIME": r"status is empty|generation|no controller",
    "NOT_OBSERVED": r"status is empty|generation|no controller",
}


def names_cause(scenario: Scenario, text: str, namespace: str) -> bool | None:
    """None for a scenario that has no fault."""
    if scenario.expect.get("state") == "ready":
        return None
    pattern = CAUSES.get(str(scenario.expect["code"]))
    return bool(pattern and re.search(pattern, text.replace(namespace, "NS"), re.I | re.S))
