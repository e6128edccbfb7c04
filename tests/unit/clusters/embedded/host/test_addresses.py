from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from skill_runner.clusters.embedded.host.addresses import LINKS, PODS, choose_addresses
from skill_runner.errors import ClusterLifecycleError


def test_first_choice_on_a_quiet_machine() -> None:
    chosen = choose_addresses([IPv4Network("192.0.2.0/24")], [])
    assert (chosen.interface, chosen.host, chosen.node) == ("skill0", "100.64.7.1", "100.64.7.2")
    assert (chosen.pods, chosen.node_pods) == ("10.244.0.0/16", "10.244.0.0/24")
    assert (chosen.service(1), chosen.egress) == ("10.96.0.1", "10.0.2.0/24")


@pytest.mark.parametrize(
    ("taken", "changed", "expected"),
    [
        ("10.244.7.0/24", "pods", "10.245.0.0/16"),
        ("10.96.0.0/12", "services", "10.112.0.0/16"),
        ("10.0.2.15/32", "egress", "10.0.3.0/24"),
        ("100.64.7.0/24", "link", "100.64.8.0/30"),
    ],
)
def test_what_overlaps_is_passed_over(taken: str, changed: str, expected: str) -> None:
    chosen = choose_addresses([IPv4Network(taken)], [])
    assert getattr(chosen, changed) == expected


def test_an_interface_in_use_is_passed_over() -> None:
    assert choose_addresses([], ["skill0"]).interface == "skill1"


def test_nothing_left_is_said() -> None:
    with pytest.raises(ClusterLifecycleError, match="no free address range for the host's link"):
        choose_addresses([IPv4Network("100.64.0.0/10")], [])
    with pytest.raises(ClusterLifecycleError, match="for pods"):
        choose_addresses([IPv4Network("10.0.0.0/8")], [])


def test_candidates_do_not_overlap() -> None:
    assert len(set(LINKS + PODS)) == len(LINKS) + len(PODS)
