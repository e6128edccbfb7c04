"""Every rule that ships, by name. Those of the policy are in it: one rule has one home."""

from __future__ import annotations

from typing import Final

from skill_runner.compliance.rules.dapr import DAPR_RULES
from skill_runner.compliance.rules.delivery import DELIVERY_RULES
from skill_runner.compliance.rules.events import EVENT_RULES
from skill_runner.compliance.rules.network import NETWORK_RULES
from skill_runner.compliance.rules.services import SERVICE_RULES
from skill_runner.compliance.rules.workloads import WORKLOAD_RULES

__all__ = ["TABLE"]

_ALL: Final = (
    *WORKLOAD_RULES,
    *EVENT_RULES,
    *DAPR_RULES,
    *SERVICE_RULES,
    *NETWORK_RULES,
    *DELIVERY_RULES,
)
TABLE: Final = {rule.name: rule for rule in _ALL}
