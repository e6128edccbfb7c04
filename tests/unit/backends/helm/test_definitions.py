"""What `helm template` took from crds/ folders."""

from __future__ import annotations

from skill_runner.backends.helm.client import definitions_in

RENDERED = """---
# Source: dapr/crds/all.yaml
kind: CustomResourceDefinition
metadata: {name: first}
---
kind: CustomResourceDefinition
metadata: {name: second}
---
# Source: dapr/charts/inner/crds/more.yaml
kind: CustomResourceDefinition
metadata: {name: third}
---
# Source: dapr/templates/crds/templated.yaml
kind: CustomResourceDefinition
metadata: {name: of the release}
---
# Source: dapr/templates/service.yaml
kind: Service
"""


def test_only_the_documents_of_crds_folders_are_definitions() -> None:
    found = definitions_in(RENDERED)
    assert [name in found for name in ("first", "second", "third")] == [True, True, True]
    assert "of the release" not in found
    assert "Service" not in found
