"""Any outcome of a host is decoded as it was encoded; invalid lines are refused."""

from dataclasses import fields
from types import MappingProxyType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sockfleet.collector import outcome_codec
from sockfleet.collector.errors import Category, Phase, UnknownHostKey
from sockfleet.collector.outcome import HostFailure, HostReading
from sockfleet.collector.outcome_codec import OutcomeError, decode_outcome, encode_outcome
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace, Namespaces
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.sockstat import Sockstat
from sockfleet.inventory.models import Host

HOSTS = [Host(name=f"h{n}", address=f"10.0.0.{n}") for n in range(4)]

# The parser accepts up to 20 digits, more than 64 bits; text may contain half a surrogate pair.
counts = st.integers(0, 10**20 - 1) | st.sampled_from([0, 2**63, 2**64 - 1, 2**64])
texts = st.text(st.characters(exclude_categories=()), max_size=20)
names = st.text("abcdefgTCPUDP_6", min_size=1, max_size=8)
seconds = st.floats(0, 1e6, allow_nan=False)


def every_field(kind, **given):
    """A strategy for a data class; it fails unless every field has a strategy."""
    assert {field.name for field in fields(kind)} == set(given)
    return st.builds(kind, **given)


def optional(strategy):
    return st.none() | strategy


def proxy(values):
    return MappingProxyType({name: MappingProxyType(keys) for name, keys in values.items()})


sockstats = every_field(
    Sockstat,
    lines=st.dictionaries(names, st.dictionaries(names, counts, max_size=3), max_size=3).map(proxy),
)
kernels = every_field(
    Kernel,
    release=optional(texts),
    boot_id=optional(texts),
    page_size=optional(counts),
    tcp_mem=optional(st.tuples(counts, counts, counts)),
    tcp_max_orphans=optional(counts),
    file_nr=optional(counts),
    file_max=optional(counts),
    tcp_estab=optional(counts),
)
containers = every_field(Container, runtime=texts, id=texts, pod_uid=optional(texts))
namespaces = every_field(
    Namespaces,
    seen=st.lists(
        every_field(
            Namespace,
            inode=counts,
            netns=optional(counts),
            is_host=st.booleans(),
            pid=counts,
            command=optional(texts),
            container=optional(containers),
            unit=optional(texts),
            inuse=counts,
            inuse6=optional(counts),
            tw=optional(counts),
            used=optional(counts),
            in_protocols=optional(counts),
        ),
        max_size=2,
    ).map(tuple),
    rest_namespaces=counts,
    rest_inuse=counts,
    change=optional(counts),
    allocs=st.lists(counts, max_size=3).map(tuple),
    denied=counts,
    gone=counts,
    unlisted=st.booleans(),
    unwatched=st.booleans(),
    without_process=counts,
    hidden_processes=st.booleans(),
    other_pid_namespace=st.booleans(),
    unknown_pid_namespace=st.booleans(),
    single=st.booleans(),
    unread=optional(texts),
)
processes = every_field(
    Processes,
    seen=st.lists(
        every_field(
            Process,
            pid=counts,
            command=optional(texts),
            arguments=optional(texts),
            user=optional(texts),
            namespace=optional(counts),
            container=optional(containers),
            tcp_close=counts,
            bound=st.booleans(),
            shared=counts,
            open_files=optional(counts),
            open_files_limit=optional(counts),
        ),
        max_size=2,
    ).map(tuple),
    tool=optional(texts),
    exact=st.booleans(),
    denied=counts,
    partial=st.booleans(),
    rest_processes=counts,
    rest_tcp_close=counts,
)
readings = every_field(
    HostReading,
    host=st.sampled_from(HOSTS),
    address=texts,
    attempts=counts,
    elapsed_s=seconds,
    sockstat=sockstats,
    sockstat6=optional(sockstats),
    kernel=kernels,
    namespaces=optional(namespaces),
    processes=optional(processes),
)
failures = every_field(
    HostFailure,
    host=st.sampled_from(HOSTS),
    address=texts,
    attempts=counts,
    elapsed_s=seconds,
    category=st.sampled_from(Category),
    phase=st.sampled_from(Phase),
    message=texts,
    unknown_key=optional(
        every_field(
            UnknownHostKey,
            name=texts,
            port=counts,
            file=texts,
            key=texts,
            where=texts,
            is_jump=st.booleans(),
        )
    ),
)


@given(readings | failures)
def test_an_outcome_is_decoded_as_it_was_encoded(outcome):
    index = HOSTS.index(outcome.host)
    line = encode_outcome(index, outcome)
    assert b"\n" not in line
    found, decoded = decode_outcome(line, HOSTS)
    assert found == index
    assert decoded == outcome
    assert repr(decoded) == repr(outcome)  # also the types: 0 is neither 0.0 nor None
    assert decoded.host is HOSTS[index]


def reading(**instead):
    values = {"sockstat": Sockstat(lines=proxy({"TCP": {"inuse": 0}})), "sockstat6": None}
    values |= {"address": "::1", "attempts": 1, "elapsed_s": 0.0, "kernel": Kernel()} | instead
    return HostReading(host=HOSTS[0], **values)


@pytest.mark.parametrize(
    "unusual",
    [
        reading(sockstat=Sockstat(lines=proxy({"TCP": {"inuse": 2**64}}))),
        reading(address="\ud800"),
        reading(kernel=Kernel(page_size=10**20 - 1)),
    ],
)
def test_values_that_orjson_cannot_write_are_encoded_too(unusual):
    assert encode_outcome(0, unusual).startswith(b" ")
    assert decode_outcome(encode_outcome(0, unusual), HOSTS) == (0, unusual)


@given(st.binary(max_size=40))
@example(b"")
@example(b" ")
@example(b" null")
@example(b'{"outcome":"failure"}')
def test_invalid_bytes_are_refused(data):
    with pytest.raises(OutcomeError):
        decode_outcome(data, HOSTS)


@given(readings | failures, st.data())
def test_a_truncated_line_is_refused(outcome, data):
    line = encode_outcome(0, outcome)
    with pytest.raises(OutcomeError):
        decode_outcome(line[: data.draw(st.integers(0, len(line) - 1))], HOSTS)


@pytest.mark.parametrize("index", [-1, len(HOSTS), 2**70])
def test_an_index_without_a_host_is_refused(index):
    with pytest.raises(OutcomeError):
        decode_outcome(encode_outcome(index, reading()), HOSTS)


def test_the_codec_has_every_field_of_an_outcome():
    pairs = ((outcome_codec._Reading, HostReading), (outcome_codec._Failure, HostFailure))
    for encoded, kind in pairs:
        names_encoded = set(encoded.__struct_fields__) - {"index"} | {"host"}
        assert names_encoded == {field.name for field in fields(kind)}
