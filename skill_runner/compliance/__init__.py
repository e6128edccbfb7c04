"""Hold what runs in a cluster to the rules of a governance document: pure, over objects.

rule set ─read─▶ Governance ─judge─▶ an Answer for each rule: pass, fail, unknown, not applicable
objects of a cluster, or of a plan ─▶ Scene ┘
"""
