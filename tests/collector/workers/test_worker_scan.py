"""A shard: an engine whose outcomes leave as encoded lines, in any thread, until it is stopped."""

import asyncio
import threading

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome_codec import decode_outcome
from sockfleet.collector.workers.worker_scan import WorkerScan
from sockfleet.inventory.models import Host
from tests.support.fleet.fake_transport import FakeTransport

HOSTS = [Host(name=f"h{n}", address=f"10.0.0.{n}") for n in range(250)]


def stalling(begun):
    async def script(attempt, command):
        begun.set()
        await asyncio.get_running_loop().create_future()

    return script


def run(shard):
    """The batches and the end of a shard that runs in a thread of its own, as in a Dask worker."""
    batches, ends = [], []

    def work():
        try:
            ends.append(shard.run(batches.append))
        except Exception as error:
            ends.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, batches, ends


def shard(transport, hosts=HOSTS, **settings):
    # Numbered from behind: the index is the receiver's and no count of the engine's.
    numbered = iter(sorted(enumerate(hosts), reverse=True))
    return WorkerScan(numbered, EngineSettings(**settings), transports={"asyncssh": transport})


def test_every_host_leaves_once_in_batches():
    transport = FakeTransport()
    thread, batches, ends = run(shard(transport))
    thread.join()
    outcomes = [decode_outcome(line, HOSTS) for batch in batches for line in batch]
    assert sorted(index for index, _ in outcomes) == list(range(len(HOSTS)))
    assert all(outcome.host is HOSTS[index] for index, outcome in outcomes)
    assert len(batches) <= 50
    assert transport.closed
    (end,) = ends
    assert (end.complete, end.notes) == (True, ())


def test_a_single_outcome_does_not_wait_for_a_batch():
    """One host has ended, the other never will: the first is sent all the same."""
    sent = threading.Event()
    one = shard(FakeTransport(h1=stalling(threading.Event())), HOSTS[:2])
    batches = []

    def send(batch):
        batches.append(batch)
        one.stop("the test")

    thread = threading.Thread(target=lambda: (one.run(send), sent.set()))
    thread.start()
    thread.join()
    assert sent.is_set()
    outcomes = [decode_outcome(batch[0], HOSTS)[1] for batch in batches]
    assert outcomes[0].host is HOSTS[0]
    assert outcomes[1].category is Category.NOT_ATTEMPTED
    assert "cut off by the test" in outcomes[1].message


def test_stopped_from_another_thread_every_host_is_accounted_for():
    begun = threading.Event()
    one = shard(FakeTransport(h249=stalling(begun)), concurrency=1)
    thread, batches, ends = run(one)
    begun.wait()
    one.stop("the client")
    thread.join()
    lines = [line for batch in batches for line in batch]
    assert sorted(decode_outcome(line, HOSTS)[0] for line in lines) == list(range(250))
    assert not ends[0].complete
    one.stop("nobody")  # it is over: without effect, and no error


def test_stopped_before_the_run_nobody_is_asked():
    transport = FakeTransport()
    one = shard(transport)
    one.stop("the client")
    thread, batches, ends = run(one)
    thread.join()
    assert not transport.attempts
    assert sum(map(len, batches)) == 250
    assert not ends[0].complete


def test_a_part_of_the_deadline_may_be_spent():
    one = shard(FakeTransport(), HOSTS[:3], deadline_s=50.0, deadline_spent_s=60.0)
    thread, batches, ends = run(one)
    thread.join()
    assert not ends[0].complete
    for line in batches[0]:
        assert "deadline of 50 s" in decode_outcome(line, HOSTS)[1].message


@pytest.mark.parametrize("hosts", [1, 250])
def test_what_sending_raises_ends_the_run(hosts):
    def send(batch):
        raise ConnectionError("the client went away")

    stalled = stalling(threading.Event())
    one = shard(FakeTransport(h0=stalled) if hosts > 1 else FakeTransport(), HOSTS[:hosts])
    with pytest.raises(ConnectionError, match="went away"):
        one.run(send)
