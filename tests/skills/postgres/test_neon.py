"""postgres-k8s-setup in mode neon, against a stand-in that routes TLS by server name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from skill_runner.objects import Ref
from tests.skills.postgres import stand_in
from tests.support.artefacts import assert_nowhere
from tests.support.driver import Driver
from tests.support.images import load_image, load_recipe_image

pytestmark = pytest.mark.cluster

SKILL = "postgres-k8s-setup"
NAME = ("--name", "lessons", "-n", "lessons")
SECRET = Ref("v1", "Secret", "lessons-app", "lessons")
COPY = Ref("v1", "Secret", "lessons-app", "learnflow")
ANSWERED = "passed: SELECT 1 answered by uri and by direct-uri, the server verified"


@pytest.fixture(scope="module")
def authority(driver: Driver, learnflow: str) -> Iterator[stand_in.Authority]:
    """The stand-in runs in the applications' namespace, outside the installation's."""
    if not driver.can_load:
        pytest.skip(f"no images can be loaded into context {driver.context}")
    names = [stand_in.host(n, learnflow) for n in (stand_in.POOLED, stand_in.DIRECT)]
    made = stand_in.make_authority([*names, stand_in.host(stand_in.UNKNOWN, learnflow)])
    postgres = load_recipe_image(driver, SKILL, "postgres")
    stunnel = load_image(driver, "tls-stand-in:1", Path(stand_in.__file__).parent / "image")
    objects = stand_in.manifests(learnflow, made, postgres, stunnel)
    driver.apply(*objects)
    driver.until_ready(Ref("v1", "Pod", "managed-postgres", learnflow))
    yield made
    for obj in reversed(objects):
        driver.delete(Ref.of(obj))
    for obj in objects:
        driver.until_gone(Ref.of(obj))


@pytest.fixture(scope="module")
def before(driver: Driver, authority: stand_in.Authority) -> set[str]:
    return driver.objects()


def given(folder: Path, **inputs: Any) -> str:
    file = folder / "inputs.yaml"
    file.write_text(yaml.safe_dump({"mode": "neon", "clients": ["learnflow"], **inputs}))
    return str(file)


@pytest.fixture(scope="module")
def installed(
    driver: Driver,
    authority: stand_in.Authority,
    before: set[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    file = given(
        tmp_path_factory.mktemp("given"),
        ca=authority.certificate,
        uri=stand_in.uri(stand_in.POOLED, "learnflow"),
        direct_uri=stand_in.uri(stand_in.DIRECT, "learnflow"),
    )
    return driver.skill("run", SKILL, *NAME, "--values", file)


def test_both_connections_answer_verified(driver: Driver, installed: dict[str, Any]) -> None:
    assert installed["status"] == "ready"
    assert installed["proof"] == {"answers": ANSWERED}
    kept = driver.secret(SECRET)
    assert kept == driver.secret(COPY)
    assert "sslmode=verify-full" in kept["uri"]
    workloads = driver.every("Pod", "StatefulSet")
    assert not [o for o in workloads if o["metadata"]["namespace"] == "lessons"]


def test_again_without_the_secret_writes_nothing(driver: Driver, installed: dict[str, Any]) -> None:
    position = driver.audit_position()
    again = driver.skill("run", SKILL, *NAME)
    assert (again["status"], again["changed"]) == ("unchanged", False)
    if driver.audit_log:
        assert driver.writes_since(position, "lessons") == []


def test_a_server_that_is_not_the_one_is_named_and_the_next_run_fixes_it(
    driver: Driver, authority: stand_in.Authority, installed: dict[str, Any], tmp_path: Path
) -> None:
    uri = stand_in.uri(stand_in.POOLED, "learnflow")
    other = stand_in.make_authority(["elsewhere.example.org"]).certificate
    failed = driver.skill("run", SKILL, *NAME, "--values", given(tmp_path, ca=other), code=1)
    assert failed["problem"]["code"] == "PROOF_FAILED"
    assert "certificate verify failed" in "".join(failed["problem"]["evidence"])
    fixed = given(tmp_path, ca=authority.certificate, uri=uri)
    assert driver.skill("run", SKILL, *NAME, "--values", fixed)["proof"] == {"answers": ANSWERED}


def test_standard_input_gives_secrets_and_the_command_line_does_not(
    driver: Driver, authority: stand_in.Authority, installed: dict[str, Any]
) -> None:
    uri = stand_in.uri(stand_in.DIRECT, "learnflow")
    refused = driver.skill("run", SKILL, *NAME, "--set", f"uri={uri}", code=2)
    assert stand_in.PASSWORD not in str(refused)
    position = driver.audit_position()
    text = yaml.safe_dump({"uri": stand_in.uri(stand_in.POOLED, "learnflow")})
    same = driver.skill("run", SKILL, *NAME, "--values", "-", stdin=text)
    assert same["status"] == "unchanged"
    if driver.audit_log:
        assert driver.writes_since(position, "lessons") == []


def test_remove_leaves_nothing_and_the_password_was_nowhere(
    driver: Driver, before: set[str], installed: dict[str, Any]
) -> None:
    own = Ref("v1", "Secret", "managed-postgres", "learnflow")
    recorded = Ref("v1", "Secret", "skill-runner.lessons", "lessons")
    assert_nowhere(driver, [stand_in.PASSWORD], except_in={SECRET, COPY, own, recorded})
    driver.skill("remove", *NAME[1:], "--yes")
    assert driver.objects() == before
