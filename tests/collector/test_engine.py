"""The engine delivers one outcome per host in time, whatever the transport does."""

import asyncio

import pytest

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostFailure, HostReading
from sockfleet.collector.transport import CommandOutput, TransportSettings
from sockfleet.core.errors import UsageError
from sockfleet.inventory.models import Connection, Hop, SshSettings
from tests.support import virtual_time
from tests.support.fleet.fake_transport import FakeTransport, answer, good, hosts


def collect(fleet, transport, stop_after_s=None, **settings):
    """Outcomes by host name, and the engine, after a run on the virtual clock."""
    engine = Engine(
        EngineSettings(**settings), transports={"asyncssh": transport, "local": transport}
    )
    outcomes = []

    async def main():
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, engine.stop, "SIGINT")
        await engine.run(iter(fleet), outcomes.append)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=10)

    virtual_time.run(main())
    names = [outcome.host.name for outcome in outcomes]
    assert sorted(names) == sorted(host.name for host in fleet)  # each exactly once
    return dict(zip(names, outcomes, strict=True)), engine


def failing(category, phase=Phase.CONNECT, times=99, **options):
    left = [times]

    async def script(attempt, command):
        if left[0] > 0:
            left[0] -= 1
            attempt.phase = phase
            raise HostError(category, phase, "planned", **options)
        return await good(attempt, command)

    return script


def stalling(phase, hop=None):
    async def script(attempt, command):
        attempt.phase, attempt.hop = phase, hop
        await asyncio.get_running_loop().create_future()

    return script


def test_one_failed_host_leaves_the_reading_of_another():
    transport = FakeTransport(bad=failing(Category.REFUSED))
    outcomes, engine = collect(hosts("good", "bad"), transport)
    assert isinstance(outcomes["good"], HostReading)
    assert outcomes["good"].sockstat.get("TCP", "alloc") == 247
    assert outcomes["good"].sockstat6.get("TCP6", "inuse") == 4
    assert outcomes["good"].address == "192.0.2.1"
    bad = outcomes["bad"]
    assert isinstance(bad, HostFailure)
    assert (bad.category, bad.phase, bad.message) == ("refused", "connect", "planned")
    assert bad.attempts == 1
    assert engine.complete
    assert transport.closed


@pytest.mark.parametrize(
    ("category", "options", "attempts"),
    [
        (Category.TCP_TIMEOUT, {}, 3),
        (Category.DROPPED_PRE_BANNER, {}, 3),
        (Category.LOST, {}, 3),
        (Category.DNS_TIMEOUT, {}, 3),
        (Category.DNS, {}, 1),
        (Category.DNS, {"transient": True}, 3),
        (Category.AUTH_DENIED, {}, 1),
        (Category.HOSTKEY_CHANGED, {}, 1),
    ],
)
def test_only_transient_failures_are_tried_again(category, options, attempts):
    transport = FakeTransport(a=failing(category, **options))
    outcomes, _ = collect(hosts("a"), transport, retries=2)
    assert outcomes["a"].attempts == transport.attempts["a"] == attempts


def test_a_reading_after_a_transient_failure_counts_both_attempts():
    outcomes, _ = collect(hosts("a"), FakeTransport(a=failing(Category.LOST, times=1)), retries=1)
    assert outcomes["a"].attempts == 2
    assert 0.25 <= outcomes["a"].elapsed_s <= 0.75  # the jittered pause between them


@pytest.mark.parametrize(
    ("phase", "category"),
    [
        (Phase.DNS, "dns_timeout"),
        (Phase.CONNECT, "tcp_timeout"),
        (Phase.HANDSHAKE_SLOT, "client_overload"),
        (Phase.BANNER, "banner_timeout"),
        (Phase.KEX, "kex_timeout"),
        (Phase.AUTH, "auth_timeout"),
        (Phase.SESSION, "command_timeout"),
        (Phase.COMMAND, "command_timeout"),
    ],
)
def test_a_stall_ends_at_the_timeout_with_the_category_of_its_phase(phase, category):
    outcomes, _ = collect(hosts("a", "b"), FakeTransport(a=stalling(phase)), timeout_s=7)
    assert (outcomes["a"].category, outcomes["a"].phase) == (category, phase)
    assert outcomes["a"].elapsed_s == pytest.approx(7)
    assert "7 s" in outcomes["a"].message
    assert isinstance(outcomes["b"], HostReading)


def test_a_stall_at_a_jump_host_names_the_hop():
    script = stalling(Phase.AUTH, hop="bastion:22")
    outcomes, _ = collect(hosts("a"), FakeTransport(a=script), timeout_s=7)
    assert outcomes["a"].category == "via_jump"
    assert "bastion:22" in outcomes["a"].message


def test_an_untranslated_error_of_a_transport_does_not_end_the_scan():
    async def broken(attempt, command):
        raise ZeroDivisionError("\x1b[31mred")

    outcomes, _ = collect(hosts("a", "b"), FakeTransport(a=broken))
    assert outcomes["a"].category == "protocol"
    assert outcomes["a"].message == "unexpected ZeroDivisionError: [31mred"
    assert isinstance(outcomes["b"], HostReading)


def output(stdout, status, stderr=b""):
    async def script(attempt, command):
        text = stdout(command) if callable(stdout) else stdout
        return CommandOutput(stdout=text, stderr=stderr, exit_status=status)

    return script


