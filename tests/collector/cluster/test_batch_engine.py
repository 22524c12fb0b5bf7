"""An engine that is fed: batches come from any thread, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sockfleet.collector.cluster.batch_engine import BatchEngine
from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome_codec import decode_outcome
from tests.support.fleet.fake_transport import FakeTransport, good, hosts

NAMES = [f"h{n}" for n in range(20)]
HOSTS = hosts(*NAMES)
WAIT_S = 60  # of a test that would hang: far beyond what any of these takes


class Gate:
    """A host that answers only once it may."""

    def __init__(self):
        self.begun = threading.Event()
        self.open = threading.Event()

    async def __call__(self, attempt, command):
        self.begun.set()
        await asyncio.to_thread(self.open.wait, WAIT_S)
        return await good(attempt, command)


class Fed:
    """A started engine and when it ended."""

    def __init__(self, idle_s=WAIT_S, transport=None, **settings):
        self.ended = threading.Event()
        self.transport = transport or FakeTransport()
        self.engine = BatchEngine(
            EngineSettings(**settings), transports={"asyncssh": self.transport}, idle_s=idle_s
        )
        self.engine.start(self.ended.set)

    def take(self, *indexes):
        return self.engine.take({index: HOSTS[index] for index in indexes})

    def outcomes(self, batch):
        lines, _ = self.engine.collected(batch)
        return dict(decode_outcome(line, HOSTS) for line in lines)

    def asked(self, *indexes):
        batch = self.take(*indexes)
        assert batch.ended.wait(WAIT_S)
        return self.outcomes(batch)


@pytest.fixture
def fed():
    engines = []

    def make(**how):
        engines.append(Fed(**how))
        return engines[-1]

    yield make
    for each in engines:
        each.engine.end("the end of the test")
        assert each.ended.wait(WAIT_S)


def test_batches_come_one_after_the_other_and_each_gets_its_own(fed):
    engine = fed()
    assert engine.asked(0, 1, 2).keys() == {0, 1, 2}
    assert engine.asked(3).keys() == {3}
    assert set(engine.transport.attempts.values()) == {1}


def test_an_empty_batch_has_ended(fed):
    batch = fed().take()
    assert batch.begun.is_set()
    assert batch.ended.is_set()


def test_a_batch_has_begun_when_each_has_its_slot_and_late_hosts_are_waited_for_again(fed):
    gate = Gate()
    engine = fed(concurrency=2, transport=FakeTransport(h1=gate, h2=gate))
    first = engine.take(0, 1)
    assert first.begun.wait(WAIT_S)
    second = engine.take(2, 3)
    assert not second.begun.is_set()  # 0 made room for 2, and 3 waits behind 1 and 2
    gate.open.set()
    assert second.begun.wait(WAIT_S)
    assert first.ended.wait(WAIT_S)
    assert second.ended.wait(WAIT_S)
    assert engine.outcomes(first).keys() == {0, 1}
    assert engine.outcomes(second).keys() == {2, 3}


def test_what_is_under_way_is_not_asked_anew(fed):
    gate = Gate()
    engine = fed(transport=FakeTransport(h1=gate))
    first = engine.take(0, 1)
    assert gate.begun.wait(WAIT_S)
    again = engine.take(1)
    assert again.begun.is_set()
    gate.open.set()
    assert first.ended.wait(WAIT_S)
    assert again.ended.wait(WAIT_S)
    assert engine.transport.attempts["h1"] == 1
    # Whoever collects first has it: a host's outcome leaves once.
    assert [*engine.outcomes(again), *engine.outcomes(first)].count(1) == 1


def test_what_has_ended_and_was_not_collected_is_there_for_the_next(fed):
    engine = fed()
    batch = engine.take(0)
    assert batch.ended.wait(WAIT_S)
    again = engine.take(0)
    assert again.ended.is_set()
    assert engine.outcomes(again).keys() == {0}
    assert engine.transport.attempts["h0"] == 1


def test_an_end_with_a_reason_cuts_off_and_accounts_for_every_host(fed):
    gate = Gate()
    engine = fed(concurrency=1, transport=FakeTransport(h0=gate))
    batch = engine.take(0, 1, 2)
    assert gate.begun.wait(WAIT_S)
    engine.engine.end("SIGINT")
    assert batch.ended.wait(WAIT_S)
    gate.open.set()
    outcomes = engine.outcomes(batch)
    assert outcomes.keys() == {0, 1, 2}
    assert {outcome.category for outcome in outcomes.values()} == {Category.NOT_ATTEMPTED}
    assert "cut off by SIGINT" in outcomes[0].message
    assert "not begun: stopped by SIGINT" in outcomes[2].message
    assert engine.take(3) is None
    assert engine.ended.wait(WAIT_S)


def test_an_end_before_the_start_holds():
    ended = threading.Event()
    engine = BatchEngine(EngineSettings(), transports={"asyncssh": FakeTransport()})
    batch = engine.take({0: HOSTS[0]})
    engine.end("SIGTERM")
    engine.start(ended.set)
    assert batch.ended.wait(WAIT_S)
    assert ended.wait(WAIT_S)
    lines, _ = engine.collected(batch)
    assert b"not begun: stopped by SIGTERM" in lines[0]


def test_an_end_without_a_reason_lets_what_was_taken_end(fed):
    gate = Gate()
    engine = fed(transport=FakeTransport(h0=gate))
    batch = engine.take(0)
    assert gate.begun.wait(WAIT_S)
    engine.engine.end(None)
    gate.open.set()
    assert engine.ended.wait(WAIT_S)
    assert engine.outcomes(batch)[0].sockstat is not None


def test_an_idle_engine_ends_by_itself_and_one_that_works_does_not(fed):
    gate = Gate()
    engine = fed(idle_s=0.01, transport=FakeTransport(h0=gate))
    batch = engine.take(0)
    if batch is not None:  # it may have been idle too long already on a busy machine
        assert gate.begun.wait(WAIT_S)
        assert not engine.ended.wait(0.1)
        gate.open.set()
        assert batch.ended.wait(WAIT_S)
    assert engine.ended.wait(WAIT_S)
    assert engine.take(1) is None


def test_a_deadline_that_has_passed_is_told_for_every_host(fed):
    engine = fed(deadline_s=1.0, deadline_spent_s=2.0)
    batch = engine.take(0, 1)
    if batch is None:
        return  # it has ended first, and `ask` gives the hosts to another
    assert batch.ended.wait(WAIT_S)
    outcomes = engine.outcomes(batch)
    assert {outcome.category for outcome in outcomes.values()} == {Category.NOT_ATTEMPTED}
    assert all("deadline of 1 s" in outcome.message for outcome in outcomes.values())


def test_an_engine_that_fails_accounts_for_its_hosts(fed):
    engine = fed()
    broken = hosts("x", transport="no-such-transport")[0]
    batch = engine.engine.take({0: broken})
    assert batch.ended.wait(WAIT_S)
    lines, _ = engine.engine.collected(batch)
    assert b"no-such-transport" in lines[0]
    assert decode_outcome(lines[0], HOSTS)[1].category in set(Category)


def test_many_threads_at_once_lose_and_double_nothing(fed):
    engine = fed(concurrency=3)
    found = []

    def work(n):
        found.append(engine.asked(2 * n, 2 * n + 1))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(index for outcomes in found for index in outcomes) == list(range(20))
