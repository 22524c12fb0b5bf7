"""From a host's numbers to words: each at its threshold, and properties for any numbers."""

import shlex
import subprocess
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.aggregator.diagnosis import Severity, Word
from sockfleet.aggregator.namespaces import NamespaceSummary
from sockfleet.aggregator.thresholds import Thresholds
from tests.support.docs.evidence import Evidence, diagnose

QUIET = Evidence(
    alloc=1000,
    tw=3,
    orphan=0,
    mem_pages=40,
    closed=8,
    tcp_close=5,
    is_bound=False,
    tcp_mem=(3000, 4000, 6000),
    tcp_max_orphans=1000,
)


def namespace(inode, tcp_close_max, *, host=False, pid=1):
    return NamespaceSummary(inode=inode, host=host, pid=pid, inuse=0, tcp_close_max=tcp_close_max)


def words(evidence, **thresholds):
    return [one.word for one in diagnose(evidence, Thresholds(**thresholds))]


def changed(**numbers):
    return words(replace(QUIET, **numbers))


def test_usual_numbers_are_normal():
    (one,) = diagnose(QUIET, Thresholds())
    assert (one.word, one.severity) == (Word.NORMAL, Severity.OK)
    assert one.because == {"tcp_close": 5, "alloc": 1000}


def test_an_absent_number_leads_to_no_word():
    assert diagnose(Evidence(), Thresholds()) == ()
    assert changed(tcp_close=None) == []
    assert words(Evidence(mem_pages=9**9, orphan=9**9, tcp_close=9**9, tw=9**9)) == []


@pytest.mark.parametrize(
    ("numbers", "word", "severity", "because"),
    [
        ({"mem_pages": 4000}, Word.NORMAL, Severity.OK, {"tcp_close": 5, "alloc": 1000}),
        (
            {"mem_pages": 4001},
            Word.MEM_PRESSURE,
            Severity.WARNING,
            {"mem_pages": 4001, "tcp_mem_pressure": 4000},
        ),
        (
            {"mem_pages": 5401},
            Word.MEM_HIGH,
            Severity.CRITICAL,
            {"mem_pages": 5401, "tcp_mem_high": 6000},
        ),
        ({"orphan": 250}, Word.NORMAL, Severity.OK, {"tcp_close": 5, "alloc": 1000}),
        ({"orphan": 251}, Word.ORPHANS, Severity.WARNING, {"orphan": 251, "tcp_max_orphans": 1000}),
        (
            {"orphan": 501},
            Word.ORPHANS,
            Severity.CRITICAL,
            {"orphan": 501, "tcp_max_orphans": 1000},
        ),
        ({"tcp_close": 99}, Word.NORMAL, Severity.OK, {"tcp_close": 99, "alloc": 1000}),
        (
            {"tcp_close": 100},
            Word.HELD_CLOSED,
            Severity.WARNING,
            {"tcp_close": 100, "alloc": 1000},
        ),
        (
            {"tcp_close": 100, "is_bound": True},
            Word.HELD_CLOSED,
            Severity.NOTICE,
            {"tcp_close": 100, "alloc": 1000},
        ),
        (
            {"tcp_close": 100, "alloc": 2001},
            Word.NORMAL,
            Severity.OK,
            {"tcp_close": 100, "alloc": 2001},
        ),
        ({"tw": 100, "closed": 105}, Word.TIME_WAIT, Severity.OK, {"tw": 100, "closed": 105}),
        ({"tw": 99, "closed": 104}, Word.NORMAL, Severity.OK, {"tcp_close": 5, "alloc": 1000}),
        ({"tcp_close": -2}, Word.NORMAL, Severity.OK, {"tcp_close": -2, "alloc": 1000}),
    ],
)
def test_each_word_holds_from_its_threshold_on(numbers, word, severity, because):
    (one,) = diagnose(replace(QUIET, **numbers), Thresholds())
    assert (one.word, one.severity, one.because) == (word, severity, because)


def test_the_most_severe_word_comes_first():
    assert changed(mem_pages=4001, orphan=501, tcp_close=600, tw=700, closed=1300) == [
        Word.ORPHANS,
        Word.MEM_PRESSURE,
        Word.HELD_CLOSED,
        Word.TIME_WAIT,
    ]


def test_an_idle_host_with_time_wait_only():
    numbers = Evidence(alloc=9, tw=405, closed=405, tcp_close=0, is_bound=False)
    assert words(numbers) == [Word.TIME_WAIT]


def test_a_threshold_changes_its_word():
    assert words(QUIET, held_sockets=5, held_share=0.0) == [Word.HELD_CLOSED]
    assert words(QUIET, tw_sockets=1, tw_share=0.1) == [Word.TIME_WAIT]
    assert words(QUIET, mem_pressure_share=0.001) == [Word.MEM_PRESSURE]
    assert words(QUIET, mem_high_share=0.001) == [Word.MEM_HIGH]
    assert words(replace(QUIET, orphan=1), orphans_warning_share=0.0) == [Word.ORPHANS]
    assert words(replace(QUIET, tcp_close=0), held_sockets=0, held_share=0.0) == [Word.NORMAL]


# A measured machine: 100 closed in the host's namespace, 500 and 250 in two others; the
# bounds there were 101, 500 and 257.
MEASURED = Evidence(
    alloc=913,
    tw=40,
    closed=911,
    tcp_close=850,
    is_bound=False,
    namespaces=(
        namespace(1, 101, host=True, pid=7),
        namespace(2, 500, pid=20),
        namespace(3, 257, pid=30),
    ),
)


