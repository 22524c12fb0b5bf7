"""Every host is dealt once, and limits that hosts share hold for the run as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.pacing.partition import MOST_UNITS, UNIT_HOSTS, partition, share
from sockfleet.collector.pacing.schedule import caps_of
from sockfleet.inventory.models import Hop, Host, SshSettings

groups = st.sampled_from([("a", 1), ("b", 2), ("c", 5), ("d", 40)])
bastions = st.sampled_from([None, "10.9.9.1", "10.9.9.2"])


def host(caps, bastion):
    hops = () if bastion is None else (Hop(address=bastion, ssh=SshSettings()),)
    return Host(name="h", address="h", caps=tuple(caps), ssh=SshSettings(jumps=hops))


hosts = st.lists(
    st.builds(host, st.lists(groups, max_size=2, unique=True), bastions), min_size=1, max_size=80
)


@given(hosts, st.integers(1, 5), st.integers(1, 8))
def test_every_host_once_and_no_limit_exceeded(fleet, workers, bastion_connections):
    deal = partition(fleet, workers, bastion_connections=bastion_connections)
    dealt = [index for part in (*deal.units, *deal.own) for index in part]
    assert sorted(dealt) == list(range(len(fleet)))
    assert len(deal.own) == workers
    unit_of = {index: number for number, unit in enumerate(deal.units) for index in unit}
    shares = [deal.shares(worker) for worker in range(workers)]
    for name, most in {c for each in fleet for c in caps_of(each, bastion_connections)}:
        having = [
            index
            for index, each in enumerate(fleet)
            if name in dict(caps_of(each, bastion_connections))
        ]
        if name in deal.shared:
            assert sum(share[name] for share in shares) == most
            assert all(share[name] >= 1 for share in shares)
            assert not set(having) & set(unit_of)
        else:  # all of them go to whoever takes the unit
            assert len({unit_of[index] for index in having}) == 1


@given(st.integers(1, 10**6), st.integers(1, 64))
def test_shares_are_even_and_add_up(whole, workers):
    shares = [share(whole, worker, workers) for worker in range(workers)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1


def test_hosts_without_limits_come_in_small_units_in_their_order():
    deal = partition([host((), None)] * 100, 4, bastion_connections=8)
    assert [index for unit in deal.units for index in unit] == list(range(100))
    assert {len(unit) for unit in deal.units} <= {UNIT_HOSTS, 100 % UNIT_HOSTS}
    assert not any(deal.own)


def test_a_bastion_with_a_fair_part_of_the_hosts_stays_with_one_worker():
    fleet = [host((), f"10.9.9.{n % 4}") for n in range(100)]
    deal = partition(fleet, 4, bastion_connections=64)
    assert [len(unit) for unit in deal.units] == [25] * 4
    assert deal.shared == {}


def test_a_bastion_with_all_hosts_is_shared_by_all_workers():
    deal = partition([host((), "10.9.9.1")] * 100, 3, bastion_connections=64)
    assert [len(part) for part in deal.own] == [34, 33, 33]
    assert [deal.shares(worker)["bastion 10.9.9.1:22"] for worker in range(3)] == [22, 21, 21]


def test_a_limit_too_small_to_share_keeps_its_hosts_together():
    deal = partition([host([("a", 1)], None)] * 100, 3, bastion_connections=64)
    assert [len(unit) for unit in deal.units] == [100]


@pytest.mark.parametrize("hosts", [1, 16, 8001, 123_457])
@pytest.mark.parametrize("limited", ["none", "each", "half"])
def test_the_units_fit_into_one_page_of_numbers(hosts, limited):
    """Each limited host has a limit of its own: a part of its own, and not one unit for each."""

    def one(number):
        is_limited = limited == "each" or (limited == "half" and number % 2)
        return host([(f"g{number}", 3)] if is_limited else (), None)

    deal = partition([one(number) for number in range(hosts)], 3, bastion_connections=8)
    assert len(deal.units) <= MOST_UNITS + 2
    assert sum(map(len, [*deal.units, *deal.own])) == hosts
