"""The failure policy of images, configuration, containers and their probes."""

from __future__ import annotations

from typing import Final

from skill_runner.readiness.diagnosis.failure_row import NEVER, Row

ROWS: Final = (
    Row(
        "ImageNotFound",
        "IMAGE_NOT_FOUND",
        0,
        90,
        "The registry itself answered that there is no such image; asking again changes nothing.",
    ),
    Row(
        "ImagePullDenied",
        "IMAGE_PULL_DENIED",
        0,
        90,
        "The registry itself refused; the pull secret or the name is wrong.",
    ),
    Row(
        "PullSecretMissing",
        "CONFIG_MISSING",
        90,
        91,
        "The registry refuses, and a pull secret that the pod names is not there. Another "
        "controller may be making it, and the kubelet tries again after 10 to 40 s.",
    ),
    Row(
        "ImageUnsupported",
        "RESOURCE_FAILED",
        0,
        90,
        "The image's manifest is of a format that the node's runtime does not read.",
    ),
    Row(
        "ImageUntrusted",
        "IMAGE_PULL_DENIED",
        0,
        90,
        "The node's policy asks for a signature that the image does not have.",
    ),
    Row(
        "ImageWrongArch",
        "IMAGE_WRONG_ARCH",
        0,
        90,
        "The image holds no binary for this node's processor.",
    ),
    Row(
        "InvalidImageName",
        "IMAGE_NAME_INVALID",
        0,
        90,
        "The reference cannot be parsed; no registry was asked.",
    ),
    Row(
        "ErrImageNeverPull",
        "IMAGE_NEVER_PULLED",
        0,
        90,
        "The pull policy is Never and the node does not have the image.",
    ),
    Row(
        "RegistryUnreachable",
        "REGISTRY_UNREACHABLE",
        0,
        88,
        "The node cannot reach the registry. One failed lookup may be a hiccup; the kubelet tries "
        "again after 10 to 15 s, and a second failure is a fact.",
        sightings=2,
        retryable=True,
    ),
    Row(
        "ImagePullSlow",
        "REGISTRY_UNREACHABLE",
        180,
        70,
        "Timeouts, 5xx and 429 go away by themselves more often than not.",
        retryable=True,
    ),
    Row(
        "NodeDiskFull",
        "CAPACITY",
        60,
        92,
        "The node has no space for the image; its garbage collection gets one minute.",
    ),
    Row(
        "ConfigMissing",
        "CONFIG_MISSING",
        30,
        90,
        "A Secret, a ConfigMap or a key is not there. Another controller may be making it.",
    ),
    Row(
        "ConfigUnseen",
        "NOT_READY_IN_TIME",
        180,
        90,
        "What the kubelet missed is there now. It looks again within 15 s for a variable, and "
        "within two minutes for a volume.",
        retryable=True,
    ),
    Row(
        "CacheSync",
        "CONFIG_MISSING",
        NEVER,
        5,
        "The kubelet's own cache was late (failed to sync … cache); it tries again at once.",
    ),
    Row(
        "RunAsNonRoot",
        "CHART_ERROR",
        15,
        90,
        "The pod demands a non-root user and the image does not give one; nothing will change it.",
    ),
    Row(
        "CommandNotFound",
        "COMMAND_NOT_FOUND",
        0,
        80,
        "The container's command does not exist in the image. Two sightings rule out a hiccup of "
        "the container runtime.",
        sightings=2,
    ),
    Row(
        "RunContainerError",
        "CRASH_LOOP",
        0,
        60,
        "The container runtime could not start the container, twice.",
        sightings=2,
    ),
    Row(
        "RuntimeTrouble",
        "CRASH_LOOP",
        120,
        40,
        "Exit code 128 with ContainerCannotRun is the node's trouble, not the image's.",
        retryable=True,
    ),
    Row(
        "SandboxFailed",
        "RESOURCE_FAILED",
        120,
        75,
        "The node cannot set up the pod's network or sandbox; a network plugin that is starting "
        "does this for some seconds.",
        retryable=True,
    ),
    Row(
        "CrashLoop",
        "CRASH_LOOP",
        120,
        50,
        "Many applications crash once or twice until their database answers; five restarts, or two "
        "minutes without one healthy period, are not that. Nor is one that has ended three times "
        "with the same code and the same last words, which speak of nothing that it waits for, "
        "while nothing else is still coming up: that is known after about 35 s.",
        restarts=5,
        repeats=3,
    ),
    Row(
        "CrashCommandNotFound",
        "COMMAND_NOT_FOUND",
        120,
        55,
        "The process exited with code 127: a command that its script calls is not in the image.",
        restarts=3,
        repeats=3,
    ),
    Row(
        "OutOfMemory",
        "OUT_OF_MEMORY",
        120,
        65,
        "The kernel killed it at its memory limit; a start that is killed each time never "
        "succeeds.",
        restarts=3,
        repeats=3,
    ),
    Row(
        "LivenessProbe",
        "PROBE_FAILING",
        120,
        58,
        "The kubelet restarts it since its liveness or startup probe fails; counted as a crash "
        "loop.",
        restarts=5,
        repeats=3,
    ),
    Row(
        "ProbeFailing",
        "PROBE_FAILING",
        120,
        45,
        "A readiness probe that fails is how a slow start looks. The grace of the probes' own "
        "fields is waited out first, then this budget.",
    ),
)
