"""Rules about events: Kafka alone, names of topics, at-least-once, schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from skill_runner.compliance.kinds import COMPONENT, KAFKA, KAFKA_TOPIC, PODS, SUBSCRIPTION
from skill_runner.compliance.model import (
    ELSEWHERE,
    INSTALLATION,
    Finding,
    Installed,
    Parameters,
    Rule,
    Scene,
)
from skill_runner.compliance.rules.tools import containers, found, pods, services
from skill_runner.objects import Object, at
from skill_runner.policy.images import repository
from skill_runner.policy.pods import mapping, mappings
from skill_runner.text.patterns import compile_pattern

# Programs that carry events and are not Kafka, by the last part of their repository.
_BROKERS: Final = frozenset(
    {"rabbitmq", "nats", "activemq", "activemq-artemis", "pulsar", "mosquitto", "emqx", "nsqd"}
)
_REGISTRIES: Final = ("apicurio", "schema-registry", "karapace")
_KAFKA_SKILL: Final = "kafka-k8s-setup"
_SCHEMA_SKILL: Final = "schema-registry-k8s-setup"
_TOPIC_INPUTS: Final = ("topics", "subscribe", "publish", "dead_letter")
_INTERNAL: Final = "_"  # before the names of topics that programs keep for themselves


def _carriers(scene: Scene, given: Parameters) -> Iterator[Object]:
    yield from (c for c in scene.of(COMPONENT) if _type(c).startswith("pubsub."))
    yield from pods(scene, given)


def _type(component: Object) -> str:
    return str(at(component, "spec.type", ""))


def _kafka_only(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    if obj.get("kind") == "Component":
        if _type(obj) != "pubsub.kafka":
            yield found(obj, "spec.type", _type(obj), f"its events go by {_type(obj)}, not Kafka")
        return
    for container in containers(obj):
        image = str(container.spec.get("image") or "")
        last = (repository(image) or image).rpartition("/")[2]
        if last in _BROKERS:
            message = f"{last} carries messages beside Kafka"
            yield found(obj, "spec.containers.image", image, message, container=container.name)


def _with_topics(scene: Scene, _: Parameters) -> Iterator[Object]:
    yield from scene.of(KAFKA_TOPIC, SUBSCRIPTION)
    for each in scene.installed:
        if each.here and any(_listed(each, key) for key in _TOPIC_INPUTS):
            yield each.as_object()


def _listed(installed: Installed, key: str) -> list[str]:
    """The topics of an input; a topic of Kafka's may name its partitions."""
    value = installed.inputs.get(key)
    names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(name).partition(":")[0] for name in names if name]


def topics_of(obj: Object, scene: Scene) -> Iterator[tuple[str, str]]:
    """The topics that an object names, each with the field."""
    spec = mapping(obj.get("spec"))
    if obj.get("kind") == "KafkaTopic":
        yield "spec.topicName", str(spec.get("topicName") or obj["metadata"]["name"])
    elif obj.get("kind") == "Subscription":
        yield "spec.topic", str(spec.get("topic", ""))
        if spec.get("deadLetterTopic"):
            yield "spec.deadLetterTopic", str(spec["deadLetterTopic"])
    else:
        meta = obj["metadata"]
        installed = scene.installation(meta["namespace"], meta["name"])
        for key in _TOPIC_INPUTS:
            names = _listed(installed, key) if installed else ()
            yield from ((f"inputs.{key}", name) for name in names)


