"""Audits of a cluster, and of plans, by a rule set."""
