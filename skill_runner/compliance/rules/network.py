"""Rules about the ways in: network policies, and the one gateway with its authentication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from skill_runner.compliance.kinds import (
    HTTP_ROUTE,
    INGRESS,
    KONG_PLUGIN,
    NETWORK_POLICY,
    PODS,
    SERVICE,
)
from skill_runner.compliance.model import INSTALLATION, Finding, Parameters, Rule, Scene
from skill_runner.compliance.rules.tools import (
    containers,
    found,
    pods,
    services,
    space_of,
    template_labels,
)
from skill_runner.objects import Object, at
from skill_runner.policy.pods import mapping, mappings

_SPACE_NAME: Final = "kubernetes.io/metadata.name"  # a label that every namespace has
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
_AUTH: Final = (
    *("key-auth", "key-auth-enc", "jwt", "basic-auth", "oauth2", "openid-connect", "hmac-auth"),
    *("ldap-auth", "ldap-auth-advanced", "mtls-auth", "session"),
)
_LIMITS: Final = ("rate-limiting", "rate-limiting-advanced", "ai-rate-limiting-advanced")
_PATTERNS: Final = {"type": "array", "items": {"type": "string", "minLength": 1}}


def _guarded(scene: Scene, given: Parameters) -> Iterator[Object]:
    yield from services(scene, given)
    for policy in scene.of(NETWORK_POLICY):
        if scene.is_service(policy):  # a broker beside them has a policy of its own
            yield policy


def _paths(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    if obj.get("kind") != "NetworkPolicy":
        if not any(_isolates(policy, obj) for policy in scene.of(NETWORK_POLICY)):
            message = "no NetworkPolicy selects it: every pod of the cluster may connect"
            yield found(obj, "NetworkPolicy", "none", message)
        return
    allowed = (space_of(obj), *given["from"])
    for number, rule in enumerate(mappings(at(obj, "spec.ingress"))):
        field = f"spec.ingress[{number}].from"
        peers = list(mappings(rule.get("from")))
        if not peers:
            yield found(obj, field, "everybody", "it lets everybody in")
        for peer in peers:
            message, certain = _stranger(peer, allowed)
            if message:
                yield found(obj, field, dict(peer), message, certain=certain)


def _isolates(policy: Object, workload: Object) -> bool:
    spec = mapping(policy.get("spec"))
    types = spec.get("policyTypes") or ("Ingress",)
    same = space_of(policy) == space_of(workload) and "Ingress" in types
    return same and selects(spec.get("podSelector"), template_labels(workload))


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Tell whether a label selector matches; an empty one matches everything."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_fits(each, labels) for each in mappings(mapping(selector).get("matchExpressions")))


def _fits(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = expression.get("key"), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(str(key)) in values
        case "NotIn":
            return labels.get(str(key)) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def _stranger(peer: Mapping[str, Any], allowed: Sequence[str]) -> tuple[str, bool]:
    """Say whom a peer lets in that is not on the paths, and whether that is certain."""
    if "ipBlock" in peer:
        block = str(mapping(peer["ipBlock"]).get("cidr"))
        if block in _EVERYWHERE:
            return "it lets every address in", True
        return f"nobody here can tell who has the addresses {block}", False
    if "namespaceSelector" not in peer:
        return "", True  # pods of its own namespace
    selector = mapping(peer["namespaceSelector"])
    names = _named(selector)
    if names is None:
        return "it selects namespaces by labels, which the rule does not read", False
    if not names:
        return "it lets every namespace in", True
    wrong = [n for n in names if not any(fnmatchcase(n, each) for each in allowed)]
    return (f"it lets {', '.join(wrong)} in, which is no path" if wrong else ""), True


def _named(selector: Mapping[str, Any]) -> list[str] | None:
    """The namespaces of a selector by name; empty for all, None where labels decide."""
    labels = mapping(selector.get("matchLabels"))
    rest = list(mappings(selector.get("matchExpressions")))
    if not labels and not rest:
        return []
    names = [str(labels[_SPACE_NAME])] if _SPACE_NAME in labels else []
    for each in rest:
        if each.get("key") == _SPACE_NAME and each.get("operator") == "In":
            names += map(str, each.get("values") or ())
    return names or None


def _doors(scene: Scene, given: Parameters) -> Iterator[Object]:
    yield from scene.of(SERVICE, INGRESS, HTTP_ROUTE)
    yield from pods(scene, given)


def _by_gateway(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    kind = obj.get("kind")
    if kind == "Ingress":
        notes = mapping(at(obj, "metadata.annotations", {}))
        name = str(
            at(obj, "spec.ingressClassName") or notes.get("kubernetes.io/ingress.class") or ""
        )
        if not any(fnmatchcase(name, each) for each in given["classes"]):
            message = f"its class {name or '(the default)'} is not the gateway's"
            yield found(obj, "spec.ingressClassName", name, message)
    elif kind == "HTTPRoute":
        for parent in mappings(at(obj, "spec.parentRefs")):
            name = f"{parent.get('namespace') or space_of(obj)}/{parent.get('name')}"
            if not any(fnmatchcase(name, each) for each in given["gateways"]):
                yield found(obj, "spec.parentRefs", name, f"{name} is not the gateway")
    elif not any(fnmatchcase(space_of(obj), each) for each in given["namespaces"]):
        if kind == "Service":
            yield from _open_service(obj)
        else:
            yield from _open_pod(obj)


def _open_service(obj: Object) -> Iterator[Finding]:
    kind = at(obj, "spec.type")
    if kind in ("NodePort", "LoadBalancer"):
        yield found(obj, "spec.type", kind, f"a {kind} is a way in beside the gateway")
    if addresses := at(obj, "spec.externalIPs"):
        yield found(
            obj, "spec.externalIPs", addresses, "external addresses lead around the gateway"
        )


def _open_pod(obj: Object) -> Iterator[Finding]:
    for container in containers(obj):
        for port in mappings(container.spec.get("ports")):
            if port.get("hostPort"):
                message = "a port of the node leads around the gateway"
                value = str(port["hostPort"])
                yield found(obj, "ports.hostPort", value, message, container=container.name)


def _routes(scene: Scene, _: Parameters) -> Iterator[Object]:
    yield from scene.of(INGRESS, HTTP_ROUTE)


def _plugins(route: Object, scene: Scene) -> set[str]:
    """The names of Kong's own plugins that a route uses, and of those that hold for all."""
    own = space_of(route)
    made = {
        (space_of(each), str(each["metadata"]["name"])): str(each.get("plugin"))
        for each in scene.of(KONG_PLUGIN)
    }
    named = str(mapping(at(route, "metadata.annotations", {})).get("konghq.com/plugins", ""))
    for rule in mappings(at(route, "spec.rules")):
        for each in mappings(rule.get("filters")):
            reference = mapping(each.get("extensionRef"))
            if reference.get("kind") == "KongPlugin":
                named += f",{reference.get('name')}"
    found_plugins = set()
    for name in filter(None, (part.strip() for part in named.split(","))):
        space, _, short = name.rpartition("/")
        found_plugins.add(made.get((space or own, short), ""))
    return found_plugins


