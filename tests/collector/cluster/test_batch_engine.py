"""Batches from any thread: each host has one outcome, and no batch waits forever."""

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
WAIT_S = 60  # longer than any of these tests takes; only a hanging one reaches it


class Gate:
    """A host that answers once `open` is set."""

    def __init__(self):
        self.begun = threading.Event()
        self.open = threading.Event()

    async def __call__(self, attempt, command):
        self.begun.set()
        await asyncio.to_thread(self.open.wait, WAIT_S)
        return await good(attempt, command)


class StartedEngine:
    """A running engine, and an event for its end."""

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
        lines, _ = self.engine.collect(batch)
        return dict(decode_outcome(line, HOSTS) for line in lines)

    def contact(self, *indexes):
        batch = self.take(*indexes)
        assert batch.ended.wait(WAIT_S)
        return self.outcomes(batch)


@pytest.fixture
def start():
    engines = []

    def make(**how):
        engines.append(StartedEngine(**how))
        return engines[-1]

    yield make
    for each in engines:
        each.engine.end("the end of the test")
        assert each.ended.wait(WAIT_S)


def test_each_batch_gets_the_outcomes_of_its_own_hosts(start):
    engine = start()
    assert engine.contact(0, 1, 2).keys() == {0, 1, 2}
    assert engine.contact(3).keys() == {3}
    assert set(engine.transport.attempts.values()) == {1}


def test_an_empty_batch_has_ended(start):
    batch = start().take()
    assert batch.begun.is_set()
    assert batch.ended.is_set()


def test_a_batch_has_begun_when_each_host_has_its_slot(start):
    gate = Gate()
    engine = start(concurrency=2, transport=FakeTransport(h1=gate, h2=gate))
    first = engine.take(0, 1)
    assert first.begun.wait(WAIT_S)
    second = engine.take(2, 3)
    assert not second.begun.is_set()  # 2 has the slot of 0; 3 waits for one of 1 and 2
    gate.open.set()
    assert second.begun.wait(WAIT_S)
    assert first.ended.wait(WAIT_S)
    assert second.ended.wait(WAIT_S)
    assert engine.outcomes(first).keys() == {0, 1}
    assert engine.outcomes(second).keys() == {2, 3}


def test_a_host_in_progress_is_not_contacted_again(start):
    gate = Gate()
    engine = start(transport=FakeTransport(h1=gate))
    first = engine.take(0, 1)
    assert gate.begun.wait(WAIT_S)
    again = engine.take(1)
    assert again.begun.is_set()
    gate.open.set()
    assert first.ended.wait(WAIT_S)
    assert again.ended.wait(WAIT_S)
    assert engine.transport.attempts["h1"] == 1
    # The first to collect an outcome gets it.
    assert [*engine.outcomes(again), *engine.outcomes(first)].count(1) == 1


def test_an_outcome_that_was_not_collected_goes_to_the_next_batch(start):
    engine = start()
    batch = engine.take(0)
    assert batch.ended.wait(WAIT_S)
    again = engine.take(0)
    assert again.ended.is_set()
    assert engine.outcomes(again).keys() == {0}
    assert engine.transport.attempts["h0"] == 1


def test_an_end_with_a_reason_gives_every_host_a_failure(start):
    gate = Gate()
    engine = start(concurrency=1, transport=FakeTransport(h0=gate))
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


def test_an_end_before_the_start_is_kept():
    ended = threading.Event()
    engine = BatchEngine(EngineSettings(), transports={"asyncssh": FakeTransport()})
    batch = engine.take({0: HOSTS[0]})
    engine.end("SIGTERM")
    engine.start(ended.set)
    assert batch.ended.wait(WAIT_S)
    assert ended.wait(WAIT_S)
    lines, _ = engine.collect(batch)
    assert b"not begun: stopped by SIGTERM" in lines[0]


def test_an_end_without_a_reason_waits_for_the_hosts_taken(start):
    gate = Gate()
    engine = start(transport=FakeTransport(h0=gate))
    batch = engine.take(0)
    assert gate.begun.wait(WAIT_S)
    engine.engine.end(None)
    gate.open.set()
    assert engine.ended.wait(WAIT_S)
    assert engine.outcomes(batch)[0].sockstat is not None


def test_only_an_idle_engine_ends_by_itself(start):
    gate = Gate()
    engine = start(idle_s=0.01, transport=FakeTransport(h0=gate))
    batch = engine.take(0)
    if batch is not None:  # it may have been idle too long already on a busy machine
        assert gate.begun.wait(WAIT_S)
        assert not engine.ended.wait(0.1)
        gate.open.set()
        assert batch.ended.wait(WAIT_S)
    assert engine.ended.wait(WAIT_S)
    assert engine.take(1) is None


def test_a_passed_deadline_is_in_the_failure_of_every_host(start):
    engine = start(deadline_s=1.0, deadline_spent_s=2.0)
    batch = engine.take(0, 1)
    if batch is None:
        return  # it has ended before; `run_task` starts another engine then
    assert batch.ended.wait(WAIT_S)
    outcomes = engine.outcomes(batch)
    assert {outcome.category for outcome in outcomes.values()} == {Category.NOT_ATTEMPTED}
    assert all("deadline of 1 s" in outcome.message for outcome in outcomes.values())


def test_a_host_taken_while_the_deadline_ends_the_engine_has_the_deadline_as_its_reason(mocker):
    settings = EngineSettings(deadline_s=1.0, deadline_spent_s=2.0)
    engine = BatchEngine(settings, transports={"asyncssh": FakeTransport()})
    run, batches, ended = engine._engine.run, [], threading.Event()

    async def run_and_take(*args):
        await run(*args)
        batches.append(engine.take({0: HOSTS[0]}))

    mocker.patch.object(engine._engine, "run", run_and_take)
    engine.start(ended.set)
    assert ended.wait(WAIT_S)
    assert batches[0].ended.is_set()
    lines, _ = engine.collect(batches[0])
    outcome = decode_outcome(lines[0], HOSTS)[1]
    assert outcome.category is Category.NOT_ATTEMPTED
    assert "deadline of 1 s" in outcome.message


def test_an_engine_that_fails_gives_its_hosts_a_failure(start):
    engine = start()
    broken = hosts("x", transport="no-such-transport")[0]
    batch = engine.engine.take({0: broken})
    assert batch.ended.wait(WAIT_S)
    lines, _ = engine.engine.collect(batch)
    assert b"no-such-transport" in lines[0]
    assert decode_outcome(lines[0], HOSTS)[1].category in set(Category)


def test_many_threads_at_once_get_each_outcome_once(start):
    engine = start(concurrency=3)
    found = []

    def work(n):
        found.append(engine.contact(2 * n, 2 * n + 1))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(index for outcomes in found for index in outcomes) == list(range(20))
