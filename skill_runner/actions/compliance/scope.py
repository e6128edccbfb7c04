"""The namespaces that an audit of a platform is about."""

from __future__ import annotations

from collections.abc import Mapping

from skill_runner.actions.platform import Platform
from skill_runner.backends.base import Cluster
from skill_runner.errors import Forbidden
from skill_runner.installations import store
from skill_runner.installations.record import Record


async def namespaces_of(cluster: Cluster, platform: Platform) -> tuple[str, ...]:
    """Those of the platform's installations, and of what these require, by their records."""
    named = {(each.namespace or "", each.name) for each in platform.wanted}
    try:
        records = {str(each.installation): each for each in await store.find_all(cluster)}
    except Forbidden:  # whoever sees some namespaces alone is told of the file's own
        records = {}
    spaces = {space for space, _ in named if space}
    for space, name in named:
        spaces |= _required(f"{space}/{name}", records)
    return tuple(sorted(spaces))


def _required(name: str, records: Mapping[str, Record]) -> set[str]:
    """The namespaces of an installation and of all that it requires."""
    spaces: set[str] = set()
    left, seen = [name], {name}
    while left:
        record = records.get(left.pop())
        if record is None:
            continue
        spaces.add(record.installation.namespace)
        more = set(record.requires.values()) - seen
        left += more
        seen |= more
    return spaces
