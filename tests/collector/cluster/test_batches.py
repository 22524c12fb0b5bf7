"""Which hosts go to Dask's workers together: all of them, once, and limits hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.cluster.batches import (
    FEWEST_HOSTS,
    MOST_HOSTS,
    MOVES,
    HostBatch,
    make_batches,
)
from sockfleet.collector.errors import Category
from sockfleet.collector.pacing.schedule import caps_of
from sockfleet.inventory.models import Hop, Host, SshSettings

PATIENCE_S = 10.0
EU = {"tcp://w1": frozenset({"eu"})}


def made(region=None, caps=(), bastion=None):
    jumps = (Hop(address=bastion, ssh=SshSettings()),) if bastion else ()
    return Host(
        name="h", address="h", region=region, caps=tuple(caps), ssh=SshSettings(jumps=jumps)
    )


some_hosts = st.lists(
    st.builds(
        made,
        st.sampled_from([None, "eu", "us"]),
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), max_size=2),
        st.sampled_from([None, None, "b1", "b2"]),
    ),
    max_size=300,
)


@given(some_hosts, st.data())
def test_every_host_is_in_one_handful_of_its_region_and_shared_limits_are_not_parted(hosts, data):
    indexes = [i for i in range(len(hosts)) if data.draw(st.integers(0, 9)) or not i]
    handfuls = list(make_batches(hosts, indexes, bastion_connections=5))
    assert sorted(index for handful in handfuls for index in handful.left) == indexes
    holders = {}
    for handful in handfuls:
        assert {hosts[index].region for index in handful.left} == {handful.region}
        for index in handful.left:
            for name, _ in caps_of(hosts[index], 5):
                # Two regions are two networks: the limit of each is its own.
                assert holders.setdefault((handful.region, name), handful) is handful


def test_a_small_fleet_is_parted_and_a_large_one_costs_few_tasks():
    sizes = {
        count: {
            len(h.left) for h in make_batches([made()] * count, range(count), bastion_connections=5)
        }
        for count in (5, 100, 640, 100_000)
    }
    assert sizes == {5: {5}, 100: {FEWEST_HOSTS}, 640: {20}, 100_000: {MOST_HOSTS}}


def test_regions_take_turns():
    hosts = [made(region="eu")] * 40 + [made(region="us")] * 20
    regions = [handful.region for handful in make_batches(hosts, range(60), bastion_connections=5)]
    assert regions[:4] == ["eu", "us", "eu", "us"]


def test_a_region_that_nobody_serves_is_given_up_after_a_while_and_named():
    handful = HostBatch({1}, "ap")
    assert not handful.is_stuck(EU, 100.0, patience_s=PATIENCE_S)
    assert not handful.is_stuck(EU, 109.0, patience_s=PATIENCE_S)
    assert handful.given_up is None
    assert handful.is_stuck(EU, 110.0, patience_s=PATIENCE_S)
    category, why = handful.given_up
    assert category is Category.NOT_ATTEMPTED
    assert 'dask worker --resources "ap=1"' in why


def test_a_worker_that_comes_in_time_serves_the_region():
    handful = HostBatch({1}, "eu")
    assert not handful.is_stuck({}, 100.0, patience_s=PATIENCE_S)
    assert not handful.is_stuck(EU, 109.0, patience_s=PATIENCE_S)
    assert not handful.is_stuck({}, 111.0, patience_s=PATIENCE_S)  # its patience begins anew
    assert handful.given_up is None


def test_hosts_without_a_region_take_any_worker():
    handful = HostBatch({1}, None)
    assert not handful.is_stuck(EU, 100.0, patience_s=0.0)
    assert handful.is_stuck({}, 100.0, patience_s=0.0)
    assert "has no worker" in handful.given_up[1]


def test_hosts_whose_worker_is_gone_move_but_not_for_ever():
    handful = HostBatch({1}, "eu", worker="tcp://gone")
    assert handful.is_stuck(EU, 100.0, patience_s=PATIENCE_S)
    for _ in range(MOVES):
        handful.move()
        assert handful.worker is None
        assert handful.given_up is None
    handful.move()
    category, why = handful.given_up
    assert category is Category.LOCAL_RESOURCE
    assert "4 Dask workers were lost" in why
