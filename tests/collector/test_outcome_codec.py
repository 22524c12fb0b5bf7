"""Whatever a host's outcome is, it comes out of the codec as it went in."""

from dataclasses import fields
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockfleet.collector import outcome_codec
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure, HostReading
from sockfleet.collector.outcome_codec import OutcomeError, decode_outcome, encode_outcome
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace, Namespaces
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.sockstat import Sockstat
from sockfleet.inventory.models import Host

HOSTS = [Host(name=f"h{n}", address=f"10.0.0.{n}") for n in range(4)]

# The parser takes up to 20 digits, more than 64 bits hold; text may hold half a surrogate pair.
counts = st.integers(0, 10**20 - 1) | st.sampled_from([0, 2**63, 2**64 - 1, 2**64])
texts = st.text(st.characters(exclude_categories=()), max_size=20)
names = st.text("abcdefgTCPUDP_6", min_size=1, max_size=8)
seconds = st.floats(0, 1e6, allow_nan=False)


def whole(kind, **given):
    """Values of a data class with a strategy for every field, so that no field is forgotten."""
    assert {field.name for field in fields(kind)} == set(given)
    return st.builds(kind, **given)


def maybe(strategy):
    return st.none() | strategy


def proxy(values):
    return MappingProxyType({name: MappingProxyType(keys) for name, keys in values.items()})


sockstats = whole(
    Sockstat,
    lines=st.dictionaries(names, st.dictionaries(names, counts, max_size=3), max_size=3).map(proxy),
)
kernels = whole(
    Kernel,
    release=maybe(texts),
    boot_id=maybe(texts),
    page_size=maybe(counts),
    tcp_mem=maybe(st.tuples(counts, counts, counts)),
    tcp_max_orphans=maybe(counts),
    tcp_estab=maybe(counts),
)
containers = whole(Container, runtime=texts, id=texts, pod_uid=maybe(texts))
namespaces = whole(
    Namespaces,
    seen=st.lists(
        whole(
            Namespace,
            inode=counts,
            netns=maybe(counts),
            is_host=st.booleans(),
            pid=counts,
            command=maybe(texts),
            container=maybe(containers),
            inuse=counts,
            inuse6=maybe(counts),
            tw=maybe(counts),
            used=maybe(counts),
            in_protocols=maybe(counts),
        ),
        max_size=2,
    ).map(tuple),
    rest_namespaces=counts,
    rest_inuse=counts,
    change=maybe(counts),
    allocs=st.lists(counts, max_size=3).map(tuple),
    denied=counts,
    gone=counts,
    unlisted=st.booleans(),
    unwatched=st.booleans(),
    without_process=counts,
    hidden_processes=st.booleans(),
    other_pid_namespace=st.booleans(),
)
processes = whole(
    Processes,
    seen=st.lists(
        whole(
            Process,
            pid=counts,
            command=maybe(texts),
            arguments=maybe(texts),
            user=maybe(texts),
            namespace=maybe(counts),
            container=maybe(containers),
            tcp_close=counts,
            bound=st.booleans(),
            shared=counts,
        ),
        max_size=2,
    ).map(tuple),
    tool=maybe(texts),
    exact=st.booleans(),
    denied=counts,
    partial=st.booleans(),
    rest_processes=counts,
    rest_tcp_close=counts,
)
readings = whole(
    HostReading,
    host=st.sampled_from(HOSTS),
    address=texts,
    attempts=counts,
    elapsed_s=seconds,
    sockstat=sockstats,
    sockstat6=maybe(sockstats),
    kernel=kernels,
    namespaces=maybe(namespaces),
    processes=maybe(processes),
)
failures = whole(
    HostFailure,
    host=st.sampled_from(HOSTS),
    address=texts,
    attempts=counts,
    elapsed_s=seconds,
    category=st.sampled_from(Category),
    phase=st.sampled_from(Phase),
    message=texts,
)


@given(readings | failures)
def test_an_outcome_comes_out_as_it_went_in(outcome):
    index = HOSTS.index(outcome.host)
    line = encode_outcome(index, outcome)
    assert b"\n" not in line
    found, decoded = decode_outcome(line, HOSTS)
    assert found == index
    assert decoded == outcome
    assert repr(decoded) == repr(outcome)  # the types within too: 0 is not 0.0, nor None
    assert decoded.host is HOSTS[index]


def reading(**instead):
    values = {"sockstat": Sockstat(proxy({"TCP": {"inuse": 0}})), "sockstat6": None}
    values |= {"address": "::1", "attempts": 1, "elapsed_s": 0.0, "kernel": Kernel()} | instead
    return HostReading(host=HOSTS[0], **values)


@pytest.mark.parametrize(
    "unusual",
    [
        reading(sockstat=Sockstat(proxy({"TCP": {"inuse": 2**64}}))),
        reading(address="\ud800"),
        reading(kernel=Kernel(page_size=10**20 - 1)),
    ],
)
def test_what_orjson_cannot_write_is_written_all_the_same(unusual):
    assert encode_outcome(0, unusual).startswith(b" ")
    assert decode_outcome(encode_outcome(0, unusual), HOSTS) == (0, unusual)


@given(st.binary(max_size=40))
@example(b"")
@example(b" ")
@example(b" null")
@example(b'{"outcome":"failure"}')
def test_garbage_is_refused_by_name(data):
    with pytest.raises(OutcomeError):
        decode_outcome(data, HOSTS)


@given(readings | failures, st.data())
def test_a_line_that_was_cut_is_refused(outcome, data):
    line = encode_outcome(0, outcome)
    with pytest.raises(OutcomeError):
        decode_outcome(line[: data.draw(st.integers(0, len(line) - 1))], HOSTS)


@pytest.mark.parametrize("index", [-1, len(HOSTS), 2**70])
def test_a_host_that_is_not_there_is_refused(index):
    with pytest.raises(OutcomeError):
        decode_outcome(encode_outcome(index, reading()), HOSTS)


def test_a_new_field_of_an_outcome_must_reach_the_wire():
    pairs = ((outcome_codec._Reading, HostReading), (outcome_codec._Failure, HostFailure))
    for wire, kind in pairs:
        on_the_wire = set(wire.__struct_fields__) - {"index"} | {"host"}
        assert on_the_wire == {field.name for field in fields(kind)}
