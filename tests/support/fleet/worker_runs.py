"""Runs of `WorkerSupervisor` in which something goes wrong on purpose.

Usage: python -m tests.support.fleet.worker_runs SCENARIO [NUMBER]; prints the result as JSON. It
runs as a process of its own: the supervisor forks, and the tests' process may have threads.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import random
import signal
import sys
import termios
import threading
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.workers import supervisor, worker_scan
from sockfleet.collector.workers.pipe_queue import PipeQueue
from sockfleet.collector.workers.supervisor import WorkerSupervisor
from sockfleet.inventory.models import Host
from sockfleet.scan.collect import collect
from tests.support.fleet.fake_transport import FakeTransport, good

HOSTS = [Host(name=f"h{n:03}", address=f"10.0.0.{n}") for n in range(200)]


async def killing(attempt, command):
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(0)


async def failing(attempt, command):
    os._exit(3)


async def stopping(attempt, command):
    os.kill(os.getpid(), signal.SIGSTOP)
    return await good(attempt, command)


async def stalling(attempt, command):
    await asyncio.get_running_loop().create_future()


class Slow(FakeTransport):
    """Each answer takes a few milliseconds, so that events can fall between them."""

    async def execute(self, attempt, command):
        await asyncio.sleep(random.uniform(0, 0.004))
        return await super().execute(attempt, command)


class Held(Slow):
    """The second half of the hosts waits for `release`, so that no worker has ended before."""

    def __init__(self):
        super().__init__()
        self._reading, self._writing = os.pipe()

    def release(self):
        os.write(self._writing, b"x")  # stays unread: it wakes all workers, later ones too

    async def execute(self, attempt, command):
        if attempt.host.name >= "h100":
            loop = asyncio.get_running_loop()
            ready = loop.create_future()
            own = os.dup(self._reading)  # an event loop has one reader per descriptor
            loop.add_reader(own, lambda: ready.done() or ready.set_result(None))
            await ready
            loop.remove_reader(own)
            os.close(own)
        return await super().execute(attempt, command)


class AllAtOnce(FakeTransport):
    """No host answers before every host of the run has been contacted."""

    def __init__(self):
        super().__init__()
        self._contacted = os.pipe()
        self._all = os.pipe()

    async def execute(self, attempt, command):
        loop = asyncio.get_running_loop()
        os.write(self._contacted[1], b"x")
        if bytes_in(self._contacted[0]) == len(HOSTS):
            os.write(self._all[1], b"x")  # stays unread: it wakes both workers
        ready = loop.create_future()
        own = os.dup(self._all[0])  # an event loop has one reader per descriptor
        loop.add_reader(own, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(own)
            os.close(own)
        return await super().execute(attempt, command)


def bytes_in(pipe):
    """How many bytes can be read from it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def run(transport, *, during=None, before=None, hosts=HOSTS, count=2, **settings):
    """The result of a run.

    ``before`` gets the supervisor before it runs, ``during`` also the number of each outcome.
    """
    seen = Counter()
    failures = {}
    numbers = iter(range(10**6))

    def deliver(outcome):
        seen[outcome.host.name] += 1
        if not isinstance(outcome, HostReading):
            failures[outcome.host.name] = [outcome.category, outcome.message, outcome.attempts]
        if during is not None:
            during(running, next(numbers))

    supervisor._load_transports = lambda hosts, settings: {"asyncssh": transport}
    settings = EngineSettings(**{"concurrency": 20, "timeout_s": 20} | settings)
    running = WorkerSupervisor(hosts, settings, deliver, count=count)
    if before is not None:
        before(running)
    error = None
    try:
        end = running.run()
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return {
        "once": dict(seen) == {host.name: 1 for host in hosts},
        "seen": len(seen),
        "failures": failures,
        "notes": [] if error else end.notes,
        "complete": None if error else end.complete,
        "error": error,
        "left": children(),
    }


def children():
    """Child processes that were not reaped."""
    try:
        return [os.waitpid(-1, os.WNOHANG)[0]]
    except ChildProcessError:
        return []


def standard_output_of(pid):
    return str(Path(f"/proc/{pid}/fd/1").readlink())


def pids(running):
    return [worker.process.pid for worker in running._alive]


def at(number, what):
    """Call ``what`` with the supervisor when this many outcomes are known."""
    return lambda running, outcome: what(running) if outcome == number else None


def plain():
    return run(FakeTransport())


def all_at_once():
    """Concurrency for twice the hosts, none of which answers before all are contacted."""
    transport = AllAtOnce()
    supervisor._load_transports = lambda hosts, settings: {"asyncssh": transport}
    outcomes = []
    settings = EngineSettings(concurrency=2 * len(HOSTS), timeout_s=10)
    ended = collect(HOSTS, settings, outcomes.append, stoppable=nullcontext, workers=2)
    failures = [each.message for each in outcomes if not isinstance(each, HostReading)]
    return {"seen": len(outcomes), "failures": failures, "notes": ended.notes, "left": children()}


def poison():
    return run(FakeTransport(h007=killing), concurrency=2)


def poison_many_at_once():
    return run(Slow(h007=killing, h008=failing))


def one_killed():
    return killed_half_way(1)


def all_killed():
    return killed_half_way(2)


