"""What one sample of a host over a connection that stays open costs, here and on the host.

    python bench/warm.py [--hosts N] [--samples N] [--rounds N]

Client: processor time of this process a sample, by each way, beside a whole cold login and the
crypto floor of one, in turn in each round, on the lean simulator. The ways of ours are measured as
the product runs them (`collector.sampling`), its rounds and values included; a command and
opening and closing by SFTP are what a peer would do over the same connection.

Host: the same on a real sshd, whose processes' time is read before and after (the kernel's
/proc/PID/schedstat), sshd's own work included. A process that forked would show its child's page
faults in /proc/PID/stat.

The exit code is 1 when a budget is not held.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import asyncssh
from budget import Budget, exit_code
from crypto_floor import floor_ms
from fleet_target import CAT, FILES, Target
from fleets import real_sshd, simulated
from memory_use import memory_bytes
from peers_sockfleet import hosts_of, settings_for

from sockfleet.collector.asyncssh.connection import Connection
from sockfleet.collector.asyncssh.connector import Connector
from sockfleet.collector.asyncssh.fast_connection import FastConnection
from sockfleet.collector.engine import Engine
from sockfleet.collector.outcome import HostOutcome, HostReading
from sockfleet.collector.runtime.event_loop import run_on_event_loop
from sockfleet.collector.sampling.fleet_sampler import FleetSampler
from sockfleet.collector.sampling.settings import MEMORY_PER_CONNECTION, SamplingSettings
from sockfleet.collector.transport import Attempt

HOSTS, SAMPLES, ROUNDS = 100, 50, 5
MEMORY_HOSTS, LOGINS_AT_ONCE = 1000, 100
HOST_CONNECTIONS, HOST_SAMPLES = 4, 2000

FILES_KEPT, SHELL, COMMAND, ASYNCSSH, FILES_OPENED, COLD, FLOOR = (
    "SFTP, files kept open",
    "a shell that stays",
    "a command",
    "the same with asyncssh",
    "SFTP, open-read-close",
    "cold login",
    "crypto floor",
)

Judge = Callable[[], None]
"""Raises WrongAnswerError; called when the clock has stopped."""
Once = Callable[[], Awaitable[Judge]]


class WrongAnswerError(Exception):
    """A host was not read, or gave other numbers than its own."""


def judged(target: Target, outcomes: Sequence[HostOutcome], count: int) -> None:
    """Raises WrongAnswerError unless every host gave its own numbers."""
    if len(outcomes) != count:
        raise WrongAnswerError(f"{len(outcomes)} of {count} hosts gave something")
    for outcome in outcomes:
        if not isinstance(outcome, HostReading):
            raise WrongAnswerError(f"{outcome.host.name}: {outcome.message}")
        if target.truth is None:
            continue
        due = target.truth[outcome.host.name].split()
        if due[due.index("alloc") + 1] != str(outcome.sockstat.get("TCP", "alloc")):
            raise WrongAnswerError(f"{outcome.host.name}: not the numbers of that host")


async def sampling(
    target: Target, count: int, stack: AsyncExitStack, *, namespaces: bool
) -> tuple[FleetSampler, Once]:
    """A fleet that is connected, and what takes one sample of each host."""
    # As many logins at once whatever the hosts: the memory of a login in progress follows them.
    settings = replace(settings_for(target, namespaces=namespaces), concurrency=LOGINS_AT_ONCE)
    fleet = FleetSampler(
        hosts_of(target, target.addresses[:count]), settings, SamplingSettings(interval_s=0)
    )
    await stack.enter_async_context(fleet)
    rounds = fleet.rounds()
    stack.push_async_callback(rounds.aclose)

    async def once() -> Judge:
        done = await anext(rounds)
        return lambda: judged(target, [sample.outcome for sample in done.samples], count)

    for _ in range(3):  # logins, then sessions, then the first quick round
        (await once())()
    return fleet, once


async def connections(target: Target, count: int, stack: AsyncExitStack) -> list[Connection]:
    connector = Connector(settings_for(target, namespaces=False).transport_settings)
    stack.push_async_callback(connector.aclose)
    return [
        await stack.enter_async_context(await connector.open(Attempt(host=host)))
        for host in hosts_of(target, target.addresses[:count])
    ]


def by_command(kept: Sequence[Connection]) -> Once:
    async def once() -> Judge:
        outputs = await asyncio.gather(*(each.run(CAT, then_closed=True) for each in kept))
        return lambda: answered([output.stdout for output in outputs])

    return once


async def by_asyncssh(target: Target, count: int, stack: AsyncExitStack) -> Once:
    """asyncssh as it comes, connections and all."""
    options = asyncssh.SSHClientConnectionOptions(
        config=None,
        username=target.user,
        client_keys=[target.identity],
        known_hosts=target.known_hosts,
        agent_path=None,
    )
    kept = [
        await stack.enter_async_context(asyncssh.connect(address, target.port, options=options))
        for address in target.addresses[:count]
    ]

    async def run(connection: asyncssh.SSHClientConnection) -> bytes:
        done = await connection.run(CAT, encoding=None)
        return bytes(done.stdout)

    async def once() -> Judge:
        outputs = await asyncio.gather(*map(run, kept))
        return lambda: answered(outputs)

    return once


async def by_opening(kept: Sequence[Connection]) -> Once:
    clients = [await cast("FastConnection", each.ssh).start_sftp_client() for each in kept]

    async def read(number: int) -> bytes:
        kept[number].stream.budget.expect_command()
        content = b""
        for path in FILES:
            async with clients[number].open(path, "rb", encoding=None) as file:
                content += await file.read(4096, 0)
        return content

    async def once() -> Judge:
        contents = await asyncio.gather(*map(read, range(len(kept))))
        return lambda: answered(contents)

    return once


def answered(answers: Sequence[bytes]) -> None:
    """Raises WrongAnswerError unless every one holds the counters."""
    if not all(b"TCP: inuse" in answer for answer in answers):
        raise WrongAnswerError("a host without an answer")


def cold(target: Target, count: int) -> Once:
    async def once() -> Judge:
        outcomes: list[HostOutcome] = []
        engine = Engine(settings_for(target, namespaces=False))
        await engine.run(hosts_of(target, target.addresses[:count]), outcomes.append)
        return lambda: judged(target, outcomes, count)

    return once


async def cpu_ms(once: Once, times: int, count: int) -> float:
    used_s = 0.0
    for _ in range(times):
        began = time.process_time()
        judge = await once()
        used_s += time.process_time() - began
        judge()
    return used_s * 1e3 / (times * count)


async def client_costs(
    target: Target, *, hosts: int = HOSTS, samples: int = SAMPLES, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Milliseconds a sample by way, one figure for each round."""
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        _, files_kept = await sampling(target, hosts, stack, namespaces=False)
        _, shell = await sampling(target, hosts, stack, namespaces=True)
        kept = await connections(target, hosts, stack)
        turns = {
            FILES_KEPT: (files_kept, samples),
            SHELL: (shell, samples),
            COMMAND: (by_command(kept), max(samples // 5, 1)),
            ASYNCSSH: (await by_asyncssh(target, hosts, stack), max(samples // 5, 1)),
            FILES_OPENED: (await by_opening(kept), max(samples // 10, 1)),
            COLD: (cold(target, hosts), 2),
        }
        for _ in range(rounds):
            before = floor_ms()
            for name, (once, times) in turns.items():
                taken.setdefault(name, []).append(await cpu_ms(once, times, hosts))
            taken.setdefault(FLOOR, []).append((before + floor_ms()) / 2)
    return taken


def client_budgets(taken: dict[str, list[float]]) -> Iterator[Budget]:
    """Ratios are of figures of the same round."""

    def ratio(name: str, to: str) -> float:
        return statistics.median(a / b for a, b in zip(taken[name], taken[to], strict=True))

    floors = ratio(FILES_KEPT, FLOOR)
    yield Budget(name="warm sample to the crypto floor", figure=floors, limit=0.5)
    # As it comes, which the budget was set by: our own commands have become cheaper since.
    commands = ratio(FILES_KEPT, ASYNCSSH)
    yield Budget(name="warm sample to a command by asyncssh", figure=commands, limit=0.25)


async def memory_per_connection(target: Target, hosts: int = MEMORY_HOSTS) -> float:
    """KiB of resident memory that each further open connection takes, with its SFTP session."""
    async with AsyncExitStack() as stack:
        # What is made once, and what logins leave until it is looked for: some megabytes, whatever
        # the hosts.
        await sampling(target, hosts // 2, stack, namespaces=False)
        gc.collect()
        before = memory_bytes("VmRSS")
        fleet, _ = await sampling(target, hosts, stack, namespaces=False)
        gc.collect()  # what the logins left
        return (memory_bytes("VmRSS") - before) / 1024 / fleet.connected


@dataclass(frozen=True, kw_only=True)
class HostCost:
    """Of one sample, on the host."""

    cpu_ms: float
    forks: int
    """Of all samples together."""


async def host_cost(
    target: Target, sshd_pids: Callable[[], Sequence[int]], *, namespaces: bool, samples: int
) -> HostCost:
    """What the processes of the sessions use on a real sshd."""
    async with AsyncExitStack() as stack:
        _, once = await sampling(target, HOST_CONNECTIONS, stack, namespaces=namespaces)
        pids = sshd_pids()
        began = [used(pid) for pid in pids]
        for _ in range(samples // HOST_CONNECTIONS):
            await once()
        ended = [used(pid) for pid in pids]
    taken = samples // HOST_CONNECTIONS * HOST_CONNECTIONS
    cpu = sum(e.cpu_ns - b.cpu_ns for e, b in zip(ended, began, strict=True)) / 1e6 / taken
    forked = sum(e.child_faults != b.child_faults for e, b in zip(ended, began, strict=True))
    return HostCost(cpu_ms=cpu, forks=forked)


@dataclass(frozen=True, kw_only=True)
class Used:
    cpu_ns: int
    child_faults: int


def used(pid: int) -> Used:
    """proc_pid_stat(5), field 11: page faults of the children that were waited for."""
    on_cpu = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Used(cpu_ns=on_cpu, child_faults=int(fields[8]))


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(deeper for child in text.split() for deeper in descendants(int(child)))]


def show(taken: dict[str, list[float]]) -> None:
    for name, figures in taken.items():
        middle = statistics.median(figures)
        print(f"{name:24} {middle:7.3f} ms ({min(figures):.3f} to {max(figures):.3f})")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        budgets = list(budget_figures(folder, wanted.hosts, wanted.samples, wanted.rounds))
    print()
    print("\n".join(map(str, budgets)))
    return exit_code(budgets)


def budget_figures(
    folder: Path, hosts: int = HOSTS, samples: int = SAMPLES, rounds: int = ROUNDS
) -> Iterator[Budget]:
    """Measure all, tell it, and give the budgets."""
    with simulated(folder / "lean", max(hosts, MEMORY_HOSTS)) as (target, _):
        memory = run_on_event_loop(memory_per_connection(target))
        taken = run_on_event_loop(client_costs(target, hosts=hosts, samples=samples, rounds=rounds))
    print(f"Client CPU a sample: {hosts} hosts, {rounds} rounds, median (least to most)")
    show(taken)
    yield from client_budgets(taken)
    print(f"\nMemory: {memory:.1f} KiB an open connection with its session, {MEMORY_HOSTS} hosts")
    limit = MEMORY_PER_CONNECTION / 1024
    yield Budget(name="memory per open connection", figure=memory, limit=limit, unit="KiB")
    before = floor_ms()
    with real_sshd(folder / "sshd", HOST_CONNECTIONS) as target:
        print("\nCPU of a sample on the host, sshd's processes and what they started")
        for way, namespaces in ((FILES_KEPT, False), (SHELL, True)):
            cost = run_on_event_loop(
                host_cost(
                    target,
                    session_pids,
                    namespaces=namespaces,
                    samples=HOST_SAMPLES,
                )
            )
            print(f"{way:24} {cost.cpu_ms:7.3f} ms, {cost.forks} processes forked")
            if way == FILES_KEPT:
                floors = cost.cpu_ms * 2 / (before + floor_ms())
                yield Budget(
                    name="warm sample on the host, in crypto floors", figure=floors, limit=0.8
                )
            yield Budget(name=f"forks: {way}", figure=cost.forks, limit=0)


def session_pids() -> list[int]:
    """The processes of every session of the sshd that this process started."""
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for listener in mine for pid in descendants(int(listener))[1:]]


if __name__ == "__main__":
    sys.exit(main())
