"""Everything that a run leaves behind, searched for values that must be in Secrets alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

from skill_runner.backends.helm.storage import payload_of
from skill_runner.objects import Object, Ref
from skill_runner.text.redact import encodings
from tests.support.driver import Driver


def assert_nowhere(driver: Driver, values: Sequence[str], *, except_in: Collection[Ref]) -> None:
    """No value, in any of its encodings, in the runs' folders, objects, releases or logs."""
    forms = {form for value in values for form in encodings(value)}
    for where, text in _texts(driver, except_in):
        assert not any(form in text for form in forms), f"a password is in {where}"


def _texts(driver: Driver, except_in: Collection[Ref]) -> Iterator[tuple[str, str]]:
    files = [path for path in driver.state.rglob("*") if path.is_file()]
    assert any(path.name == "outcome.json" for path in files)
    for path in files:
        if path.suffix != ".tar":
            yield str(path), path.read_text(errors="replace")
    kinds = set()
    for obj in driver.every("ConfigMap", "Secret", "Pod", "StatefulSet", "Event"):
        kinds.add(obj["kind"])
        if Ref.of(obj) not in except_in:
            yield str(Ref.of(obj)), _as_text(obj)
    assert {"ConfigMap", "Secret", "Pod"} <= kinds
    yield "the logs", driver.logs()
    if driver.audit_log:
        yield "the audit log", driver.audit_log.read_text()


def _as_text(obj: Object) -> str:
    """An object; of a Helm release, what Helm packed into it: chart, values, manifests."""
    if obj.get("type") == "helm.sh/release.v1":
        return json.dumps(payload_of(obj))
    return json.dumps(obj)
