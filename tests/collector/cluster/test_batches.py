"""Batches for Dask workers hold each host once, and shared limits hold."""

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


def make_host(region=None, caps=(), bastion=None):
    jumps = (Hop(address=bastion, ssh=SshSettings()),) if bastion else ()
    return Host(
        name="h", address="h", region=region, caps=tuple(caps), ssh=SshSettings(jumps=jumps)
    )


some_hosts = st.lists(
    st.builds(
        make_host,
        st.sampled_from([None, "eu", "us"]),
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), max_size=2),
        st.sampled_from([None, None, "b1", "b2"]),
    ),
    max_size=300,
)


@given(some_hosts, st.data())
def test_each_host_is_in_one_batch_of_its_region_with_all_hosts_of_its_limits(hosts, data):
    indexes = [i for i in range(len(hosts)) if data.draw(st.integers(0, 9)) or not i]
    batches = list(make_batches(hosts, indexes, bastion_connections=5))
    assert sorted(index for batch in batches for index in batch.left) == indexes
    holders = {}
    for batch in batches:
        assert {hosts[index].region for index in batch.left} == {batch.region}
        for index in batch.left:
            for name, _ in caps_of(hosts[index], 5):
                # Two regions are two networks: the limit of each is its own.
                assert holders.setdefault((batch.region, name), batch) is batch


def test_a_small_fleet_is_divided_and_a_large_one_needs_few_tasks():
    sizes = {
        count: {
            len(h.left)
            for h in make_batches([make_host()] * count, range(count), bastion_connections=5)
        }
        for count in (5, 100, 640, 100_000)
    }
    assert sizes == {5: {5}, 100: {FEWEST_HOSTS}, 640: {20}, 100_000: {MOST_HOSTS}}


def test_regions_alternate():
    hosts = [make_host(region="eu")] * 40 + [make_host(region="us")] * 20
    regions = [batch.region for batch in make_batches(hosts, range(60), bastion_connections=5)]
    assert regions[:4] == ["eu", "us", "eu", "us"]


def test_a_region_without_a_worker_is_given_up_after_its_patience_and_named():
    batch = HostBatch({1}, "ap")
    assert not batch.is_stuck(EU, 100.0, patience_s=PATIENCE_S)
    assert not batch.is_stuck(EU, 109.0, patience_s=PATIENCE_S)
    assert batch.given_up is None
    assert batch.is_stuck(EU, 110.0, patience_s=PATIENCE_S)
    category, why = batch.given_up
    assert category is Category.NOT_ATTEMPTED
    assert 'dask worker --resources "ap=1"' in why


def test_a_worker_that_joins_in_time_serves_the_region():
    batch = HostBatch({1}, "eu")
    assert not batch.is_stuck({}, 100.0, patience_s=PATIENCE_S)
    assert not batch.is_stuck(EU, 109.0, patience_s=PATIENCE_S)
    assert not batch.is_stuck({}, 111.0, patience_s=PATIENCE_S)  # its patience starts again
    assert batch.given_up is None


def test_hosts_without_a_region_go_to_any_worker():
    batch = HostBatch({1}, None)
    assert not batch.is_stuck(EU, 100.0, patience_s=0.0)
    assert batch.is_stuck({}, 100.0, patience_s=0.0)
    assert "has no worker" in batch.given_up[1]


def test_hosts_of_a_lost_worker_move_a_limited_number_of_times():
    batch = HostBatch({1}, "eu", worker="tcp://gone")
    assert batch.is_stuck(EU, 100.0, patience_s=PATIENCE_S)
    for _ in range(MOVES):
        batch.move()
        assert batch.worker is None
        assert batch.given_up is None
    batch.move()
    category, why = batch.given_up
    assert category is Category.LOCAL_RESOURCE
    assert "4 Dask workers were lost" in why
