"""Stand-ins for operators whose images are out of reach: their kinds, and a Deployment to adopt.

What an operator would write into the status of its resources, and make for them, a test does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.objects import Object, Ref
from tests.support.driver import Driver
from tests.support.testimage import busybox_archive

CRDS: Final = Path(__file__).parent / "crds"


@dataclass(frozen=True, slots=True)
class StandIn:
    """An operator by what identifies it: the Deployment's name and labels, the image's tag."""

    crds: str
    name: str
    namespace: str
    repository: str
    version: str
    labels: dict[str, str]

    def definitions(self) -> list[Object]:
        return list(yaml.safe_load_all((CRDS / self.crds).read_text()))

    @property
    def ref(self) -> Ref:
        return Ref("apps/v1", "Deployment", self.name, self.namespace)

    def image(self, version: str = "") -> str:
        return f"{self.repository}:{version or self.version}"

    def deployment(self, version: str = "", *, replicas: int = 1, watched: str = "*") -> Object:
        """It runs a shell that does nothing; without replicas it is there to be looked at."""
        name = {"name": self.name}
        probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
        container: dict[str, Any] = {
            "name": "operator",
            "image": self.image(version),
            "imagePullPolicy": "IfNotPresent",
            "command": ["sleep", "100000"],
            "readinessProbe": probe,
            "livenessProbe": probe,
            "env": [{"name": "STRIMZI_NAMESPACE", "value": watched}],
            "resources": {
                "requests": {"cpu": "1m", "memory": "8Mi"},
                "limits": {"cpu": "100m", "memory": "16Mi"},
            },
        }
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**name, "namespace": self.namespace, "labels": self.labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": name},
                "template": {
                    "metadata": {"labels": name},
                    "spec": {
                        "containers": [container],
                        "terminationGracePeriodSeconds": 0,
                        "automountServiceAccountToken": False,
                    },
                },
            },
        }

    def load(self, driver: Driver, folder: Path) -> None:
        """Load the Deployment's image."""
        archive = folder / "operator.tar"
        archive.write_bytes(busybox_archive(self.image()))
        driver.load(archive)

    def start(self, driver: Driver, folder: Path) -> None:
        """The kinds, then the Deployment, whose image is loaded."""
        self.load(driver, folder)
        driver.apply(*self.definitions())
        driver.make_namespace(self.namespace)
        driver.apply(self.deployment())

    def stop(self, driver: Driver) -> None:
        """All of it is gone afterwards, as before."""
        refs = [Ref("v1", "Namespace", self.namespace), *map(Ref.of, self.definitions())]
        for ref in refs:
            driver.delete(ref)
        for ref in refs:
            driver.until_gone(ref)


STRIMZI: Final = StandIn(
    "strimzi.yaml",
    "strimzi-cluster-operator",
    "stand-in-strimzi",
    "localhost/strimzi/operator",
    "1.2.0",
    {"app": "strimzi", "release": "somebody-elses"},
)
CNPG: Final = StandIn(
    "cnpg.yaml",
    "cnpg-cloudnative-pg",
    "stand-in-cnpg",
    "localhost/cloudnative-pg",
    "1.30.0",
    {"app.kubernetes.io/name": "cloudnative-pg", "app.kubernetes.io/instance": "somebody-elses"},
)
