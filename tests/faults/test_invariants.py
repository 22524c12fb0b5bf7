"""Whatever hosts do, in any mix: each has one outcome, and only whole answers are believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.transport import Attempt, CommandOutput
from tests.support import virtual_time
from tests.support.fleet.fake_transport import (
    SOCKSTAT,
    FakeTransport,
    Script,
    answer,
    good,
    hosts,
    mark_of,
)

TIMEOUT_S = 7.0


def collect(scripts: dict[str, Script], **settings: object) -> tuple[list[HostOutcome], Engine]:
    engine = Engine(
        EngineSettings(**{"timeout_s": TIMEOUT_S, "concurrency": 5, **settings}),
        transports={"asyncssh": FakeTransport(**scripts)},
    )
    outcomes: list[HostOutcome] = []

    async def main() -> None:
        await engine.run(hosts(*scripts), outcomes.append)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # those who did not end when they were cut off
            await asyncio.wait(others, timeout=3000)

    virtual_time.run(main())
    return outcomes, engine


# What a host may do.


def raising(make: Callable[[], BaseException]) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        raise make()

    return script


def stalling(phase: Phase, *, stubborn: bool = False) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        attempt.phase = phase
        try:
            await asyncio.sleep(1000)
        finally:
            if stubborn:
                await asyncio.sleep(1000)
        return await good(attempt, command)

    return script


def saying(stdout: Callable[[str], bytes], status: int = 0) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        return CommandOutput(stdout=stdout(command), stderr=b"", exit_status=status)

    return script


failures = st.builds(
    lambda category, phase, transient: raising(
        lambda: HostError(category, phase, "planned", transient=transient)
    ),
    st.sampled_from(Category),
    st.sampled_from(Phase),
    st.booleans(),
)
surprises = st.sampled_from(
    [
        raising(lambda: ValueError("\x1b[31m")),
        raising(TimeoutError),
        raising(asyncio.CancelledError),
        raising(lambda: ExceptionGroup("several", [OSError(24, "…")])),
        raising(MemoryError),
        raising(RecursionError),
    ]
)
stalls = st.builds(stalling, st.sampled_from(Phase))
words = st.builds(lambda text, status: saying(lambda _: text, status), st.binary(), st.integers())
mixes = st.lists(st.one_of(st.just(good), failures, surprises, stalls, words), max_size=12)


@given(mixes, st.integers(0, 2), st.integers(1, 6))
def test_every_host_once_in_any_mix(mix, retries, concurrency):
    scripts = {f"h{n}": script for n, script in enumerate(mix)}
    outcomes, engine = collect(scripts, retries=retries, concurrency=concurrency)
    assert sorted(each.host.name for each in outcomes) == sorted(scripts)
    assert engine.complete
    for each in outcomes:
        assert isinstance(each, HostReading) == (scripts[each.host.name] is good)
        assert 0 <= each.elapsed_s <= TIMEOUT_S * 1.001
        if isinstance(each, HostFailure):
            assert each.message.isprintable()
            assert 1 <= each.attempts <= retries + 1


@given(mixes, st.floats(0, 20), st.integers(0, 3))
def test_every_host_once_when_the_deadline_comes_in_between(mix, deadline_s, stubborn):
    scripts = {f"h{n}": script for n, script in enumerate(mix)}
    scripts |= {f"s{n}": stalling(Phase.KEX, stubborn=True) for n in range(stubborn)}
    outcomes, _ = collect(scripts, deadline_s=deadline_s)
    assert sorted(each.host.name for each in outcomes) == sorted(scripts)


@pytest.mark.parametrize("error", [TimeoutError, asyncio.CancelledError])
def test_an_error_that_looks_like_our_own_cut_ends_one_host_alone(error):
    outcomes, _ = collect({"a": raising(error), "b": good})
    by_name = {each.host.name: each for each in outcomes}
    assert by_name["a"].category is Category.PROTOCOL
    assert error.__name__ in by_name["a"].message
    assert by_name["a"].elapsed_s < TIMEOUT_S
    assert isinstance(by_name["b"], HostReading)


# What is believed.

PIECES = st.sampled_from(
    [
        b"{mark} begin\n",
        b"{mark} end\n",
        b"{mark}\n",
        b"x{mark} begin\n",
        b"sockfleet-0123456789abcdef begin\n",
        b"sockfleet-0123456789abcdef end\n",
        b"==> /proc/net/sockstat <==\n",
        b"==> /proc/net/sockstat6 <==\n",
        SOCKSTAT,
        b"TCP: inuse 999999 orphan 0 tw 0 alloc 999999 mem 0\n",
        b"TCP6: inuse 4\n",
        b"\xff\x00\x1b[2J",
        b"\n",
        b"",
    ]
)


@given(st.lists(PIECES, max_size=9), st.sampled_from([0, 1, 255]))
def test_no_reading_without_status_0_and_both_marks(pieces, status):
    printed: list[bytes] = []

    def stdout(command: str) -> bytes:
        mark = mark_of(command).encode()
        printed.append(b"".join(pieces).replace(b"{mark}", mark))
        marks.extend([mark + b" begin", mark + b" end"])
        return printed[0]

    marks: list[bytes] = []
    ((outcome,), _) = collect({"a": saying(stdout, status)}, retries=0)
    if isinstance(outcome, HostReading):
        assert status == 0
        lines = printed[0].split(b"\n")
        begin, end = (lines.index(mark) for mark in marks)
        inside = b"\n".join(lines[begin:end])
        assert b"TCP: inuse %d " % outcome.sockstat.get("TCP", "inuse") in inside


@given(st.integers(0, 4000))
def test_a_cut_anywhere_is_no_reading(cut):
    def stdout(command: str) -> bytes:
        whole = answer(command).rstrip(b"\n")
        return whole[: cut % len(whole)]

    ((outcome,), _) = collect({"a": saying(stdout)}, retries=0)
    assert outcome.category in (Category.NO_SHELL, Category.TRUNCATED)


# Our own fault.


def busy(seconds: float) -> None:
    """Work that keeps the loop from everything else, on the virtual clock."""
    asyncio.get_running_loop().jumping.now += seconds


async def handshake(attempt: Attempt, command: str) -> CommandOutput:
    """As a transport's: some arithmetic of our own between the host's answers, within 2 s."""
    attempt.phase = Phase.HANDSHAKE_SLOT
    async with attempt.handshake():
        try:
            async with asyncio.timeout(2.0):
                for attempt.phase in (Phase.BANNER, Phase.KEX, Phase.AUTH):
                    busy(0.01)
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise HostError(Category.KEX_TIMEOUT, attempt.phase, "too slow") from None
    return await good(attempt, command)


def test_more_handshakes_than_this_machine_can_do_at_once_fail_nobody():
    # 300 at once need 9 s of arithmetic together; each has 2 s from its slot on.
    names = [f"h{n}" for n in range(300)]
    outcomes, _ = collect(dict.fromkeys(names, handshake), concurrency=300, timeout_s=60)
    assert {type(each) for each in outcomes} == {HostReading}


def test_who_waits_too_long_for_a_handshake_is_not_blamed():
    names = [f"h{n}" for n in range(300)]
    outcomes, _ = collect(dict.fromkeys(names, handshake), concurrency=300, timeout_s=3, retries=0)
    failed = {each.category for each in outcomes if isinstance(each, HostFailure)}
    assert failed == {Category.CLIENT_OVERLOAD}
    assert any(isinstance(each, HostReading) for each in outcomes)


def test_a_timeout_while_this_machine_stood_still_is_tried_again():
    stopped = []

    async def asked_while_stopped(attempt: Attempt, command: str) -> CommandOutput:
        if stopped:
            return await good(attempt, command)
        stopped.append(True)
        asyncio.get_running_loop().call_later(0.2, busy, 6.0)  # a laptop's lid
        try:
            async with asyncio.timeout(5.0):
                return await stalling(Phase.KEX)(attempt, command)
        except TimeoutError:
            raise HostError(Category.KEX_TIMEOUT, Phase.KEX, "still waiting") from None

    ((outcome,), _) = collect({"a": asked_while_stopped}, retries=1, timeout_s=30)
    assert isinstance(outcome, HostReading)
    assert outcome.attempts == 2


def test_a_host_is_named_overload_only_where_this_machine_lost_the_time():
    outcomes, _ = collect({"a": stalling(Phase.AUTH)}, retries=0)
    assert outcomes[0].category is Category.AUTH_TIMEOUT

    async def busy_elsewhere(attempt: Attempt, command: str) -> CommandOutput:
        attempt.phase = Phase.PARSE
        for _ in range(20):
            busy(0.9)
            await asyncio.sleep(0.1)
        return await good(attempt, command)

    outcomes, _ = collect({"a": stalling(Phase.AUTH), "b": busy_elsewhere}, retries=0)
    by_name = {each.host.name: each for each in outcomes}
    assert by_name["a"].category is Category.CLIENT_OVERLOAD
    assert by_name["a"].phase is Phase.AUTH
    assert "this machine itself" in by_name["a"].message