def test_a_minority_in_other_namespaces_is_held_closed():
    """700 + 300 in the host's namespace, 150 in another: container-held is "most elsewhere"."""
    evidence = Evidence(
        alloc=1200,
        tcp_close=1150,
        is_bound=False,
        namespaces=(namespace(1, 1000, host=True, pid=7), namespace(2, 150, pid=9)),
    )
    assert words(evidence) == [Word.HELD_CLOSED]


def test_container_held_names_the_namespace_that_may_hold_the_most():
    first, second = diagnose(MEASURED, Thresholds())
    assert (first.word, first.severity) == (Word.CONTAINER_HELD, Severity.WARNING)
    assert first.because == {
        "tcp_close": 850,
        "alloc": 913,
        "elsewhere_min": 749,
        "tcp_close_max": 500,
        "namespace": 2,
        "pid": 20,
    }
    assert "nsenter -t 20 -n" in first.next
    assert second.word == Word.HELD_CLOSED
    assert second.next == first.next


def test_held_closed_names_the_namespace_that_may_hold_the_most():
    own = replace(MEASURED, namespaces=(namespace(1, 700, host=True, pid=7), namespace(2, 300)))
    [found] = diagnose(own, Thresholds())
    assert found.word == Word.HELD_CLOSED
    assert "nsenter -t 7 -n" in found.next
    one = replace(MEASURED, namespaces=(namespace(1, 850, host=True, pid=7),))
    assert diagnose(one, Thresholds())[0].next.startswith("sudo lsof -nP | ")


@pytest.mark.parametrize(
    "numbers",
    [
        {"is_bound": True},
        {"namespaces": None},
        {"namespaces": ()},
        {"namespaces": (namespace(1, 101, host=True),)},
        {"namespaces": (namespace(1, None, host=True), namespace(2, 500))},
        {"namespaces": (namespace(2, 500), namespace(3, 257))},
        {"namespaces": (namespace(1, 800, host=True), namespace(2, 500))},
    ],
)
def test_container_held_only_where_the_numbers_prove_it(numbers):
    assert Word.CONTAINER_HELD not in words(replace(MEASURED, **numbers))


def test_a_namespace_without_a_bound_is_the_first_suspect():
    unknown = replace(MEASURED, namespaces=(*MEASURED.namespaces, namespace(4, None, pid=40)))
    first, *_ = diagnose(unknown, Thresholds())
    assert (first.because["pid"], "tcp_close_max" in first.because) == (40, False)


@given(st.integers(0, 10**5), st.lists(st.integers(0, 10**5), min_size=1, max_size=4), st.data())
def test_the_minimum_of_containers_never_exceeds_what_they_hold(own, others, data):
    """For counts below the bounds the minimum never exceeds the true number."""
    slack = data.draw(st.lists(st.integers(0, 50), min_size=len(others) + 1, max_size=8))
    held = own + sum(others)
    seen = [namespace(1, own + slack[0], host=True)]
    seen += [namespace(2 + n, count + slack[1 + n]) for n, count in enumerate(others)]
    evidence = Evidence(alloc=held + 20, tcp_close=held, is_bound=False, namespaces=seen)
    for one in diagnose(evidence, Thresholds()):
        if one.word == Word.CONTAINER_HELD:
            assert 100 <= one.because["elsewhere_min"] <= sum(others)


numbers = st.none() | st.integers(-(2**42), 2**42)
evidences = st.builds(
    Evidence,
    alloc=numbers,
    tw=numbers,
    orphan=numbers,
    mem_pages=numbers,
    closed=numbers,
    tcp_close=numbers,
    is_bound=st.booleans(),
    tcp_mem=st.none() | st.tuples(*[st.integers(0, 2**63 - 1)] * 3),
    tcp_max_orphans=st.none() | st.integers(0, 2**63 - 1),
    namespaces=st.none()
    | st.lists(
        st.builds(
            NamespaceSummary,
            inode=st.integers(1),
            host=st.booleans(),
            pid=st.integers(1, 2**22),
            inuse=st.integers(0),
            tcp_close_max=st.none() | st.integers(0, 2**42),
        ),
        max_size=4,
    ),
)


@given(evidences)
def test_words_come_in_order_and_once_for_any_numbers(evidence):
    found = diagnose(evidence, Thresholds())
    ranks = [(list(Severity).index(d.severity), list(Word).index(d.word)) for d in found]
    assert ranks == sorted(set(ranks))
    assert len({one.word for one in found}) == len(found)
    given_numbers = {getattr(evidence, field.name) for field in fields(Evidence)[:6]}
    for one in found:
        assert one.because
        assert given_numbers & set(one.because.values())
        assert one.next.isprintable()
    if Word.NORMAL in [one.word for one in found]:
        assert len(found) == 1
        assert evidence.tcp_close is not None


@given(evidences, st.sampled_from(["alloc", "tw", "orphan", "mem_pages", "tcp_close"]))
def test_a_missing_number_never_adds_a_word(evidence, name):
    less = set(words(replace(evidence, **{name: None})))
    assert less - set(words(evidence)) <= {Word.NORMAL}


@given(evidences)
def test_a_shell_can_parse_every_command(evidence):
    for one in diagnose(evidence, Thresholds()):
        check = subprocess.run(["sh", "-n", "-c", one.next], check=False, capture_output=True)
        assert (check.returncode, check.stderr) == (0, b""), one.next
        assert shlex.split(one.next)