def killed_half_way(count):
    transport = Held()

    def kill(running):
        for pid in pids(running)[:count]:
            os.kill(pid, signal.SIGKILL)
        transport.release()

    return run(transport, during=at(40, kill))


def always_killed():
    """Each worker is killed as soon as it is started; the run ends nevertheless."""
    start = WorkerSupervisor._start

    def doomed(self, *words, **options):
        start(self, *words, **options)
        os.kill(self._alive[-1].process.pid, signal.SIGKILL)

    WorkerSupervisor._start = doomed
    return run(Slow())


def random_kills(rounds="60"):
    """Rounds in which one or two workers are killed at a moment that a timer chooses."""
    chance = random.Random(int(rounds))
    counts = {"rounds": 0, "killed": 0, "bad": [], "failed": 0}
    for _ in range(int(rounds)):
        transport = Slow()
        victims = [chance.random(), chance.random()] if chance.random() < 0.3 else [chance.random()]

        def kill_later(running, victims=victims):
            def kill(number, frame):
                for victim in victims:
                    alive = pids(running)
                    if alive:
                        os.kill(alive[int(victim * len(alive))], signal.SIGKILL)
                        counts["killed"] += 1

            signal.signal(signal.SIGALRM, kill)
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0005, 0.06))

        result = run(transport, before=kill_later)
        signal.setitimer(signal.ITIMER_REAL, 0)
        counts["rounds"] += 1
        counts["failed"] += len(result["failures"])
        if not result["once"] or result["error"] or result["left"] or not result["complete"]:
            counts["bad"].append(result)
    return counts


def stopped_worker():
    supervisor.SILENT_S = 1.0
    return run(FakeTransport(h007=stopping), timeout_s=1.0, concurrency=2)


def invalid_data():
    """One host's outcome cannot be decoded, whichever worker sends it."""
    encode = worker_scan.encode_outcome
    worker_scan.encode_outcome = lambda index, outcome: (
        b"{}" if outcome.host.name == "h007" else encode(index, outcome)
    )
    return run(Slow(), concurrency=2)


def paused():
    """This process and its workers were stopped for a minute, as by Ctrl-Z."""
    clock = [0.0]

    class Time:
        @staticmethod
        def monotonic():
            return time.monotonic() + clock[0]

    def pause(running):
        clock[0] += 60.0

    supervisor.time = Time
    return run(Slow(), during=at(40, pause))


def stopped_at_the_deadline():
    supervisor.STOPPING_S = 0.2
    return run(FakeTransport(h007=stopping), deadline_s=0.3, concurrency=2)


def deadline():
    return run(FakeTransport(h007=stalling), deadline_s=0.3)


def stop():
    return run(FakeTransport(h007=stalling), during=at(150, lambda running: running.stop("SIGINT")))


def killed_while_stopping():
    def both(running):
        running.stop("SIGTERM")
        for pid in pids(running):
            os.kill(pid, signal.SIGKILL)

    return run(Slow(), during=at(40, both))


def deliver_raises():
    def broken(running):
        raise BrokenPipeError("| head -1")

    return run(Slow(), during=at(40, broken))


def unknown_transport():
    hosts = [Host(name="a", address="a", transport="pigeon"), *HOSTS]
    return run(FakeTransport(), hosts=hosts)


def limit_forks(most):
    """After ``most`` forks the system has no process left."""
    fork, left = os.fork, [most]

    def few():
        if not left[0]:
            raise OSError(11, "Resource temporarily unavailable")
        left[0] -= 1
        return fork()

    os.fork = few


def no_process_left():
    limit_forks(0)
    return run(FakeTransport())


def no_second_process():
    """The first two workers can be forked; when one dies, no other can."""
    transport = Held()

    def kill_the_busiest(running):
        busiest = max(running._alive, key=lambda worker: len(worker.began))
        os.kill(busiest.process.pid, signal.SIGKILL)
        transport.release()

    limit_forks(2)
    return run(transport, during=at(10, kill_the_busiest))


def threads():
    """With a second thread the scan runs in this process."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    result = collect_local_hosts()
    end.set()
    thread.join()
    return result


def collect_local_hosts():
    outcomes = []
    hosts = [Host(name=f"l{n}", address="localhost", connection="local") for n in range(4)]
    ended = collect(hosts, EngineSettings(), outcomes.append, stoppable=nullcontext, workers=2)
    return {"seen": len(outcomes), "notes": list(ended.notes), "left": children()}


def fallback():
    """One worker can be forked and no other."""
    limit_forks(1)
    return collect_local_hosts()


def standard_output():
    """Each host's failure names the standard output of its worker."""

    async def show(attempt, command):
        raise HostError(Category.PARSE, Phase.COMMAND, standard_output_of(os.getpid()))

    return run(FakeTransport(**{host.name: show for host in HOSTS[:4]}), hosts=HOSTS[:4])


def pipe_queue(units):
    """What four processes took from one queue, and what is left."""
    queue = PipeQueue(int(units))
    reader, writer = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            while (number := queue.take()) is not None:
                os.write(writer, number.to_bytes(4, "big"))
            os._exit(0)
    codes = [os.wait()[1] for _ in range(4)]
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    taken = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]
    return {"codes": codes, "taken": sorted(taken), "left_over": queue.take()}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
