"""Kong's kinds (configuration.konghq.com): what its ingress controller says of each.

Of a KongConsumer it says Programmed, at its generation. Of the others it says nothing, and where
one of them is refused it says so in an event alone.
"""

from __future__ import annotations

from typing import Final

from skill_runner.objects import Object, as_int, condition, generation, is_true, says
from skill_runner.readiness.status.verdict import Verdict, progressing, ready, unobserved

GROUP: Final = "configuration.konghq.com"
SILENT: Final = ("KongPlugin", "KongClusterPlugin")


def consumer(obj: Object) -> Verdict:
    """Return ready once its credentials are in the gateway, as they are now."""
    found = condition(obj, "Programmed")
    if found is None or found.get("reason") == "Pending":  # the kind's own default
        return unobserved("is not Programmed yet")
    seen = as_int(found.get("observedGeneration"))
    if seen is not None and seen < generation(obj):
        return unobserved(f"Programmed is of generation {seen}, it is at {generation(obj)}")
    if not is_true(found):
        return progressing(f"is not Programmed yet ({says(found)})")
    return ready("is in the gateway")
