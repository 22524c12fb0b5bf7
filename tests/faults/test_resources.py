"""This machine's own limits in the middle of a scan: descriptors, name servers, threads.

What is missing here is never blamed on a host, and never delays the end.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import resource
import socket
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvloop

from sockfleet.collector.engine import Engine, EngineSettings
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.ssh.routes.resolver import Resolver
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from tests.faults.test_table import assert_read
from tests.support.ssh.fault_servers import GOOD, Places, fleet_places
from tests.support.ssh.over_ssh import (
    TRANSPORTS,
    no_task_is_left,
    nothing_is_left,
    open_descriptors,
)
from tests.support.ssh.sshd import ssh_keygen

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with fleet_places(tmp_path_factory.mktemp("resources")) as places:
        for transport in TRANSPORTS:  # what their libraries open and keep once for the process
            scan(transport, places, places.good)
        yield places


def scan(
    transport: str,
    places: Places,
    hosts: list[Host],
    *,
    spare_descriptors: int | None = None,
    **further: object,
) -> dict[str, HostOutcome]:
    """One run of the engine, with so many descriptors left where that is said."""
    settings = EngineSettings(
        **{"concurrency": len(hosts), "timeout_s": 20.0, "retries": 0, **further},
        transport=transport,
        transport_settings=TransportSettings(
            known_hosts_files=(str(places.known_hosts),), concurrency=len(hosts)
        ),
    )
    outcomes: list[HostOutcome] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> None:
        if spare_descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (_limit_with(spare_descriptors), hard))
        try:
            await Engine(settings).run(hosts, outcomes.append)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        no_task_is_left()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(outcomes) == len(hosts)
    return {outcome.host.name: outcome for outcome in outcomes}


def _limit_with(spare: int) -> int:
    """The limit is on a descriptor's number, not on how many there are."""
    used = set(map(int, open_descriptors()))
    free = (number for number in itertools.count() if number not in used)
    return next(itertools.islice(free, spare, None))


def many(places: Places, count: int, **fields: object) -> list[Host]:
    """``count`` hosts that are all the first good one."""
    return [replace(places.good[0], name=f"h{n}", **fields) for n in range(count)]


# Descriptors.


def test_out_of_descriptors_in_the_middle(transport, places, monkeypatch):
    # As logins, cron and systemd set it; without it asyncssh opens /etc/passwd for each connection.
    monkeypatch.setenv("LOGNAME", "somebody")
    named = [replace(host, name=f"n{host.name}", address="localhost") for host in many(places, 20)]
    with nothing_is_left():
        outcomes = scan(transport, places, [*many(places, 60), *named], spare_descriptors=8)
    seen = Counter(
        "read" if isinstance(each, HostReading) else each.category for each in outcomes.values()
    )
    # localhost is another address than the good host's: nothing listens there.
    assert set(seen) <= {"read", Category.LOCAL_RESOURCE, Category.REFUSED}
    assert seen["read"]
    assert seen[Category.LOCAL_RESOURCE]
    for each in outcomes.values():
        if isinstance(each, HostReading):
            assert_read(each, places.simulated[GOOD[0]])
        elif each.category is Category.LOCAL_RESOURCE:
            assert "ulimit -n" in each.message
            assert each.phase in (Phase.CONFIG, Phase.DNS, Phase.CONNECT, Phase.BANNER)


def test_too_few_descriptors_are_told_before_the_start(tmp_path):
    def no_more_than_64() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = subprocess.run(
        [sys.executable, "-m", "sockfleet.cli", "scan", "192.0.2.1,"],
        preexec_fn=no_more_than_64,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert "limit on open files is 64" in done.stderr


def test_the_soft_limit_is_raised_before_the_start(places, tmp_path):
    inventory = tmp_path / "inventory.ini"
    host = places.good[0]
    inventory.write_text(
        "".join(
            f"h{n} ansible_host={host.address} ansible_port={host.port} "
            f"ansible_user={host.ssh.user} "
            f"ansible_ssh_private_key_file={host.ssh.identity_files[0]}\n"
            for n in range(60)
        )
    )

    def few_at_first() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))

    words = ["scan", str(inventory), "--known-hosts", str(places.known_hosts), "-f", "csv"]
    done = subprocess.run(
        [sys.executable, "-m", "sockfleet.cli", *words],
        preexec_fn=few_at_first,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# Name servers.


def looking_up(mocker, lookup) -> None:
    """Every resolver of the scan asks ``lookup`` instead of the system."""
    mocker.patch(
        "sockfleet.collector.ssh.routes.routes.Resolver", functools.partial(Resolver, lookup=lookup)
    )


def test_name_servers_that_never_answer_hold_up_nobody_else(transport, places, mocker):
    release = threading.Event()
    looking_up(mocker, lambda *_: release.wait() and [])
    limited = replace(places.good[0].ssh, connect_timeout_s=0.5)
    # More than the resolver has threads: those behind wait for those before.
    stuck = [
        replace(places.good[0], name=f"s{n}", address=f"s{n}.example", ssh=limited)
        for n in range(50)
    ]
    with nothing_is_left():
        outcomes = scan(transport, places, [*stuck, *places.good])
        release.set()  # the scan has ended while they hang
    for name in GOOD:
        assert_read(outcomes[name], places.simulated[name])
    for host in stuck:
        failure = outcomes[host.name]
        assert isinstance(failure, HostFailure)
        assert (failure.category, failure.phase) == (Category.DNS_TIMEOUT, Phase.DNS)
        assert f"{host.address} in 0.5 s" in failure.message


def test_name_servers_that_fail_for_a_while(transport, places, mocker):
    asked: Counter[str] = Counter()

    def lookup(name: str, *_: object) -> list[object]:
        asked[name] += 1
        if name == "broken.example":
            raise socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution")
        if asked[name] == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (places.good[0].address, 0))]

    looking_up(mocker, lookup)
    names = ("slow.example", "broken.example")
    hosts = [replace(places.good[0], name=name, address=name) for name in names]
    with nothing_is_left():
        outcomes = scan(transport, places, [*hosts, places.good[1]], retries=1)
    assert_read(outcomes[GOOD[1]], places.simulated[GOOD[1]])
    # Found at the second try; known_hosts does not know it by this name.
    assert outcomes["slow.example"].category is Category.HOSTKEY_UNKNOWN
    assert outcomes["slow.example"].attempts == 2
    assert outcomes["broken.example"].category is Category.DNS
    assert "temporary failure" in outcomes["broken.example"].message


def test_a_command_line_that_ends_though_a_look_up_never_does(tmp_path):
    script = """
        import sys, threading
        from functools import partial
        from sockfleet.collector.ssh.routes import resolver, routes
        from sockfleet.collector import engine
        from sockfleet.cli.main import main

        stuck = partial(resolver.Resolver, lookup=lambda *_: threading.Event().wait())
        routes.Resolver = stuck
        engine.attribute_timeout = lambda error, **_: error  # however busy this machine is
        sys.argv = ["sockfleet", "scan", "a.example,b.example,", "--connect-timeout", "0.5",
                    "--retries", "0", "-i", sys.argv[1], "--known-hosts", "/dev/null"]
        main()
    """
    key = ssh_keygen(tmp_path / "key")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(key)],
        capture_output=True,
        text=True,
        timeout=60,  # for ever, without the resolver's own threads
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "dns_timeout" in done.stdout
