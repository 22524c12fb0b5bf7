"""This machine as a host: real processes, and what is left of them afterwards."""

import asyncio
import os
from pathlib import Path

import pytest

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.local_transport import LocalTransport
from sockfleet.collector.probe.answer import parse_probe
from sockfleet.collector.probe.script import new_marker, probe_command
from sockfleet.collector.transport import OUTPUT_LIMIT, Attempt, CommandOutput, TransportSettings
from sockfleet.inventory.models import Connection, Host
from tests.support.ssh.over_ssh import ended, open_descriptors

HERE = Host(name="here", address="here", connection=Connection.LOCAL)


def execute(command: str) -> CommandOutput:
    async def once() -> CommandOutput:
        return await LocalTransport(TransportSettings()).execute(Attempt(host=HERE), command)

    return asyncio.run(once())


def failure(command: str) -> HostError:
    with pytest.raises(HostError) as caught:
        execute(command)
    return caught.value


def test_reads_the_probe_of_this_machine():
    mark = new_marker()
    output = execute(probe_command(mark))
    assert output.exit_status == 0
    answer = parse_probe(output.stdout, mark)
    assert answer.sockstat.get("TCP", "alloc") is not None
    assert answer.kernel.release == Path("/proc/sys/kernel/osrelease").read_text().strip()


def test_brings_back_both_streams_and_the_status():
    assert execute("printf out; printf err >&2; exit 7") == CommandOutput(
        stdout=b"out", stderr=b"err", exit_status=7
    )


def test_gives_the_command_no_input():
    assert execute("cat").stdout == b""


def test_output_up_to_the_limit_is_whole():
    assert len(execute(f"head -c {OUTPUT_LIMIT} /dev/zero").stdout) == OUTPUT_LIMIT


@pytest.mark.parametrize("command", ["cat /dev/zero", "cat /dev/zero >&2"])
def test_a_flood_on_either_stream_is_cut_off(command):
    before = open_descriptors()
    error = failure(command)
    assert (error.category, error.phase) == (Category.OUTPUT_LIMIT, Phase.COMMAND)
    assert open_descriptors() == before


def test_an_end_by_a_signal_is_named():
    error = failure("kill -TERM $$")
    assert (error.category, error.phase) == (Category.COMMAND_FAILED, Phase.COMMAND)
    assert "SIGTERM" in error.message


@pytest.mark.parametrize("background", ["", "sleep 1000 & "], ids=["alone", "with a child"])
def test_cancelling_ends_the_whole_process_group(tmp_path, background):
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    before = open_descriptors()

    async def cancel_once_it_runs() -> list[int]:
        attempt = Attempt(host=HERE)
        command = f"{background}echo $$ $! >{fifo}; exec sleep 1000"
        task = asyncio.ensure_future(LocalTransport(TransportSettings()).execute(attempt, command))
        text = await asyncio.to_thread(fifo.read_text)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return [int(word) for word in text.split()]

    pids = asyncio.run(cancel_once_it_runs())
    assert len(pids) == (2 if background else 1)
    assert all(ended(pid) for pid in pids)
    assert open_descriptors() == before


def test_a_child_that_holds_the_output_keeps_the_command_open():
    async def once() -> None:
        attempt = Attempt(host=HERE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await LocalTransport(TransportSettings()).execute(attempt, "sleep 1000 & echo done")
        assert attempt.phase is Phase.COMMAND

    before = open_descriptors()
    asyncio.run(once())
    assert open_descriptors() == before


@pytest.mark.parametrize(
    ("raised", "hint"),
    [
        (OSError(24, "Too many open files"), "--concurrency"),
        (FileNotFoundError(2, "No such file or directory"), "/bin/sh"),
        (PermissionError(13, "Permission denied"), "/bin/sh"),
        (BlockingIOError(11, "Resource temporarily unavailable"), "/bin/sh"),
    ],
)
def test_a_shell_that_cannot_be_started_is_a_lack_of_this_machine(mocker, raised, hint):
    mocker.patch("asyncio.base_events.BaseEventLoop.subprocess_exec", side_effect=raised)
    error = failure("true")
    assert (error.category, error.phase) == (Category.LOCAL_RESOURCE, Phase.SESSION)
    assert hint in error.message


def test_many_at_once():
    async def many() -> list[CommandOutput]:
        transport = LocalTransport(TransportSettings())
        runs = [transport.execute(Attempt(host=HERE), f"echo {n}; exit {n}") for n in range(20)]
        return await asyncio.gather(*runs)

    before = open_descriptors()
    outputs = asyncio.run(many())
    assert [o.exit_status for o in outputs] == list(range(20))
    assert open_descriptors() == before


def test_works_where_uvloop_runs():
    import uvloop

    async def once() -> CommandOutput:
        return await LocalTransport(TransportSettings()).execute(
            Attempt(host=HERE), "echo out; exit 3"
        )

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(once()) == CommandOutput(stdout=b"out\n", stderr=b"", exit_status=3)
