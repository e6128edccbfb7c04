"""What Kafka needs beyond its chart: checks, topics, and the proof that messages flow.

Kafka's own tools do the work, in a pod of their own with its own limits: inside a broker's
container their memory would be the broker's.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_runner.hooks import (
    Context,
    GiveUp,
    HookFailed,
    NotFound,
    PatternError,
    PodResult,
    Ref,
    RetryLater,
    check_claims,
    compile_pattern,
    excerpt,
    is_back,
)

SCRIPTS = Path(__file__).parent / "scripts"
# The archive of loaded classes that the image carries halves the start of every tool; where it
# does not fit, the JVM goes without.
QUICK_START = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:SharedArchiveFile=/opt/kafka/kafka.jsa"
TRANSIENT = ("TimeoutException", "Timed out", "DisconnectException", "No resolvable bootstrap")
PREFIX = "skill-proof-"
API = "kafka.strimzi.io/v1"
LONGEST_LABEL = 63  # characters of a host's name, by RFC 1123
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


async def check(ctx: Context) -> None:
    """Before anything is touched: the topics' names, then whether the volumes can be had."""
    wanted = _wanted(ctx.inputs)
    _check_names(wanted, str(ctx.inputs["topic_pattern"]))
    if ctx.inputs["mode"] == "strimzi":
        _check_length(ctx.installation.name)
        _check_objects(ctx.installation.name, wanted)
        await _check_partitions(ctx, wanted)
        await _check_kept(ctx)  # its operator grows volumes, and says what it cannot
        return
    labels = f"app.kubernetes.io/name=kafka,app.kubernetes.io/instance={_release(ctx)}"
    await check_claims(ctx, labels, str(ctx.inputs["storage"]))
    await _check_version(ctx)


async def _check_version(ctx: Context) -> None:
    """Refuse an older Kafka than the one that runs: it does not read what a newer one wrote."""
    try:
        brokers = await ctx.get(Ref("apps/v1", "StatefulSet", _release(ctx), ctx.namespace))
    except NotFound:
        return
    running = brokers["spec"]["template"]["spec"]["containers"][0]["image"]
    have, want = _version(running), _version(ctx.images["kafka"].ref)
    if have and want and want < have:
        raise GiveUp(
            f"{ctx.images['kafka'].ref} is older than {running}, which runs: brokers do not start"
            " on the metadata of a newer Kafka",
            hint=f"Keep {have[0]}.{have[1]} or a newer one, or install another beside it: --name.",
        )


def _version(image: str) -> tuple[int, int] | None:
    """Major and minor version that the tag of an image begins with; None where it names none."""
    tag = image.rpartition("/")[2].partition(":")[2]
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})(?!\d)", tag)
    return (int(found[1]), int(found[2])) if found else None


def _wanted(inputs: Mapping[str, Any]) -> dict[str, int]:
    """Topics and the partitions that each should have."""
    wanted: dict[str, int] = {}
    for entry in inputs["topics"]:
        name, _, count = str(entry).partition(":")
        if name in wanted:
            raise GiveUp(f"topic {name} is named twice", hint="Name each topic once in `topics`.")
        wanted[name] = int(count or inputs["partitions"])
    return wanted


def _check_names(wanted: Mapping[str, int], pattern: str) -> None:
    try:
        matches = compile_pattern(pattern).fullmatch
    except PatternError as error:
        raise GiveUp(f"topic_pattern {pattern!r} is no regular expression: {error}") from error
    wrong = [name for name in wanted if not matches(name) or name in (".", "..")]
    if wrong:
        raise GiveUp(
            f"topics must match {pattern}, these do not: {', '.join(wrong)}",
            hint="Rename them, or set topic_pattern.",
        )
    by_metric: dict[str, str] = {}
    for name in wanted:  # Kafka's metrics turn '.' into '_', so it refuses two such names
        other = by_metric.setdefault(name.replace(".", "_"), name)
        if other != name:
            raise GiveUp(
                f"topics {other} and {name} differ only in '.' and '_', which Kafka refuses"
            )