def _needs(plugins: Sequence[str], message: str) -> Any:
    def look(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
        if not _plugins(obj, scene) & {*plugins, *given["plugins"]}:
            value = at(obj, "metadata.annotations", {}).get("konghq.com/plugins", "none")
            yield found(obj, "metadata.annotations[konghq.com/plugins]", value, message)

    return look


_MORE_PLUGINS: Final = {
    "plugins": {**_PATTERNS, "default": [], "description": "Further plugins that do the same."}
}

NETWORK_RULES: Final = (
    Rule(
        name="network-paths",
        asks="Network policies let in nobody but those on the document's paths.",
        why="Where no policy selects a pod, every pod of the cluster may connect to it. Whether "
        "the cluster's network enforces policies is not in the API.",
        remedy="Add a NetworkPolicy that lets in the gateway and the services' own namespaces.",
        reads=(*PODS, NETWORK_POLICY, INSTALLATION),
        needs=(NETWORK_POLICY, INSTALLATION),
        subjects=_guarded,
        look=_paths,
        parameters={
            "from": {
                **_PATTERNS,
                "default": ["kong", "dapr-system", "monitoring"],
                "description": "Namespaces that may connect to services, beside their own.",
            }
        },
        on_plans=False,
    ),
    Rule(
        name="gateway-only",
        asks="What comes from outside comes through the gateway.",
        why="A second way in has no authentication, no limits and no log.",
        remedy="Make the Service a ClusterIP, and publish it by an Ingress or HTTPRoute of the "
        "gateway.",
        reads=(SERVICE, INGRESS, *PODS),
        hints=(HTTP_ROUTE,),
        subjects=_doors,
        look=_by_gateway,
        parameters={
            "classes": {
                **_PATTERNS,
                "default": ["kong"],
                "description": "Ingress classes of the gateway.",
            },
            "gateways": {
                **_PATTERNS,
                "default": ["kong/*"],
                "description": "Gateways, as NAMESPACE/NAME.",
            },
            "namespaces": {
                **_PATTERNS,
                "default": ["kong"],
                "description": "Namespaces of the gateway itself, whose Services may be open.",
            },
        },
    ),
    Rule(
        name="gateway-auth",
        asks="Every route of the gateway asks who calls.",
        why="A route without authentication answers everybody.",
        remedy="skill run NAME --set 'gateway={auth: key}', or name a KongPlugin in "
        "konghq.com/plugins. A public page is an exception, with its reason.",
        reads=(INGRESS, KONG_PLUGIN),
        needs=(KONG_PLUGIN,),
        hints=(HTTP_ROUTE,),
        subjects=_routes,
        look=_needs(_AUTH, "no plugin of it authenticates"),
        parameters=_MORE_PLUGINS,
    ),
    Rule(
        name="gateway-limit",
        asks="Every route of the gateway limits how often it is called.",
        why="One caller may take all of a service, by intent or by a loop.",
        remedy="skill run NAME --set 'gateway={rate_limit: 60/minute}', or name a KongPlugin.",
        reads=(INGRESS, KONG_PLUGIN),
        needs=(KONG_PLUGIN,),
        hints=(HTTP_ROUTE,),
        subjects=_routes,
        look=_needs(_LIMITS, "no plugin of it limits the rate"),
        parameters=_MORE_PLUGINS,
    ),
)