def _names(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    pattern = compile_pattern(given["pattern"])
    for field, topic in topics_of(obj, scene):
        if not topic.startswith(_INTERNAL) and not pattern.fullmatch(topic):
            message = f"the topic {shown_topic(topic)} does not match {given['pattern']}"
            yield found(obj, field, topic, message)


def shown_topic(topic: str) -> str:
    return topic if len(topic) <= 80 else f"{topic[:79]}…"


def _deliverers(scene: Scene, given: Parameters) -> Iterator[Object]:
    yield from (c for c in scene.of(COMPONENT) if _type(c) == "pubsub.kafka")
    yield from scene.of(KAFKA)
    yield from (obj for obj in pods(scene, given) if _is_broker(obj))
    yield from (obj for obj in services(scene, given) if _own_client(obj))


def _is_broker(obj: Object) -> bool:
    return any("KAFKA_PROCESS_ROLES" in dict(c.env()) for c in containers(obj))


def _own_client(obj: Object) -> bool:
    """Tell whether a service talks to Kafka itself, beside its sidecar."""
    return any(_client_settings(dict(c.env())) for c in containers(obj))


def _client_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The Kafka settings of a client, by their names in Kafka: KAFKA_ENABLE_AUTO_COMMIT, ACKS."""
    if "KAFKA_PROCESS_ROLES" in env:
        return {}
    found = {}
    for name, value in env.items():
        key = name.upper().removeprefix("SPRING_").removeprefix("KAFKA_").replace("_", ".").lower()
        if key in ("acks", "enable.auto.commit", "bootstrap.servers"):
            found[key] = value.strip().lower()
    return found


def _at_least_once(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    if obj.get("kind") == "Component":
        yield from _component_delivers(obj)
    elif obj.get("kind") == "Kafka":
        settings = mapping(at(obj, "spec.kafka.config", {}))
        yield from _broker_keeps(obj, "spec.kafka.config.", settings, given)
    else:
        for container in containers(obj):
            env = dict(container.env())
            if "KAFKA_PROCESS_ROLES" in env:
                settings = {
                    key.removeprefix("KAFKA_").replace("_", ".").lower(): value
                    for key, value in env.items()
                }
                yield from _broker_keeps(obj, "env of Kafka: ", settings, given)
            else:
                yield from _client_keeps(obj, _client_settings(env), container.name)


def _component_delivers(obj: Object) -> Iterator[Finding]:
    settings = {str(e.get("name")): e.get("value") for e in mappings(at(obj, "spec.metadata"))}
    if str(settings.get("consumeRetryEnabled", "true")).lower() == "false":
        message = "an event whose handler fails is not tried again"
        yield found(obj, "spec.metadata[name=consumeRetryEnabled]", "false", message)
    if str(settings.get("initialOffset", "newest")).lower() == "newest":
        message = "a consumer that comes late begins at the newest event, and skips what is there"
        value = settings.get("initialOffset", "not set")
        late = found(obj, "spec.metadata[name=initialOffset]", value, message)
        yield replace(late, minor=True)


def _broker_keeps(
    obj: Object, place: str, settings: Mapping[str, Any], given: Parameters
) -> Iterator[Finding]:
    """A broker may lose what it confirmed: too few copies in sync, or a leader without them."""
    copies, least = (
        _number(settings.get(key), 1)
        for key in ("default.replication.factor", "min.insync.replicas")
    )
    if copies > 1 and least < given["min_insync"]:
        message = f"with {copies} replicas, {least} in sync confirms an event"
        yield found(obj, f"{place}min.insync.replicas", str(least), message)
    if str(settings.get("unclean.leader.election.enable", "")).lower() == "true":
        field = f"{place}unclean.leader.election.enable"
        yield found(obj, field, "true", "a replica that lacks events may become the leader")


def _number(value: Any, default: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return default


def _client_keeps(obj: Object, settings: Mapping[str, str], container: str) -> Iterator[Finding]:
    if settings.get("acks", "all") not in ("all", "-1"):
        message = "an event counts as sent before every replica in sync has it"
        yield found(obj, "env: acks", settings["acks"], message, container=container)
    if settings.get("enable.auto.commit") == "true":
        message = "an offset is committed whether or not its event was handled"
        yield found(obj, "env: enable.auto.commit", "true", message, container=container)
    elif "bootstrap.servers" in settings and settings.get("enable.auto.commit") != "false":
        message = "it has a Kafka client of its own: its code decides when it commits"
        value = settings["bootstrap.servers"]
        yield found(
            obj, "env: bootstrap.servers", value, message, container=container, certain=False
        )


def _event_topics(scene: Scene, given: Parameters) -> Iterator[Object]:
    """What names topics of events; Kafka's own record lists them again."""
    yield from (
        obj
        for obj in _with_topics(scene, given)
        if not (obj["kind"] == INSTALLATION[1] and _skill(obj, scene) == _KAFKA_SKILL)
    )


def _skill(obj: Object, scene: Scene) -> str:
    installed = scene.installation(obj["metadata"]["namespace"], obj["metadata"]["name"])
    return installed.skill if installed else ""


_DEAD: Final = ("spec.deadLetterTopic", "inputs.dead_letter")  # events of other topics


def _schemas(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    registries = [each for each in scene.installed if each.skill == _SCHEMA_SKILL]
    known = {str(key) for each in registries for key in mapping(each.inputs.get("subjects"))}
    if not registries and not _has_registry(scene):
        for field, topic in topics_of(obj, scene):
            message = "there is no schema registry for its events"
            # a plan knows only what it makes: the registry may be there
            yield found(obj, field, topic, message, certain=not scene.planned)
        return
    for field, topic in topics_of(obj, scene):
        if f"{topic}-value" not in known and field not in _DEAD:
            message = "the registry's own list of schemas is not in the Kubernetes API"
            yield found(obj, field, topic, message, certain=False)


def _has_registry(scene: Scene) -> bool:
    return any(
        mark in str(container.spec.get("image"))
        for obj in scene.of(*PODS)
        for container in containers(obj)
        for mark in _REGISTRIES
    )


EVENT_RULES: Final = (
    Rule(
        name="kafka-events",
        asks="Every Dapr pub/sub component is Kafka's, and no other broker runs.",
        why="Events that go another way are not kept, ordered or replayed as those of Kafka are.",
        remedy="Set spec.type: pubsub.kafka, and remove the other broker.",
        reads=(*PODS, COMPONENT),
        subjects=_carriers,
        look=_kafka_only,
    ),
    Rule(
        name="topic-names",
        asks="Every topic is named as the document says.",
        why="Who owns an event, and who may read it, is told by its name.",
        remedy="Name the topic as the pattern asks; a topic cannot be renamed: make a new one.",
        reads=(KAFKA_TOPIC, SUBSCRIPTION, INSTALLATION),
        subjects=_with_topics,
        look=_names,
        parameters={
            "pattern": {
                "type": "string",
                "format": "regex",
                "default": r"[a-z0-9-]+(\.[a-z0-9-]+)*",
                "description": "RE2 pattern that the whole name must match.",
            }
        },
    ),
    Rule(
        name="at-least-once",
        asks="No event is lost: brokers, components and clients confirm after the fact.",
        why="An event that is confirmed before it is kept, or committed before it is handled, is "
        "lost with the process.",
        remedy="acks=all, min.insync.replicas=2 with three replicas, enable.auto.commit=false, "
        "and Dapr's consumeRetryEnabled and initialOffset: oldest.",
        reads=(*PODS, COMPONENT, KAFKA, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_deliverers,
        look=_at_least_once,
        parameters={
            "min_insync": {
                "type": "integer",
                "minimum": 1,
                "default": 2,
                "description": "Replicas in sync that confirm an event, where there are more.",
            }
        },
    ),
    Rule(
        name="schemas",
        asks="Every topic of events has a schema in the registry.",
        why="Without one a producer breaks its consumers unseen.",
        remedy="skill run schema-registry-k8s-setup, with the schema under `subjects`.",
        reads=(*PODS, KAFKA_TOPIC, SUBSCRIPTION, INSTALLATION, ELSEWHERE),
        needs=(*PODS, INSTALLATION, ELSEWHERE),
        subjects=_event_topics,
        look=_schemas,
    ),
)
