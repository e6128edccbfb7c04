"""Admission webhooks: the API answers for their kinds once they serve; a dry run tells.

Endpoints that are ready do not: the certificate may be missing, or its authority not yet in the
configuration, and then whatever is applied next fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from skill_runner.backends.base import Cluster, ResourceType
from skill_runner.errors import NotFound, SkillError
from skill_runner.objects import Object, Ref, at
from skill_runner.readiness.diagnosis import classify_refusal
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.status.verdict import progressing
from skill_runner.readiness.wait.lookups import Lookups
from skill_runner.readiness.wait.specimen import specimen_of
from skill_runner.readiness.wait.verdicts import Watched
from skill_runner.text.quoting import excerpt, named

KINDS: Final = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


def with_webhooks(watched: Sequence[Watched], lookups: Lookups) -> Iterator[Watched]:
    """The same, with configurations that are ready only once their webhooks answer."""
    others = all(w.verdict.is_ready for w in watched)
    for one in watched:
        asks = one.expected.ref.kind in KINDS and not one.verdict.facts.get("skipped")
        if not (others and asks and one.live):
            yield one
            continue
        key = ("webhook", at(one.live, "metadata.uid"), at(one.live, "metadata.generation"))
        said = lookups.later(key, partial(ask_webhooks, lookups.cluster, one.live))
        if said == "":
            yield one
            continue
        message = said or "its webhooks have not been tried yet"
        verdict = progressing(message, **({"unanswered": True} if said else {}))
        yield Watched(one.expected, one.live, verdict, one.family)


def webhook_symptoms(watched: Sequence[Watched]) -> Iterator[Symptom]:
    for one in watched:
        if one.verdict.facts.get("unanswered") and one.live:
            said = one.verdict.message
            yield symptom_of(one.live, "WebhookUnavailable", said, lines=(f"API server: {said}",))


async def ask_webhooks(cluster: Cluster, config: Object) -> str:
    """Say why the first of its webhooks does not answer; empty when all do, as far as can be told.

    Those that are ignored when they fail are not asked: the API does not tell then.
    """
    types = await cluster.resource_types()
    for hook in config.get("webhooks") or ():
        if hook.get("failurePolicy") == "Ignore":
            continue
        manifest = await specimen_for(cluster, hook, types)
        if manifest is None:
            continue
        try:
            await cluster.create(manifest, dry_run=True)
        except SkillError as error:
            # Any other refusal (a quota, a schema, the webhook's own word) is an answer.
            if names(error.message, str(hook.get("name"))):
                return (
                    f"webhook {named(hook.get('name'))} does not answer: {excerpt(error.message)}"
                )
    return ""


def names(message: str, webhook: str) -> bool:
    """Tell whether the API server says that it could not call this webhook."""
    return classify_refusal(message) == "WebhookUnavailable" and f'"{webhook}"' in message


async def specimen_for(
    cluster: Cluster, hook: Mapping[str, Any], types: Sequence[ResourceType]
) -> Object | None:
    """An object whose creation asks this webhook; None when it is for none."""
    found = next((t for rule in hook.get("rules") or () for t in types if _covers(rule, t)), None)
    if found is None:
        return None
    namespace = at(hook, "clientConfig.service.namespace", "default") if found.namespaced else None
    labels = at(hook, "objectSelector.matchLabels", {})
    schema = await _schema_of(cluster, found)
    return specimen_of(found.api_version, found.kind, namespace, labels, schema)


def _covers(rule: Mapping[str, Any], kind: ResourceType) -> bool:
    group, _, version = kind.api_version.rpartition("/")
    return (
        bool({"CREATE", "*"} & set(rule.get("operations") or ()))
        and bool({group, "*"} & set(rule.get("apiGroups") or ()))
        and bool({version, "*"} & set(rule.get("apiVersions") or ()))
        and bool({kind.plural, "*", "*/*"} & set(rule.get("resources") or ()))
        and "create" in kind.verbs
    )


async def _schema_of(cluster: Cluster, kind: ResourceType) -> Mapping[str, Any] | None:
    group, _, version = kind.api_version.rpartition("/")
    if "." not in group:
        return None
    name = f"{kind.plural}.{group}"
    try:
        crd = await cluster.get(Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", name))
    except (NotFound, SkillError):
        return None
    served = (v for v in at(crd, "spec.versions", []) if v.get("name") == version)
    schema: Mapping[str, Any] = at(next(served, {}), "schema.openAPIV3Schema", {})
    return schema
