"""A driver of its own process: runs of `WorkerSupervisor` in which something goes wrong on purpose.

Usage: python worker_runs.py SCENARIO [NUMBER]; prints what came of it as JSON. Apart from the
process of the tests because that may have threads, beside which nothing must be forked.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.outcome import HostReading
from sockfleet.collector.workers import supervisor as workers_
from sockfleet.collector.workers import worker_scan as shard
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
    """Each answer takes a moment, so that there are moments between."""

    async def execute(self, attempt, command):
        await asyncio.sleep(random.uniform(0, 0.004))
        return await super().execute(attempt, command)


class Held(Slow):
    """The second half waits until the parent lets it go, so that no worker has ended by then."""

    def __init__(self):
        super().__init__()
        self._reading, self._writing = os.pipe()

    def let_go(self):
        os.write(self._writing, b"x")  # read by nobody: there for all workers, later ones too

    async def execute(self, attempt, command):
        if attempt.host.name >= "h100":
            loop = asyncio.get_running_loop()
            ready = loop.create_future()
            own = os.dup(self._reading)  # a loop has one reader for each descriptor
            loop.add_reader(own, lambda: ready.done() or ready.set_result(None))
            await ready
            loop.remove_reader(own)
            os.close(own)
        return await super().execute(attempt, command)


def run(transport, *, during=None, hosts=HOSTS, count=2, **settings):
    """What came of a run; ``during`` sees the workers and each outcome's number."""
    seen = Counter()
    failures = {}
    numbers = iter(range(10**6))

    def deliver(outcome):
        seen[outcome.host.name] += 1
        if not isinstance(outcome, HostReading):
            failures[outcome.host.name] = [outcome.category, outcome.message, outcome.attempts]
        if during is not None:
            during(workers, next(numbers))

    workers_._transports = lambda hosts, settings: {"asyncssh": transport}
    settings = EngineSettings(**{"concurrency": 20, "timeout_s": 20} | settings)
    workers = WorkerSupervisor(hosts, settings, deliver, count=count)
    error = None
    try:
        end = workers.run()
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
    """Processes of ours that were not waited for."""
    try:
        return [os.waitpid(-1, os.WNOHANG)[0]]
    except ChildProcessError:
        return []


def standard_output_of(pid):
    return str(Path(f"/proc/{pid}/fd/1").readlink())


def pids(workers):
    return [worker.process.pid for worker in workers._alive]


def at(number, what):
    """Do it when that many outcomes are known."""
    return lambda workers, outcome: what(workers) if outcome == number else None


def plain():
    return run(FakeTransport())


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

    def kill(all_):
        for pid in pids(all_)[:count]:
            os.kill(pid, signal.SIGKILL)
        transport.let_go()

    return run(transport, during=at(40, kill))


def always_killed():
    """Whoever is started is killed at once: nothing can be done, and it ends all the same."""
    start = WorkerSupervisor._start

    def doomed(self, *words, **options):
        start(self, *words, **options)
        os.kill(self._alive[-1].process.pid, signal.SIGKILL)

    WorkerSupervisor._start = doomed
    return run(Slow())


def random_kills(rounds="60"):
    """Rounds in which one or two workers are killed at a moment that a timer chooses."""
    chance = random.Random(int(rounds))
    told = {"rounds": 0, "killed": 0, "bad": [], "failed": 0}
    for _ in range(int(rounds)):
        transport = Slow()
        victims = [chance.random(), chance.random()] if chance.random() < 0.3 else [chance.random()]
        alive = []

        def kill(number, frame, alive=alive, victims=victims):
            for victim in victims:
                running = [worker.process.pid for worker in alive[0]._alive]
                if running:
                    os.kill(running[int(victim * len(running))], signal.SIGKILL)
                    told["killed"] += 1

        class Watched(workers_.WorkerSupervisor):
            def run(self, alive=alive):
                alive.append(self)
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0005, 0.06))
                return super().run()

        globals()["WorkerSupervisor"] = Watched
        signal.signal(signal.SIGALRM, kill)
        result = run(transport)
        signal.setitimer(signal.ITIMER_REAL, 0)
        told["rounds"] += 1
        told["failed"] += len(result["failures"])
        if not result["once"] or result["error"] or result["left"] or not result["complete"]:
            told["bad"].append(result)
    return told


def stopped_worker():
    workers_.SILENT_S = 1.0
    return run(FakeTransport(h007=stopping), timeout_s=1.0, concurrency=2)


def nonsense():
    """One host's outcome cannot be read, whichever worker tells it."""
    encode = shard.encode_outcome
    shard.encode_outcome = lambda index, outcome: (
        b"{}" if outcome.host.name == "h007" else encode(index, outcome)
    )
    return run(Slow(), concurrency=2)


def paused():
    """This process was stopped for a minute, as by Ctrl-Z, and the workers with it."""
    clock = [0.0]

    class Time:
        @staticmethod
        def monotonic():
            return time.monotonic() + clock[0]

    def pause(all_):
        clock[0] += 60.0

    workers_.time = Time
    return run(Slow(), during=at(40, pause))


def stopped_at_the_deadline():
    workers_.STOPPING_S = 0.2
    return run(FakeTransport(h007=stopping), deadline_s=0.3, concurrency=2)


def deadline():
    return run(FakeTransport(h007=stalling), deadline_s=0.3)


def stop():
    return run(FakeTransport(h007=stalling), during=at(150, lambda all_: all_.stop("SIGINT")))


def killed_while_stopping():
    def both(all_):
        all_.stop("SIGTERM")
        for pid in pids(all_):
            os.kill(pid, signal.SIGKILL)

    return run(Slow(), during=at(40, both))


def deliver_raises():
    def broken(all_):
        raise BrokenPipeError("| head -1")

    return run(Slow(), during=at(40, broken))


def unknown_transport():
    hosts = [Host(name="a", address="a", transport="pigeon"), *HOSTS]
    return run(FakeTransport(), hosts=hosts)


def limit_forks(most):
    """After so many the system has no process left."""
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
    """The first two can be forked; when one dies there is nothing left for another."""

    transport = Held()

    def kill_the_busiest(all_):
        busiest = max(all_._alive, key=lambda worker: len(worker.began))
        os.kill(busiest.process.pid, signal.SIGKILL)
        transport.let_go()

    limit_forks(2)
    return run(transport, during=at(10, kill_the_busiest))


def threads():
    """With a thread beside it the scan is done in this process."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    told = collected()
    end.set()
    thread.join()
    return told


def collected():
    outcomes = []
    hosts = [Host(name=f"l{n}", address="localhost", connection="local") for n in range(4)]
    ended = collect(hosts, EngineSettings(), outcomes.append, stoppable=nullcontext, workers=2)
    return {"seen": len(outcomes), "notes": list(ended.notes), "left": children()}


def fallback():
    """One worker can be forked and no other."""
    limit_forks(1)
    return collected()


def standard_output():
    """Where a worker's goes."""

    async def shown(attempt, command):
        raise HostError(Category.PARSE, Phase.COMMAND, standard_output_of(os.getpid()))

    return run(FakeTransport(**{host.name: shown for host in HOSTS[:4]}), hosts=HOSTS[:4])


def pile(units):
    """What four processes took from one pile, and what is left."""
    heap = PipeQueue(int(units))
    reader, writer = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            while (number := heap.take()) is not None:
                os.write(writer, number.to_bytes(4, "big"))
            os._exit(0)
    codes = [os.wait()[1] for _ in range(4)]
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    taken = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]
    return {"codes": codes, "taken": sorted(taken), "left_over": heap.take()}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
