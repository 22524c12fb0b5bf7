"""Any mix of failing hosts: each has one outcome, and only complete answers are readings."""

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
        if others:  # tasks that outlive their cancellation
            await asyncio.wait(others, timeout=3000)

    virtual_time.run(main())
    return outcomes, engine


# Scripts of hosts.


def raising_script(make: Callable[[], BaseException]) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        raise make()

    return script


def stalling_script(phase: Phase, *, stubborn: bool = False) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        attempt.phase = phase
        try:
            await asyncio.sleep(1000)
        finally:
            if stubborn:
                await asyncio.sleep(1000)
        return await good(attempt, command)

    return script


def output_script(stdout: Callable[[str], bytes], status: int = 0) -> Script:
    async def script(attempt: Attempt, command: str) -> CommandOutput:
        return CommandOutput(stdout=stdout(command), stderr=b"", exit_status=status)

    return script


failures = st.builds(
    lambda category, phase, transient: raising_script(
        lambda: HostError(category, phase, "planned", transient=transient)
    ),
    st.sampled_from(Category),
    st.sampled_from(Phase),
    st.booleans(),
)
unexpected_errors = st.sampled_from(
    [
        raising_script(lambda: ValueError("\x1b[31m")),
        raising_script(TimeoutError),
        raising_script(asyncio.CancelledError),
        raising_script(lambda: ExceptionGroup("several", [OSError(24, "…")])),
        raising_script(MemoryError),
        raising_script(RecursionError),
    ]
)
stalls = st.builds(stalling_script, st.sampled_from(Phase))
outputs = st.builds(
    lambda text, status: output_script(lambda _: text, status), st.binary(), st.integers()
)
mixes = st.lists(
    st.one_of(st.just(good), failures, unexpected_errors, stalls, outputs), max_size=12
)


@given(mixes, st.integers(0, 2), st.integers(1, 6))
def test_every_host_has_one_outcome_in_any_mix(mix, retries, concurrency):
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
def test_every_host_has_one_outcome_when_the_deadline_ends_the_run(mix, deadline_s, stubborn):
    scripts = {f"h{n}": script for n, script in enumerate(mix)}
    scripts |= {f"s{n}": stalling_script(Phase.KEX, stubborn=True) for n in range(stubborn)}
    outcomes, _ = collect(scripts, deadline_s=deadline_s)
    assert sorted(each.host.name for each in outcomes) == sorted(scripts)


@pytest.mark.parametrize("error", [TimeoutError, asyncio.CancelledError])
def test_an_error_like_our_own_cancellation_ends_only_its_host(error):
    outcomes, _ = collect({"a": raising_script(error), "b": good})
    by_name = {each.host.name: each for each in outcomes}
    assert by_name["a"].category is Category.PROTOCOL
    assert error.__name__ in by_name["a"].message
    assert by_name["a"].elapsed_s < TIMEOUT_S
    assert isinstance(by_name["b"], HostReading)


def test_a_lack_of_memory_is_no_fault_of_the_host():
    outcomes, _ = collect({"a": raising_script(MemoryError), "b": good}, retries=0)
    by_name = {each.host.name: each for each in outcomes}
    assert by_name["a"].category is Category.LOCAL_RESOURCE
    assert "no memory left" in by_name["a"].message
    assert isinstance(by_name["b"], HostReading)


# Which answers count as readings.

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
def test_a_reading_needs_status_0_and_both_marks(pieces, status):
    answers: list[bytes] = []

    def stdout(command: str) -> bytes:
        mark = mark_of(command).encode()
        answers.append(b"".join(pieces).replace(b"{mark}", mark))
        marks.extend([mark + b" begin", mark + b" end"])
        return answers[0]

    marks: list[bytes] = []
    ((outcome,), _) = collect({"a": output_script(stdout, status)}, retries=0)
    if isinstance(outcome, HostReading):
        assert status == 0
        lines = answers[0].split(b"\n")
        begin, end = (lines.index(mark) for mark in marks)
        inside = b"\n".join(lines[begin:end])
        assert b"TCP: inuse %d " % outcome.sockstat.get("TCP", "inuse") in inside


@given(st.integers(0, 4000))
def test_a_truncated_answer_is_no_reading(cut):
    def stdout(command: str) -> bytes:
        complete = answer(command).rstrip(b"\n")
        return complete[: cut % len(complete)]

    ((outcome,), _) = collect({"a": output_script(stdout)}, retries=0)
    assert outcome.category in (Category.NO_SHELL, Category.TRUNCATED)


# Delays of this machine.


def block_loop(seconds: float) -> None:
    """Block the loop for so long on the virtual clock."""
    asyncio.get_running_loop().jumping.now += seconds


async def handshake(attempt: Attempt, command: str) -> CommandOutput:
    """Log in as a transport does: CPU work between the host's answers, within 2 s."""
    attempt.phase = Phase.HANDSHAKE_SLOT
    async with attempt.handshake():
        try:
            async with asyncio.timeout(2.0):
                for attempt.phase in (Phase.BANNER, Phase.KEX, Phase.AUTH):
                    block_loop(0.01)
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise HostError(Category.KEX_TIMEOUT, attempt.phase, "too slow") from None
    return await good(attempt, command)


def test_more_handshakes_than_the_cpu_can_do_at_once_all_succeed():
    # 300 handshakes need 9 s of CPU together; each has 2 s once it holds a slot.
    names = [f"h{n}" for n in range(300)]
    outcomes, _ = collect(dict.fromkeys(names, handshake), concurrency=300, timeout_s=60)
    assert {type(each) for each in outcomes} == {HostReading}


def test_a_host_that_waits_too_long_for_a_slot_is_client_overload():
    names = [f"h{n}" for n in range(300)]
    outcomes, _ = collect(dict.fromkeys(names, handshake), concurrency=300, timeout_s=3, retries=0)
    failed = {each.category for each in outcomes if isinstance(each, HostFailure)}
    assert failed == {Category.CLIENT_OVERLOAD}
    assert any(isinstance(each, HostReading) for each in outcomes)


def test_a_timeout_while_this_machine_was_suspended_is_retried():
    suspended = []

    async def time_out_once(attempt: Attempt, command: str) -> CommandOutput:
        if suspended:
            return await good(attempt, command)
        suspended.append(True)
        asyncio.get_running_loop().call_later(
            0.2, block_loop, 6.0
        )  # as when a laptop's lid is closed
        try:
            async with asyncio.timeout(5.0):
                return await stalling_script(Phase.KEX)(attempt, command)
        except TimeoutError:
            raise HostError(Category.KEX_TIMEOUT, Phase.KEX, "still waiting") from None

    ((outcome,), _) = collect({"a": time_out_once}, retries=1, timeout_s=30)
    assert isinstance(outcome, HostReading)
    assert outcome.attempts == 2


def test_a_timeout_is_client_overload_only_while_this_machine_was_busy():
    outcomes, _ = collect({"a": stalling_script(Phase.AUTH)}, retries=0)
    assert outcomes[0].category is Category.AUTH_TIMEOUT

    async def block_repeatedly(attempt: Attempt, command: str) -> CommandOutput:
        attempt.phase = Phase.PARSE
        for _ in range(20):
            block_loop(0.9)
            await asyncio.sleep(0.1)
        return await good(attempt, command)

    outcomes, _ = collect({"a": stalling_script(Phase.AUTH), "b": block_repeatedly}, retries=0)
    by_name = {each.host.name: each for each in outcomes}
    assert by_name["a"].category is Category.CLIENT_OVERLOAD
    assert by_name["a"].phase is Phase.AUTH
    assert "this machine itself" in by_name["a"].message
