"""A workload that was scaled to zero though what was applied asks for replicas, and who did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.objects import Object, at, count
from skill_runner.text.quoting import named

KINDS: Final = ("Deployment", "StatefulSet")
# Field managers that scale by a metric, to zero too: Kubernetes' HorizontalPodAutoscaler, KEDA.
_AUTOSCALERS: Final = ("kube-controller-manager", "keda", "keda-operator")
_OURS: Final = ("helm", "skill-runner")
_RELEASE: Final = "meta.helm.sh/release-name"


@dataclass(frozen=True, slots=True)
class ScaledToZero:
    """`wanted` are the replicas that were asked for; `stated` when the manifest says the number.
    `by` is the field manager, `when` RFC 3339, or empty:
    a zero through the scale subresource (`kubectl scale`) takes the field from its owner and gives
    it to nobody, since Scale leaves a zero out; `unowned` then."""

    wanted: int
    stated: bool
    by: str
    when: str
    asker: str
    unowned: bool = False

    def __str__(self) -> str:
        return f"is scaled to 0{self.who}; the {self.asker} asks for {self.wanted}"

    @property
    def restorable(self) -> bool:
        """Tell whether applying the manifest again restores it: it states the number, and no other
        field manager owns it, which would be a conflict."""
        return self.stated and (self.unowned or self.by in ("", *_OURS))

    @property
    def was(self) -> str:
        """The same of what has been put right since."""
        return f"was scaled to 0{self.who} and has {self.wanted} again"

    @property
    def who(self) -> str:
        """ " by kubectl at 2026-11-29T05:00:00Z"; as much of it as is known."""
        if self.unowned:
            return " by a scale request, which leaves no name"
        by = f" by {named(self.by)}" if self.by else ""
        return f"{by} at {named(self.when)}" if by and self.when else by


def scaled_to_zero(manifest: Mapping[str, Any], live: Object | None) -> ScaledToZero | None:
    """Say how a live object differs so from its manifest; None when it does not, when zero is
    what was asked for, and where an autoscaler last decided."""
    if live is None or manifest.get("kind") not in KINDS or at(live, "spec.replicas") != 0:
        return None
    wanted = count(manifest, "spec.replicas", 1)
    by, when = _scaler(live)
    if "spec" not in manifest or wanted < 1 or by in _AUTOSCALERS:
        return None
    asker = "release" if at(live, "metadata.annotations", {}).get(_RELEASE) else "skill"
    stated = at(manifest, "spec.replicas") is not None
    unowned = not by and bool(at(live, "metadata.managedFields"))
    return ScaledToZero(wanted, stated, by, when, asker, unowned)


def scales(autoscaler: Object, kind: str, name: str) -> bool:
    """Tell whether a HorizontalPodAutoscaler is for this object."""
    target = at(autoscaler, "spec.scaleTargetRef", {})
    return (target.get("kind"), target.get("name")) == (kind, name)


def _scaler(live: Object) -> tuple[str, str]:
    """Name who last set the replicas, and when."""
    entries = [
        (str(entry.get("time", "")), str(entry.get("manager", "")))
        for entry in at(live, "metadata.managedFields", [])
        if at(entry, "fieldsV1", {}).get("f:spec", {}).get("f:replicas") is not None
    ]
    when, by = max(entries, default=("", ""))
    return by, when