def _check_length(cluster: str) -> None:
    """Strimzi calls a broker by its cluster's name and its pool's, and its host by that."""
    longest = f"{cluster}-{cluster}-brokers-0"
    if len(longest) > LONGEST_LABEL:
        most = (LONGEST_LABEL - len("--brokers-0")) // 2
        raise GiveUp(
            f"{cluster} is too long a name in mode strimzi: its first broker would be {longest},"
            f" and a host's name has at most {LONGEST_LABEL} characters",
            hint=f"Give a --name of at most {most} characters.",
        )


def _check_objects(cluster: str, wanted: Mapping[str, int]) -> None:
    """In mode strimzi a topic is an object, whose name has fewer characters than a topic's."""
    by_object: dict[str, str] = {}
    for topic in wanted:
        name = object_name(cluster, topic)
        if not OBJECT_NAME.fullmatch(name) or len(name) > 253:
            raise GiveUp(
                f"topic {topic} cannot be a KafkaTopic: {name} is no name of a Kubernetes object",
                hint="Rename it: letters, digits, and single dots, hyphens or underscores between.",
            )
        other = by_object.setdefault(name, topic)
        if other != topic:
            raise GiveUp(
                f"topics {other} and {topic} would be the same KafkaTopic: {name}",
                hint="Rename one: names of objects know neither capitals nor underscores.",
            )


def object_name(cluster: str, topic: str) -> str:
    """The KafkaTopic of a topic, as manifests/strimzi.yaml.j2 names it."""
    name = topic.lower().replace("_", "-").replace(".-", ".").replace("-.", ".")
    return f"{cluster}.{name.strip('-.')}"


async def _check_partitions(ctx: Context, wanted: Mapping[str, int]) -> None:
    """As in mode bundled, before the first change; its operator would refuse the object later."""
    name = ctx.installation.name
    try:
        topics = await ctx.list(API, "KafkaTopic", labels=f"strimzi.io/cluster={name}")
    except NotFound:  # its operator comes along
        return
    have = {t["metadata"]["name"]: int(t["spec"].get("partitions") or 0) for t in topics}
    for topic, want in wanted.items():
        if (now := have.get(object_name(name, topic), 0)) > want:
            raise _lowered(topic, now, want)


async def _check_kept(ctx: Context) -> None:
    """Volumes of a Kafka that was removed: a new one has another cluster id, and refuses them."""
    name = ctx.installation.name
    claims = await ctx.list("v1", "PersistentVolumeClaim", labels=f"strimzi.io/cluster={name}")
    if not claims:
        return
    try:
        await ctx.get(Ref(API, "Kafka", name, ctx.namespace))
    except NotFound:
        held = ", ".join(claim["metadata"]["name"] for claim in claims)
        raise GiveUp(
            f"volumes of a Kafka that was removed are in {ctx.namespace} ({held}); Strimzi gives a"
            " new Kafka another cluster id, and its brokers would not start on them",
            hint="Delete these volumes with their data, use another --name, or recover them:"
            " docs/howto/kafka.md says how.",
        ) from None


async def ensure_topics(ctx: Context) -> str:
    """Create what is missing, raise partitions; lowering any is refused before the first change."""
    wanted = _wanted(ctx.inputs)
    lines = "\n".join(f"{name} {count}" for name, count in wanted.items())
    result = await _tools(ctx, "kafka-topics", "topics.sh", {"WANTED": lines}, timeout=240)
    said = [line.split() for line in result.logs.splitlines()]
    for _, name, have, want in (words for words in said if words[:1] == ["lowered"]):
        raise _lowered(name, int(have), int(want))
    if result.exit_code != 0:
        raise _failure("the topics could not be made", result)
    done = sum(words[:1] in (["created"], ["raised"]) for words in said)
    return f"{done} of {len(wanted)} topics created or raised" if done else ""


def _lowered(topic: str, have: int, want: int) -> GiveUp:
    return GiveUp(
        f"topic {topic} has {have} partitions; {want} were asked for, and partitions cannot be"
        " taken away",
        hint=f"Ask for {topic}:{have} or more.",
    )


async def produce_and_consume(ctx: Context) -> str:
    """A topic of its own, keyed messages with acks=all, read back through the bootstrap Service."""
    return await _round_trip(ctx, {"COUNT": "100", "PAUSE": "0"}, timeout=150)


