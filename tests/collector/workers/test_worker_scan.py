"""A worker's scan: encoded outcomes leave in batches, and one for each host even when stopped."""

import asyncio

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome_codec import decode_outcome
from sockfleet.collector.runtime.event_loop import run_on_event_loop
from sockfleet.collector.workers.worker_scan import WorkerScan
from sockfleet.inventory.models import Host
from tests.support.fleet.fake_transport import FakeTransport

HOSTS = [Host(name=f"h{n}", address=f"10.0.0.{n}") for n in range(250)]


def stalling(begun):
    async def script(attempt, command):
        begun()
        await asyncio.get_running_loop().create_future()

    return script


def make_scan(transport, hosts=HOSTS, **settings):
    # In reverse order: an index belongs to the receiver's list and not to the engine's order.
    numbered = iter(sorted(enumerate(hosts), reverse=True))
    return WorkerScan(numbered, EngineSettings(**settings), transports={"asyncssh": transport})


def run(scan):
    """The batches that a scan sent, and its end."""
    batches = []
    end = run_on_event_loop(scan.run(batches.append))
    return batches, end


def test_every_host_leaves_once_in_batches():
    transport = FakeTransport()
    batches, end = run(make_scan(transport))
    outcomes = [decode_outcome(line, HOSTS) for batch in batches for line in batch]
    assert sorted(index for index, _ in outcomes) == list(range(len(HOSTS)))
    assert all(outcome.host is HOSTS[index] for index, outcome in outcomes)
    assert len(batches) <= 50
    assert transport.closed
    assert (end.complete, end.notes) == (True, ())


def test_a_single_outcome_does_not_wait_for_a_batch():
    """The outcome of one host is sent although the other never ends."""
    scan = make_scan(FakeTransport(h1=stalling(lambda: None)), HOSTS[:2])
    batches = []

    def send(batch):
        batches.append(batch)
        scan.stop("the test")

    run_on_event_loop(scan.run(send))
    outcomes = [decode_outcome(batch[0], HOSTS)[1] for batch in batches]
    assert outcomes[0].host is HOSTS[0]
    assert outcomes[1].category is Category.NOT_ATTEMPTED
    assert "cut off by the test" in outcomes[1].message


def test_a_stopped_scan_sends_an_outcome_for_every_host():
    transport = FakeTransport(h249=stalling(lambda: scan.stop("the supervisor")))
    scan = make_scan(transport, concurrency=1)
    batches, end = run(scan)
    lines = [line for batch in batches for line in batch]
    assert sorted(decode_outcome(line, HOSTS)[0] for line in lines) == list(range(250))
    assert not end.complete
    scan.stop("a late stop")  # no effect, no error


def test_a_scan_stopped_before_its_run_contacts_no_host():
    transport = FakeTransport()
    scan = make_scan(transport)
    scan.stop("the supervisor")
    batches, end = run(scan)
    assert not transport.attempts
    assert sum(map(len, batches)) == 250
    assert not end.complete


def test_the_deadline_counts_what_was_spent_before():
    scan = make_scan(FakeTransport(), HOSTS[:3], deadline_s=50.0, deadline_spent_s=60.0)
    batches, end = run(scan)
    assert not end.complete
    for line in batches[0]:
        assert "deadline of 50 s" in decode_outcome(line, HOSTS)[1].message


@pytest.mark.parametrize("hosts", [1, 250])
def test_an_error_of_send_ends_the_run(hosts):
    def send(batch):
        raise ConnectionError("the supervisor exited")

    transport = FakeTransport(h0=stalling(lambda: None)) if hosts > 1 else FakeTransport()
    with pytest.raises(ConnectionError, match="exited"):
        run_on_event_loop(make_scan(transport, HOSTS[:hosts]).run(send))
