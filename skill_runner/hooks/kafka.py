"""Rules of Kafka's topics, of the objects that stand for them with Strimzi; its tools' words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from skill_runner.hooks.context import GiveUp, PodResult
from skill_runner.text.patterns import PatternError, compile_pattern

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LONGEST_NAME: Final = 253  # characters of an object's name
LONGEST_LABEL: Final = 63  # characters of a host's name, by RFC 1123


def wanted_partitions(topics: Iterable[str], partitions: int) -> dict[str, int]:
    """Return the partitions of each topic, of entries NAME or NAME:PARTITIONS.

    `partitions` is the number of those that name none, wherever they are named: who listens to a
    topic asks for it by its name alone. GiveUp when two entries give a topic other numbers.

        wanted_partitions(["orders", "users:6", "users"], 3) == {"orders": 3, "users": 6}
    """
    named: dict[str, str] = {}
    for entry in topics:
        name, _, count = str(entry).partition(":")
        before = named.get(name, "")
        if before and count and before != count:
            raise GiveUp(
                f"topic {name} is named with {before} partitions and with {count}",
                hint="Give it one number in `topics`.",
            )
        named[name] = before or count
    return {name: int(count or partitions) for name, count in named.items()}


def check_partitions(have: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raise GiveUp where a topic has more partitions than are wanted: none can be taken away.

    check_partitions({"orders": 6}, {"orders": 6, "users": 3})
    """
    for topic, want in wanted.items():
        if have.get(topic, 0) > want:
            raise GiveUp(
                f"topic {topic} has {have[topic]} partitions; {want} were asked for, and partitions"
                " cannot be taken away",
                hint=f"Ask for {topic}:{have[topic]} or more.",
            )


def check_topic_names(topics: Iterable[str], pattern: str) -> None:
    """Raise GiveUp where a topic does not match the pattern as a whole, or Kafka refuses it.

    `pattern` is a regular expression as RE2 knows it.

        check_topic_names(["shop.orders"], r"shop\\.[a-z]+")
    """
    topics = list(topics)
    try:
        matches = compile_pattern(pattern).fullmatch
    except PatternError as error:
        raise GiveUp(f"topic_pattern {pattern!r} is no regular expression: {error}") from error
    wrong = [name for name in topics if not matches(name) or name in (".", "..")]
    if wrong:
        raise GiveUp(
            f"topics must match {pattern}, these do not: {', '.join(wrong)}",
            hint="Rename them, or set topic_pattern.",
        )
    by_metric: dict[str, str] = {}
    for name in topics:  # Kafka's metrics turn '.' into '_', so it refuses two such names
        other = by_metric.setdefault(name.replace(".", "_"), name)
        if other != name:
            raise GiveUp(
                f"topics {other} and {name} differ only in '.' and '_', which Kafka refuses",
                hint="Rename one of them.",
            )


def check_broker_names(cluster: str, pool: str) -> None:
    """Raise GiveUp when Strimzi's brokers CLUSTER-POOL-0 would have too long a name for a host.

    check_broker_names("events", "events-brokers")
    """
    longest = f"{cluster}-{pool}-0"
    if len(longest) > LONGEST_LABEL:
        most = (LONGEST_LABEL - len(longest.replace(cluster, ""))) // longest.count(cluster)
        raise GiveUp(
            f"{cluster} is too long a name in mode strimzi: its first broker would be {longest},"
            f" and a host's name has at most {LONGEST_LABEL} characters",
            hint=f"Give a --name of at most {most} characters.",
        )


def topic_objects(cluster: str, topics: Iterable[str]) -> dict[str, str]:
    """Return the name of each topic's KafkaTopic, which has fewer characters than a topic's.

    GiveUp when one is no name of a Kubernetes object, or two topics would be the same object.

        topic_objects("events", ["Lesson_Done"]) == {"Lesson_Done": "events.lesson-done"}
    """
    objects: dict[str, str] = {}
    by_object: dict[str, str] = {}
    for topic in topics:
        short = topic.lower().replace("_", "-").replace(".-", ".").replace("-.", ".")
        name = f"{cluster}.{short.strip('-.')}"
        if not OBJECT_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
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
        objects[topic] = name
    return objects


def without_advice(result: PodResult) -> PodResult:
    """Return the end of a pod that ran Kafka's tools without their advice (WARN); of a failure
    that names errors, only these.

        return without_advice(result).answer("messages did not come back")
    """
    lines = [line for line in result.logs.splitlines() if " WARN " not in line]
    errors = [line for line in lines if "rror" in line or "Exception" in line]
    kept = errors if errors and result.exit_code else lines
    return replace(result, logs="\n".join(kept))