async def produce_while_a_broker_restarts(ctx: Context) -> str:
    """One of three brokers is taken away while messages are produced; none may be lost."""
    mark = f"drill-{secrets.token_hex(3)}"
    victim = Ref("v1", "Pod", f"{_release(ctx)}-2", ctx.namespace)
    before = (await ctx.get(victim))["metadata"]["uid"]
    # about 20 s of messages: longer than a broker takes to stop and to come back
    messages = {"COUNT": "400", "PAUSE": "0.05"}
    flow = asyncio.create_task(_round_trip(ctx, messages, timeout=240, mark=mark))

    async def started() -> bool:
        return flow.done() or await _flows(ctx, mark)

    try:
        await _until(ctx, started, f"the pod of {mark} did not start to produce")
        await ctx.delete(victim)
        said = await flow
    finally:
        flow.cancel()
    await _until(ctx, lambda: is_back(ctx, victim, before), f"{victim} did not come back")
    return f"{said} while {victim.name} restarted"


async def _flows(ctx: Context, mark: str) -> bool:
    """Tell whether the topic is made and messages are on their way, as the pod says."""
    pods = await ctx.list("v1", "Pod", labels=f"skill-runner.dev/mark={mark}")
    phases = {pod.get("status", {}).get("phase") for pod in pods}
    if "Running" not in phases:
        return False
    return "producing" in await ctx.logs(pods[0]["metadata"]["name"], "main")


async def _until(ctx: Context, true: Any, otherwise: str, *, seconds: float = 180) -> None:
    deadline = ctx.clock.monotonic() + seconds
    while not await true():
        if ctx.clock.monotonic() > deadline:
            raise GiveUp(f"{otherwise} within {seconds:.0f} s")
        await ctx.clock.sleep(0.5)


async def _round_trip(
    ctx: Context, env: Mapping[str, str], *, timeout: float, mark: str = "proof"
) -> str:
    topic = f"{PREFIX}{secrets.token_hex(4)}"
    try:
        result = await _tools(
            ctx, "kafka-proof", "round-trip.sh", {**env, "TOPIC": topic}, timeout=timeout, mark=mark
        )
    except HookFailed:  # it ran out of time, so its own clean-up did not run
        await _tools(ctx, "kafka-proof-end", "delete-topic.sh", {"TOPIC": topic}, timeout=30)
        raise
    if result.exit_code != 0:
        raise _failure("messages did not come back", result, retry=False)
    return next(line for line in reversed(result.logs.splitlines()) if "came back" in line)


async def _tools(
    ctx: Context,
    name: str,
    script: str,
    env: Mapping[str, str],
    *,
    timeout: float,
    mark: str = "proof",
) -> PodResult:
    """Run one of our scripts with Kafka's tools; `timeout` in seconds."""
    return await ctx.run_pod(
        name=name,
        image=ctx.images["kafka"].ref,
        command=["/bin/bash", "-c", (SCRIPTS / script).read_text()],
        env={
            "BOOTSTRAP": str(ctx.outputs["bootstrap_servers"]),
            "KAFKA_HEAP_OPTS": "-Xms32m -Xmx128m",
            "KAFKA_JVM_PERFORMANCE_OPTS": QUICK_START,
            "LOG_DIR": "/tmp/logs",
            **env,
        },
        resources={
            "requests": {"cpu": "100m", "memory": "512Mi"},
            "limits": {"cpu": "2", "memory": "512Mi"},
        },
        labels={"app.kubernetes.io/component": "tools", "skill-runner.dev/mark": mark},
        timeout=timeout,
    )


def _failure(what: str, result: PodResult, *, retry: bool = True) -> Exception:
    """The telling lines: not the tools' advice, and the errors before anything else."""
    lines = [line for line in result.logs.splitlines() if line.strip() and " WARN " not in line]
    told = [line for line in lines if "rror" in line or "Exception" in line] or lines
    if retry and any(word in line for word in TRANSIENT for line in told):
        return RetryLater(f"{what} yet: {excerpt(told[-1])}", after=2)
    return GiveUp(f"{what}:\n" + "\n".join(told[-6:]))


def _release(ctx: Context) -> str:
    """The Helm release's name, which is the first part of every object's."""
    return str(ctx.outputs["bootstrap_servers"]).split("-bootstrap.")[0]
