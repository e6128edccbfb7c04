"""The proof `web` of skill.yaml: by HTTP from both sides, by a real browser.

All go through the Service from inside the cluster, and through a port-forward from this machine;
none depends on routes to pods.
"""

from skill_runner.hooks.web.proof import prove_pages

__all__ = ["prove_pages"]
