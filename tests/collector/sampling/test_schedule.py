"""When rounds begin and end, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostFailure
from sockfleet.collector.sampling.fleet_sampler import FleetSampler
from sockfleet.collector.sampling.round import Round
from sockfleet.collector.sampling.settings import SamplingSettings, kept_hosts
from sockfleet.collector.transport import Attempt, CommandOutput
from sockfleet.inventory.models import Connection, Hop, Host, SshSettings
from tests.support.fleet.fake_transport import FakeTransport, good, hosts
from tests.support.virtual_time import run


def rounds_of(
    transport: FakeTransport,
    count: int,
    *names: str,
    interval_s: float = 10.0,
    between: Callable[[FleetSampler, Round], None] | None = None,
    **settings: Any,
) -> list[tuple[float, Round]]:
    """Each round and when it ended."""

    async def play() -> list[tuple[float, Round]]:
        loop = asyncio.get_running_loop()
        fleet = FleetSampler(
            hosts(*names, transport="fake"),
            EngineSettings(**{"concurrency": 10, "retries": 0, **settings}),
            SamplingSettings(interval_s=interval_s),
            transports={"fake": transport},
        )
        ended = []
        async with fleet:
            began = loop.time()
            async for each in fleet.rounds(count):
                ended.append((loop.time() - began, each))
                if between is not None:
                    between(fleet, each)
        return ended

    return run(play())


def after(*seconds: float):
    """Answers after these seconds in turn, and after the last of them from then on."""
    left = list(seconds)

    async def script(attempt: Attempt, command: str) -> CommandOutput:
        await asyncio.sleep(left.pop(0) if len(left) > 1 else left[0])
        return await good(attempt, command)

    return script


def failures(each: Round) -> dict[str, HostFailure]:
    outcomes = [sample.outcome for sample in each.samples]
    return {one.host.name: one for one in outcomes if isinstance(one, HostFailure)}


def test_rounds_begin_at_a_fixed_interval():
    ended = rounds_of(FakeTransport(web1=after(0.3)), 4, "web1")
    assert [at for at, _ in ended] == pytest.approx([0.3, 10.3, 20.3, 30.3])
    assert [each.number for _, each in ended] == [1, 2, 3, 4]
    assert [each.duration_s for _, each in ended] == pytest.approx([0.3] * 4)


def test_a_late_round_is_skipped():
    ended = rounds_of(FakeTransport(web1=after(25.0, 0.0)), 3, "web1")
    assert [at for at, _ in ended] == pytest.approx([25.0, 30.0, 40.0])


def test_a_slow_caller_skips_rounds_but_the_interval_stays():
    async def play() -> list[float]:
        loop, begun = asyncio.get_running_loop(), []
        fleet = FleetSampler(
            hosts("web1", transport="fake"),
            EngineSettings(concurrency=1),
            SamplingSettings(interval_s=10.0),
            transports={"fake": FakeTransport()},
        )
        async with fleet:
            async for _ in fleet.rounds(3):
                begun.append(loop.time())
                await asyncio.sleep(12.0)
        return begun

    assert run(play()) == pytest.approx([0.0, 20.0, 40.0])


def test_a_later_round_ends_when_the_next_is_due_and_a_late_answer_belongs_to_that():
    transport = FakeTransport(slow=after(0.0, 14.0, 0.0))
    ended = rounds_of(transport, 4, "web1", "slow")
    assert [at for at, _ in ended] == pytest.approx([0.0, 20.0, 24.0, 30.0])
    late = failures(ended[1][1])["slow"]
    assert late.category is Category.COMMAND_TIMEOUT
    assert "no sample in 10.0 s, still waiting" in late.message
    assert [failures(each) for _, each in (ended[0], *ended[2:])] == [{}, {}, {}]
    assert transport.attempts["slow"] == 3, "never two probes at once"


def test_a_host_that_keeps_failing_is_contacted_less_and_less(monkeypatch):
    monkeypatch.setattr("sockfleet.collector.sampling.backoff.random.uniform", lambda a, b: 1.0)

    async def refuse(_attempt: Attempt, _command: str) -> CommandOutput:
        raise HostError(Category.REFUSED, Phase.CONNECT, "connection refused")

    transport = FakeTransport(web1=refuse)
    ended = rounds_of(transport, 33, "web1", "web2", interval_s=1.0)
    contacted = [n for n, (_, each) in enumerate(ended) if failures(each)["web1"].attempts]
    assert contacted == [0, 1, 3, 7, 15, 31]
    message = failures(ended[4][1])["web1"].message
    assert message == "connection refused; not tried again for 3 s"
    assert transport.attempts["web2"] == 33


def test_a_host_that_recovers_is_sampled_in_every_round_again():
    broken = [True, True, True, False]

    async def script(attempt: Attempt, command: str) -> CommandOutput:
        if len(broken) > 1 and broken.pop(0):
            raise HostError(Category.REFUSED, Phase.CONNECT, "connection refused")
        return await good(attempt, command)

    ended = rounds_of(FakeTransport(web1=script), 10, "web1")
    states = ["web1" in failures(each) for _, each in ended]
    assert states[0]
    assert not any(states[-4:])


def test_the_deadline_cuts_off_the_last_round():
    ended = rounds_of(FakeTransport(slow=after(0.0, 100.0)), 9, "web1", "slow", deadline_s=25.0)
    assert [at for at, _ in ended] == pytest.approx([0.0, 20.0, 25.0])
    last = ended[-1][1]
    assert not last.complete
    cut = failures(last)["slow"]
    assert cut.category is Category.DEADLINE
    assert cut.message == "cut off by the run's deadline of 25 s"
    assert all(each.complete for _, each in ended[:-1])


def test_a_stop_between_two_rounds_begins_no_other():
    def stop(fleet: FleetSampler, each: Round) -> None:
        if each.number == 2:
            asyncio.get_running_loop().call_later(3.0, fleet.stop, "SIGINT")

    ended = rounds_of(FakeTransport(), 9, "web1", between=stop)
    assert [at for at, _ in ended] == pytest.approx([0.0, 10.0])


def test_a_fleet_without_hosts_has_rounds():
    assert [at for at, _ in rounds_of(FakeTransport(), 2)] == pytest.approx([0.0, 10.0])


def test_each_host_has_one_sample_in_each_round():
    names = [f"web{n}" for n in range(30)]
    for _, each in rounds_of(FakeTransport(web3=after(0.0, 12.0)), 5, *names, interval_s=5.0):
        assert sorted(s.outcome.host.name for s in each.samples) == sorted(names)
        assert {s.round for s in each.samples} == {each.number}


def test_an_unknown_transport_is_a_usage_error():
    from sockfleet.core.errors import UsageError

    async def play() -> None:
        fleet = FleetSampler(
            hosts("web1", transport="pigeon"), EngineSettings(), SamplingSettings(interval_s=10.0)
        )
        async with fleet:
            async for _ in fleet.rounds(1):
                pass

    with pytest.raises(UsageError, match="pigeon"):
        run(play())


JUMP = SshSettings(jumps=(Hop(address="10.0.0.1", ssh=SshSettings()),))


@pytest.mark.parametrize(
    ("fields", "stay"),
    [
        ({}, 4),
        ({"connection": Connection.LOCAL}, 0),
        ({"transport": "paramiko"}, 0),
        ({"caps": (("web", 4),)}, 4),
        ({"caps": (("web", 3),)}, 0),
        ({"ssh": JUMP}, 4),
    ],
)
def test_which_connections_stay_open(fields, stay):
    fleet = [Host(name=f"web{n}", address="10.0.0.9", **fields) for n in range(4)]
    settings = EngineSettings()
    assert len(kept_hosts(fleet, settings, 100)) == stay
    assert len(kept_hosts(fleet, settings, 2)) == min(stay, 2)


def test_connections_through_a_bastion_stay_open_only_if_all_may():
    fleet = [Host(name=f"web{n}", address="10.0.0.9", ssh=JUMP) for n in range(65)]
    assert not kept_hosts(fleet, EngineSettings(), 100)
    assert len(kept_hosts(fleet[:64], EngineSettings(), 100)) == 64
