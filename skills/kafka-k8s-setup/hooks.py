"""What Kafka needs beyond its chart: checks, topics, and the proof that messages flow.

Kafka's own tools do the work, in a pod of their own with its own limits: inside a broker's
container their memory would be the broker's.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skill_runner.hooks import (
    Context,
    NotFound,
    PodResult,
    Ref,
    app_labels,
    check_broker_names,
    check_claims,
    check_kept,
    check_not_older,
    check_partitions,
    check_topic_names,
    cleaned_up,
    has_said,
    lose_pod_during,
    topic_objects,
    wanted_partitions,
    without_advice,
)

SCRIPTS: Final = Path(__file__).parent / "scripts"
API: Final = "kafka.strimzi.io/v1"
TRANSIENT: Final = ("TimeoutException", "Timed out", "DisconnectException", "No resolvable boot")
OTHER: Final = "a new one has another cluster id, and its brokers would not start on them"
RECOVER: Final = """Delete these volumes with their data, use another --name, or recover them:
docs/howto/kafka.md says how."""
MEMORY: Final = {
    "requests": {"cpu": "100m", "memory": "512Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}
JVM: Final = {
    "KAFKA_HEAP_OPTS": "-Xms32m -Xmx128m",
    # The archive of loaded classes that the image carries halves the start of every tool; where
    # it does not fit, the JVM goes without.
    "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    " -XX:SharedArchiveFile=/opt/kafka/kafka.jsa",
    "LOG_DIR": "/tmp/logs",
}
FEW, MANY = {"COUNT": "100", "PAUSE": "0"}, {"COUNT": "400", "PAUSE": "0.05"}  # MANY take 20 s


async def check_topics(ctx: Context) -> None:
    """Refuse topics with two numbers of partitions, and names that pattern or Kafka refuse."""
    check_topic_names(_wanted(ctx), str(ctx.inputs["topic_pattern"]))


async def check_brokers(ctx: Context) -> None:
    """Refuse volumes that cannot have the size, and an older Kafka than the one that runs."""
    name = ctx.release("brokers")
    await check_claims(ctx, app_labels("kafka", name), str(ctx.inputs["storage"]))
    brokers = Ref("apps/v1", "StatefulSet", name, ctx.namespace)
    why = "brokers do not start on the metadata of a newer Kafka"
    await check_not_older(ctx, "kafka", brokers, why)


async def check_cluster(ctx: Context) -> None:
    """Refuse what Strimzi would: its names, fewer partitions, and volumes of another cluster."""
    name, wanted = ctx.installation.name, _wanted(ctx)
    check_broker_names(name, f"{name}-brokers")
    topics = {obj: topic for topic, obj in topic_objects(name, wanted).items()}
    labels = f"strimzi.io/cluster={name}"
    try:
        found = await ctx.list(API, "KafkaTopic", labels=labels)
    except NotFound:  # its operator comes along
        found = ()
    have = {t["metadata"]["name"]: int(t["spec"].get("partitions") or 0) for t in found}
    check_partitions({topics.get(obj, ""): count for obj, count in have.items()}, wanted)
    await check_kept(ctx, labels, Ref(API, "Kafka", name, ctx.namespace), OTHER, hint=RECOVER)


def _wanted(ctx: Context) -> dict[str, int]:
    return wanted_partitions(ctx.inputs["topics"], int(ctx.inputs["partitions"]))


async def ensure_topics(ctx: Context) -> str:
    """Create topics that are missing and raise partitions; none is ever lowered."""
    wanted = _wanted(ctx)
    lines = "\n".join(f"{name} {count}" for name, count in wanted.items())
    result = await _run(ctx, "kafka-topics.sh", {"WANTED": lines}, timeout=240)
    said = [line.split() for line in result.logs.splitlines()]
    check_partitions({w[1]: int(w[2]) for w in said if w[:1] == ["lowered"]}, wanted)
    without_advice(result).answer("the topics could not be made", not_yet=TRANSIENT)
    done = [words for words in said if words[:1] in (["created"], ["raised"])]
    if not done:
        return ""
    raised = ", ".join(words[1] for words in done if words[0] == "raised")
    order = f"; keys of {raised} go to other partitions from now on" if raised else ""
    return f"{len(done)} of {len(wanted)} topics created or raised{order}"


async def prove_messages(ctx: Context) -> str:
    """Produce keyed messages into a topic of their own with acks=all, and consume them."""
    return await _round_trip(ctx, FEW, timeout=150)


async def drill_broker_loss(ctx: Context) -> str:
    """Delete one of three brokers while messages are produced; none may be lost."""
    broker, mark = f"{ctx.release('brokers')}-2", f"drill-{secrets.token_hex(3)}"
    labels = f"skill-runner.dev/mark={mark}"
    said = await lose_pod_during(
        ctx,
        broker,
        _round_trip(ctx, MANY, timeout=240, mark=mark),
        started=lambda: has_said(ctx, labels, "producing"),
    )
    return f"{said} while {broker} restarted"


async def _round_trip(
    ctx: Context, messages: Mapping[str, str], *, timeout: float, mark: str = "proof"
) -> str:
    env = {**messages, "TOPIC": f"skill-proof-{secrets.token_hex(4)}"}
    async with cleaned_up(lambda: _run(ctx, "kafka-proof-end.sh", env, timeout=30)):
        result = await _run(ctx, "kafka-proof.sh", env, timeout=timeout, mark=mark)
    return without_advice(result).answer("messages did not come back")


async def _run(
    ctx: Context, script: str, env: Mapping[str, str], *, timeout: float, mark: str = "proof"
) -> PodResult:
    """Run one of the scripts with Kafka's tools; `timeout` in seconds."""
    return await ctx.run_script(
        SCRIPTS / script,
        image=ctx.images["kafka"].ref,
        env={"BOOTSTRAP": str(ctx.outputs["bootstrap_servers"]), **JVM, **env},
        resources=MEMORY,
        labels={"app.kubernetes.io/component": "tools", "skill-runner.dev/mark": mark},
        timeout=timeout,
    )
