"""Each host is in exactly one part, and shared limits hold for the whole run."""

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
def test_each_host_is_in_one_part_and_no_limit_is_exceeded(fleet, workers, bastion_connections):
    parts = partition(fleet, workers, bastion_connections=bastion_connections)
    indexes = [index for part in (*parts.units, *parts.own) for index in part]
    assert sorted(indexes) == list(range(len(fleet)))
    assert len(parts.own) == workers
    unit_of = {index: number for number, unit in enumerate(parts.units) for index in unit}
    shares = [parts.shares(worker) for worker in range(workers)]
    for name, most in {c for each in fleet for c in caps_of(each, bastion_connections)}:
        having = [
            index
            for index, each in enumerate(fleet)
            if name in dict(caps_of(each, bastion_connections))
        ]
        if name in parts.shared:
            assert sum(share[name] for share in shares) == most
            assert all(share[name] >= 1 for share in shares)
            assert not set(having) & set(unit_of)
        else:  # one worker takes all of them
            assert len({unit_of[index] for index in having}) == 1


@given(st.integers(1, 10**6), st.integers(1, 64))
def test_shares_are_even_and_add_up(whole, workers):
    shares = [share(whole, worker, workers) for worker in range(workers)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1


def test_hosts_without_limits_form_small_units_in_their_order():
    parts = partition([host((), None)] * 100, 4, bastion_connections=8)
    assert [index for unit in parts.units for index in unit] == list(range(100))
    assert {len(unit) for unit in parts.units} <= {UNIT_HOSTS, 100 % UNIT_HOSTS}
    assert not any(parts.own)


def test_a_bastion_of_few_enough_hosts_stays_with_one_worker():
    fleet = [host((), f"10.9.9.{n % 4}") for n in range(100)]
    parts = partition(fleet, 4, bastion_connections=64)
    assert [len(unit) for unit in parts.units] == [25] * 4
    assert parts.shared == {}


def test_a_bastion_of_all_hosts_is_divided_between_the_workers():
    parts = partition([host((), "10.9.9.1")] * 100, 3, bastion_connections=64)
    assert [len(part) for part in parts.own] == [34, 33, 33]
    assert [parts.shares(worker)["bastion 10.9.9.1:22"] for worker in range(3)] == [22, 21, 21]


def test_a_limit_too_small_to_share_keeps_its_hosts_together():
    parts = partition([host([("a", 1)], None)] * 100, 3, bastion_connections=64)
    assert [len(unit) for unit in parts.units] == [100]


@pytest.mark.parametrize("hosts", [1, 16, 8001, 123_457])
@pytest.mark.parametrize("limited", ["none", "each", "half"])
def test_the_units_fit_into_one_page_of_numbers(hosts, limited):
    """A host with a limit of its own is a part of its own; units join many such parts."""

    def one(number):
        is_limited = limited == "each" or (limited == "half" and number % 2)
        return host([(f"g{number}", 3)] if is_limited else (), None)

    parts = partition([one(number) for number in range(hosts)], 3, bastion_connections=8)
    assert len(parts.units) <= MOST_UNITS + 2
    assert sum(map(len, [*parts.units, *parts.own])) == hosts
