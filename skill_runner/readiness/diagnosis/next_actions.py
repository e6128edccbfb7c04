"""Code → commands to run next, made concrete for whoever's problem it is."""

from __future__ import annotations

from skill_runner.outcome import Code, NextAction
from skill_runner.outcome.next_actions import NAME, SKILL, SPACE, WHICH_IMAGE
from skill_runner.readiness.diagnosis.symptom import Symptom


def next_actions(code: Code, symptom: Symptom) -> tuple[NextAction, ...]:
    """List what to run next, the most useful first; only those marked unsafe change anything."""
    parts = (part(symptom).get(code) for part in (_on_images, _on_pods, _on_objects))
    made = [*next(filter(None, parts), ()), (_look(symptom), "the object and its events")]
    unique = dict(reversed(made))  # the first words for a command win
    ordered = [run for run, _ in made]
    return tuple(
        NextAction(run=run, safe=" delete " not in run, why=unique[run])
        for run in dict.fromkeys(ordered)
    )[:3]


def _look(symptom: Symptom) -> str:
    if not symptom.name:
        return "kubectl get --raw /readyz"
    kind = symptom.kind.lower()
    # kubectl takes kind.group, which is unambiguous where two APIs share a kind.
    kind += f".{symptom.group}" if "." in symptom.group and ".k8s.io" not in symptom.group else ""
    return f"kubectl {_space(symptom)}describe {kind} {symptom.name}"


def _space(symptom: Symptom) -> str:
    return f"-n {symptom.namespace} " if symptom.namespace else ""


def _logs(symptom: Symptom) -> str:
    """The log of the container that ended; of a Job, whichever pod of it is left."""
    what = f"job/{symptom.name}" if symptom.kind == "Job" else symptom.name
    container = f" -c {symptom.container}" if symptom.container else ""
    previous = " --previous" if symptom.restarts else ""
    return f"kubectl {_space(symptom)}logs {what}{container}{previous} --tail=200"


_Action = tuple[str, str]  # what to run, and why
_Actions = dict[Code, tuple[_Action, ...]]


def _on_images(symptom: Symptom) -> _Actions:
    """List the actions for what keeps an image from a node."""
    space = _space(symptom)
    return {
        "IMAGE_NOT_FOUND": (WHICH_IMAGE,),
        "IMAGE_NAME_INVALID": (WHICH_IMAGE,),
        "IMAGE_WRONG_ARCH": (("kubectl get nodes -L kubernetes.io/arch", "the nodes' processors"),),
        "IMAGE_PULL_DENIED": (
            (
                f"kubectl {space}get secrets --field-selector type=kubernetes.io/dockerconfigjson",
                "is the pull secret there?",
            ),
        ),
        "REGISTRY_UNREACHABLE": (
            (
                f"skill run {SKILL} --name {NAME} -n {SPACE} --images build",
                "build the images from their recipes instead",
            ),
        ),
        "IMAGE_NEVER_PULLED": ((f"skill images load {SKILL}", "put the image on the node"),),
    }


def _on_pods(symptom: Symptom) -> _Actions:
    """List the actions for what keeps a pod from its place, or its containers from working."""
    space = _space(symptom)
    return {
        "CONFIG_MISSING": ((f"kubectl {space}get secrets,configmaps", "what is there instead"),),
        "CRASH_LOOP": ((_logs(symptom), "the whole log of the instance that ended"),),
        "COMMAND_NOT_FOUND": ((_look(symptom), "see the command and the image"),),
        "OUT_OF_MEMORY": (
            (f"skill describe {SKILL}", "see which input sets the memory limit"),
            (_logs(symptom), "what it did before it was killed"),
        ),
        "UNSCHEDULABLE": (("kubectl describe nodes", "what the nodes have and hold"),),
        "CAPACITY": (("kubectl describe nodes", "what the nodes have and hold"),),
        "VOLUME_UNBOUND": (
            ("kubectl get storageclass", "the classes that exist"),
            (f"kubectl {space}get pvc", "the claims that exist"),
        ),
        "SERVICE_ACCOUNT_MISSING": ((f"kubectl {space}get serviceaccounts", "what is there"),),
        "PROBE_FAILING": ((_logs(symptom), "what the application says"),),
        "JOB_FAILED": ((_logs(symptom), "the whole log"),),
        "HOOK_FAILED": ((_logs(symptom), "the whole log"),),
        "COMPONENT_FAILED": (
            (f"kubectl {space}get components.dapr.io -o yaml", "what the component connects to"),
            (_logs(symptom), "the whole log of the sidecar"),
        ),
        "COMPONENT_NOT_LOADED": (
            (f"kubectl {space}get components.dapr.io", "which components are there, since when"),
            (f"kubectl {space}logs {symptom.name} -c daprd", "what the sidecar says of them"),
        ),
        "SIDECAR_MISSING": (
            ("skill run dapr-k8s-setup", "makes pods again that missed their sidecar"),
            (f"kubectl {space}delete pod {symptom.name}", "by hand, once the injector serves"),
        ),
    }


def _on_objects(symptom: Symptom) -> _Actions:
    """List the actions for what keeps an object from being made, or from what was asked of it."""
    space = _space(symptom)
    return {
        "QUOTA_EXCEEDED": ((f"kubectl {space}describe resourcequota", "what is used of how much"),),
        "ADMISSION_DENIED": ((_look(symptom), "the refusal in full"),),
        "WEBHOOK_UNAVAILABLE": (
            (
                "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
                "which Service it calls",
            ),
        ),
        "NOT_OBSERVED": (
            (
                "kubectl get deployments --all-namespaces",
                f"is the operator that handles {symptom.kind} there, and ready?",
            ),
            (
                f"kubectl {space}get {symptom.kind.lower()} {symptom.name} -o yaml "
                "--show-managed-fields",
                "who has written to it, and when",
            ),
        ),
        "RESOURCE_GONE": (
            (f"skill run {SKILL} --name {NAME} -n {SPACE}", "applies what is missing"),
            (f"kubectl {space}get events", "what happened around it"),
        ),
        "SCALED_TO_ZERO": (_scale_up(symptom),),
        "GATEWAY_CONFIG_REJECTED": ((_look(symptom), "the object, and its events"),),
        "NAMESPACE_TERMINATING": (
            (
                f"kubectl get namespace {symptom.namespace or symptom.name} -o yaml",
                "what holds it back",
            ),
        ),
    }


def _scale_up(symptom: Symptom) -> _Action:
    """A run restores what the manifest states; what it leaves open, only kubectl."""
    if symptom.subject:
        what = f"{symptom.kind.lower()} {symptom.name} --replicas={symptom.subject}"
        return f"kubectl {_space(symptom)}scale {what}", "scales it up again"
    return f"skill run {SKILL} --name {NAME} -n {SPACE}", "scales it up again, and says so"
