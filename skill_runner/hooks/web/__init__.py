"""Proofs of web pages, for the skills that serve them: by HTTP from both sides, by a real browser.

All go through the Service from inside the cluster, and through a port-forward from this machine;
none depends on routes to pods.
"""

from skill_runner.hooks.web.proof import Pages, prove_pages

__all__ = ["Pages", "prove_pages"]
