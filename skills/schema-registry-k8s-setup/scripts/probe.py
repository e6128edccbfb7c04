"""A client of the registry: schemas of its own evolve, are refused, are read back and are deleted.

The API is asked by Python's own library. Where the image has confluent-kafka, its serialiser writes
a message and its deserialiser reads it, through a topic where there is a Kafka: the wire format.
The last line says what was seen; the exit code is 1 when something else was.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

GIVEN: dict[str, Any] = json.loads(os.environ["GIVEN"])
TOPIC = GIVEN["topic"]
SUBJECTS = (f"{TOPIC}-evolves-value", f"{TOPIC}-value")
PATIENCE = 20.0  # seconds: a write that Kafka does not take hangs for longer
EVENT = {
    "type": "object",
    "title": "Proof",
    "additionalProperties": False,
    "required": ["number"],
    "properties": {"number": {"type": "integer"}},
}


def record(*fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": "Proof", "fields": fields})


FIRST = record({"name": "id", "type": "string"})
SECOND = record(
    {"name": "id", "type": "string"}, {"name": "note", "type": ["null", "string"], "default": None}
)
WRONG = record({"name": "id", "type": "int"})


def ask(method: str, path: str, body: object = None, *, expect: int = 200) -> Any:
    """One request, answered in JSON; exit with the answer when it is not `expect`."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    request = urllib.request.Request(f"{GIVEN['url']}/{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            code, said = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        code, said = error.code, error.read().decode(errors="replace")[:300]
    except OSError as error:
        code, said = 500, f"no answer within {PATIENCE:.0f} s: {error}"
    if code >= 500:
        raise SystemExit(f"{blame()} ({method} /{path}: {said})")
    if code != expect:
        raise SystemExit(f"{method} /{path}: {code} in place of {expect}: {said}")
    return json.loads(said)


def blame() -> str:
    """Tell by a read whether the registry or its storage is away."""
    try:
        urllib.request.urlopen(f"{GIVEN['url']}/subjects", timeout=PATIENCE).close()
    except OSError:
        return (
            f"neither reads nor writes work: is {GIVEN['storage']}, where schemas are kept, away?"
        )
    return f"reads work, writes do not: {GIVEN['storage']}, where schemas are kept, takes none"


def register(subject: str, schema: str, *, expect: int = 200) -> int:
    path = f"subjects/{subject}/versions"
    return int(ask("POST", path, {"schema": schema}, expect=expect).get("id", 0))


def evolve() -> str:
    subject = SUBJECTS[0]
    first = register(subject, FIRST)
    if register(subject, FIRST) != first:
        raise SystemExit("the same schema has two ids")
    if GIVEN["compatibility"] == "NONE":
        ask("PUT", f"config/{subject}", {"compatibility": "BACKWARD"})
    second = register(subject, SECOND)
    register(subject, WRONG, expect=409)
    for number, schema in ((first, FIRST), (second, SECOND)):
        found = json.loads(ask("GET", f"schemas/ids/{number}")["schema"])
        if found != json.loads(schema):
            raise SystemExit(f"schema {number} came back as {found}")
    if ask("GET", f"subjects/{subject}/versions") != [1, 2]:
        raise SystemExit("the refused schema became a version")
    return "a schema was registered, evolved, refused when incompatible (409) and read back by id"


def wire() -> str:
    """A message by the public client's serialiser and back, through Kafka where there is one."""
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext
    except ImportError:
        return "no message was serialised: the image has no confluent-kafka (--images build has it)"
    client = SchemaRegistryClient({"url": GIVEN["url"]})
    context = SerializationContext(TOPIC, MessageField.VALUE)
    write, read = JSONSerializer(json.dumps(EVENT), client), JSONDeserializer(json.dumps(EVENT))
    message = {"number": 42}
    data = bytes(write(message, context))
    known = int(ask("GET", f"subjects/{SUBJECTS[1]}/versions/latest")["id"])
    if data[0] != 0 or int.from_bytes(data[1:5], "big") != known:
        raise SystemExit(f"the message does not begin with 0 and the schema's id: {data[:5].hex()}")
    with suppress(Exception):
        write({"number": "forty-two"}, context)
        raise SystemExit("a message that its schema forbids was serialised")
    arrived = through_kafka(data) if GIVEN["bootstrap"] else data
    if read(arrived, context) != message:
        raise SystemExit(f"the message came back as {arrived!r}")
    way = f"through Kafka ({GIVEN['bootstrap']})" if GIVEN["bootstrap"] else "without a broker"
    return f"a message of confluent-kafka's serialiser came back {way}"


def through_kafka(data: bytes) -> bytes:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    servers = {"bootstrap.servers": GIVEN["bootstrap"]}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(TOPIC, 1, -1)])[TOPIC].result(30)
    consumer = Consumer({**servers, "group.id": "skill-proof", "auto.offset.reset": "earliest"})
    try:
        producer = Producer({**servers, "acks": "all"})
        producer.produce(TOPIC, data)
        if producer.flush(30):
            raise SystemExit(f"Kafka ({GIVEN['bootstrap']}) did not take the message within 30 s")
        consumer.subscribe([TOPIC])
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            message = consumer.poll(1.0)
            if message is not None and not message.error():
                return bytes(message.value())
        raise SystemExit("the message did not come back from Kafka within 60 s")
    finally:
        consumer.close()
        admin.delete_topics([TOPIC])[TOPIC].result(30)


def forget() -> None:
    """Delete what the proof registered; twice, since the first time only hides it."""
    for subject in SUBJECTS:
        for how in ("", "?permanent=true"):
            with suppress(SystemExit):  # it was never registered
                ask("DELETE", f"subjects/{subject}{how}")


def prove() -> str:
    try:
        said = f"{evolve()}; {wire()}"
    finally:
        forget()
    left = set(ask("GET", "subjects?deleted=true")) & set(SUBJECTS)
    if left:
        raise SystemExit(f"subjects could not be deleted: {', '.join(sorted(left))}")
    return said


def keep() -> str:
    return f"registered with id {register(SUBJECTS[0], FIRST)}"


def find() -> str:
    """The schema that `keep` registered, and the end of it."""
    try:
        latest = ask("GET", f"subjects/{SUBJECTS[0]}/versions/latest")
        if json.loads(latest["schema"]) != json.loads(FIRST):
            raise SystemExit(f"the schema came back as {latest['schema']}")
    finally:
        forget()
    return f"schema {latest['id']} is there"


if __name__ == "__main__":
    work = {"prove": prove, "keep": keep, "find": find, "forget": forget}
    sys.stdout.write(f"{work[sys.argv[1]]()}\n")