@pytest.mark.parametrize(
    ("script", "category"),
    [
        (output(b"This account is currently not available.\n", 1), "no_shell"),
        (output(b"", 0), "no_shell"),
        (output(answer, 3, b"x\nlast words\n"), "command_failed"),
        (output(lambda command: answer(command)[:-30], 0), "truncated"),
        (
            output(lambda c: answer(c).replace(b"/proc/net/sockstat ", b"/x "), 0),
            "unsupported_host",
        ),
        (output(lambda c: answer(c, b"TCP: inuse 5 orphan\n"), 0), "parse"),
    ],
)
def test_only_a_complete_answer_with_status_0_is_a_reading(script, category):
    outcomes, _ = collect(hosts("a"), FakeTransport(a=script))
    assert outcomes["a"].category == category


def test_concurrency_limits_how_many_hosts_run_at_once():
    async def slow(attempt, command):
        await asyncio.sleep(1)
        return await good(attempt, command)

    names = [f"h{n}" for n in range(100)]
    transport = FakeTransport(**dict.fromkeys(names, slow))
    collect(hosts(*names), transport, concurrency=7)
    assert transport.most_running == 7


def test_stop_delivers_an_outcome_for_every_host_within_two_seconds():
    async def stubborn(attempt, command):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            await asyncio.sleep(1000)

    names = ["stubborn", *(f"h{n}" for n in range(20))]
    transport = FakeTransport(stubborn=stubborn, **dict.fromkeys(names[1:], stalling(Phase.KEX)))
    engine = Engine(EngineSettings(concurrency=5, timeout_s=60), transports={"asyncssh": transport})
    outcomes = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(10, engine.stop, "SIGINT")
        await engine.run(hosts(*names), outcomes.append)
        assert loop.time() <= 12

    virtual_time.run(main())
    by_name = {outcome.host.name: outcome for outcome in outcomes}
    assert sorted(by_name) == sorted(names)
    assert len(outcomes) == len(names)
    assert {outcome.category for outcome in outcomes} == {"not_attempted"}
    assert by_name["h0"].attempts == 1
    assert by_name["h0"].phase == "kex"
    assert by_name["h19"].attempts == 0
    assert "SIGINT" in by_name["h19"].message
    assert not engine.complete


def test_the_deadline_cuts_off_hosts_in_progress_and_says_so():
    transport = FakeTransport(a=stalling(Phase.AUTH))
    outcomes, engine = collect(
        hosts("a", "b"), transport, concurrency=1, timeout_s=60, deadline_s=5
    )
    assert (outcomes["a"].category, outcomes["a"].phase) == ("deadline", "auth")
    assert outcomes["b"].category == "not_attempted"
    assert "5 s" in outcomes["a"].message
    assert not engine.complete


def test_an_engine_stopped_before_its_run_contacts_no_host():
    transport = FakeTransport()
    engine = Engine(EngineSettings(), transports={"asyncssh": transport})
    engine.stop("SIGTERM")
    outcomes = []
    virtual_time.run(engine.run(hosts("a"), outcomes.append))
    assert outcomes[0].category == "not_attempted"
    assert not transport.attempts


def test_a_cap_holds_for_its_group_and_does_not_delay_other_hosts():
    async def slow(attempt, command):
        running.append(attempt.host.name)
        assert len([name for name in running if name.startswith("capped")]) <= 2
        await asyncio.sleep(1)
        running.remove(attempt.host.name)
        return await good(attempt, command)

    running = []
    capped = [f"capped{n}" for n in range(10)]
    free = [f"free{n}" for n in range(10)]
    transport = FakeTransport(**dict.fromkeys([*capped, *free], slow))
    fleet = [*hosts(*capped, caps=(("dc1", 2),)), *hosts(*free)]
    outcomes, _ = collect(fleet, transport, concurrency=8)
    assert all(isinstance(outcome, HostReading) for outcome in outcomes.values())
    assert outcomes["capped9"].elapsed_s == pytest.approx(1)  # waiting for its cap does not count
    assert transport.most_running == 8


def test_hosts_behind_one_bastion_share_its_connections():
    async def slow(attempt, command):
        await asyncio.sleep(1)
        return await good(attempt, command)

    names = [f"h{n}" for n in range(9)]
    login = SshSettings(jumps=(Hop(address="bastion", ssh=SshSettings()),))
    transport = FakeTransport(**dict.fromkeys(names, slow))
    settings = TransportSettings(bastion_connections=3)
    collect(hosts(*names, ssh=login), transport, transport_settings=settings)
    assert transport.most_running == 3


def test_a_local_host_uses_the_local_transport():
    local, remote = FakeTransport(), FakeTransport()
    engine = Engine(EngineSettings(), transports={"asyncssh": remote, "local": local})
    outcomes = []
    virtual_time.run(engine.run(hosts("a", connection=Connection.LOCAL), outcomes.append))
    assert local.attempts["a"] == 1
    assert not remote.attempts


def test_an_unknown_transport_is_a_usage_error():
    engine = Engine(EngineSettings(transport="carrier-pigeon"))
    with pytest.raises(UsageError, match="carrier-pigeon"):
        virtual_time.run(engine.run(hosts("a"), lambda outcome: None))


def test_an_error_of_deliver_ends_the_run_and_leaves_no_task():
    def closed(outcome):
        raise BrokenPipeError

    async def main():
        engine = Engine(EngineSettings(concurrency=3), transports={"asyncssh": FakeTransport()})
        with pytest.raises(BrokenPipeError):
            await engine.run(hosts("a", "b", "c", "d"), closed)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_time.run(main())
