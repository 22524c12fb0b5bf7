"""Limits of this machine in the middle of a scan: descriptors, name servers, threads.

A lack of local resources is never reported as a host's fault, and never delays the end.
"""

from __future__ import annotations

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
from contextlib import contextmanager
from dataclasses import replace

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure, HostOutcome, HostReading
from sockfleet.collector.ssh.routes.resolver import Resolver
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Host
from tests.support.cli.command_process import run_sockfleet
from tests.support.ssh.fault_scans import assert_read, run_engine
from tests.support.ssh.fault_servers import GOOD, Places, fleet_places
from tests.support.ssh.over_ssh import (
    TRANSPORTS,
    nothing_is_left,
    open_descriptors,
)
from tests.support.ssh.sshd import ssh_keygen

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with fleet_places(tmp_path_factory.mktemp("resources")) as places:
        for transport in TRANSPORTS:  # each library opens what it keeps for the process
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
    """Run the engine, with only ``spare_descriptors`` left unless that is None."""
    settings = EngineSettings(
        **{"concurrency": len(hosts), "timeout_s": 20.0, "retries": 0, **further},
        transport=transport,
        transport_settings=TransportSettings(
            known_hosts_files=(str(places.known_hosts),), concurrency=len(hosts)
        ),
    )
    limits = None if spare_descriptors is None else limited_descriptors(spare_descriptors)
    return run_engine(settings, hosts, limits=limits)


@contextmanager
def limited_descriptors(spare: int) -> Iterator[None]:
    """Leave this process ``spare`` more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_limit_with(spare), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _limit_with(spare: int) -> int:
    """Return the limit: it bounds a descriptor's number, not how many are open."""
    used = set(map(int, open_descriptors()))
    free = (number for number in itertools.count() if number not in used)
    return next(itertools.islice(free, spare, None))


def copy_good_host(places: Places, count: int) -> list[Host]:
    """Return the first good host under ``count`` names."""
    return [replace(places.good[0], name=f"h{n}") for n in range(count)]


# Descriptors.


def test_hosts_fail_as_local_resource_when_descriptors_run_out(transport, places, monkeypatch):
    # As logins, cron and systemd set it; without it asyncssh opens /etc/passwd for each connection.
    monkeypatch.setenv("LOGNAME", "somebody")
    named = [
        replace(host, name=f"n{host.name}", address="localhost")
        for host in copy_good_host(places, 20)
    ]
    with nothing_is_left():
        outcomes = scan(
            transport, places, [*copy_good_host(places, 60), *named], spare_descriptors=8
        )
    results = Counter(
        "read" if isinstance(each, HostReading) else each.category for each in outcomes.values()
    )
    # localhost is another address than the good host's: nothing listens there.
    assert set(results) <= {"read", Category.LOCAL_RESOURCE, Category.REFUSED}
    assert results["read"]
    assert results[Category.LOCAL_RESOURCE]
    for each in outcomes.values():
        if isinstance(each, HostReading):
            assert_read(each, places.simulated[GOOD[0]])
        elif each.category is Category.LOCAL_RESOURCE:
            assert "ulimit -n" in each.message
            assert each.phase in (Phase.CONFIG, Phase.DNS, Phase.CONNECT, Phase.BANNER)


def test_too_few_descriptors_are_an_error_before_the_start(tmp_path):
    def limit_to_64() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = run_sockfleet("scan", "192.0.2.1,", preexec_fn=limit_to_64, cwd=tmp_path)
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

    def lower_soft_limit() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))

    words = ["scan", inventory, "--known-hosts", places.known_hosts, "-f", "csv"]
    done = run_sockfleet(*words, preexec_fn=lower_soft_limit)
    assert done.returncode == 0, done.stderr


# Name servers.


def replace_lookup(mocker, lookup) -> None:
    """Make every resolver of the scan call ``lookup`` instead of the system."""
    mocker.patch(
        "sockfleet.collector.ssh.routes.routes.Resolver", functools.partial(Resolver, lookup=lookup)
    )


def test_addresses_are_read_while_all_name_lookups_hang(transport, places, mocker):
    release = threading.Event()
    replace_lookup(mocker, lambda *_: release.wait() and [])
    limited = replace(places.good[0].ssh, connect_timeout_s=0.5)
    # More than the resolver has threads, so that some wait for others.
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


def test_a_name_lookup_that_fails_once_is_retried(transport, places, mocker):
    lookups: Counter[str] = Counter()

    def lookup(name: str, *_: object) -> list[object]:
        lookups[name] += 1
        if name == "broken.example":
            raise socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution")
        if lookups[name] == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (places.good[0].address, 0))]

    replace_lookup(mocker, lookup)
    names = ("slow.example", "broken.example")
    hosts = [replace(places.good[0], name=name, address=name) for name in names]
    with nothing_is_left():
        outcomes = scan(transport, places, [*hosts, places.good[1]], retries=1)
    assert_read(outcomes[GOOD[1]], places.simulated[GOOD[1]])
    # The second attempt resolves it; known_hosts has no line for this name.
    assert outcomes["slow.example"].category is Category.HOSTKEY_UNKNOWN
    assert outcomes["slow.example"].attempts == 2
    assert outcomes["broken.example"].category is Category.DNS
    assert "temporary failure" in outcomes["broken.example"].message


def test_the_command_ends_while_a_lookup_hangs(tmp_path):
    script = """
        import sys, threading
        from functools import partial
        from sockfleet.collector.ssh.routes import resolver, routes
        from sockfleet.collector import engine
        from sockfleet.cli.main import main

        stuck = partial(resolver.Resolver, lookup=lambda *_: threading.Event().wait())
        routes.Resolver = stuck
        engine.attribute_timeout = lambda error, **_: error  # also on a busy machine
        sys.argv = ["sockfleet", "scan", "a.example,b.example,", "--connect-timeout", "0.5",
                    "--retries", "0", "-i", sys.argv[1], "--known-hosts", "/dev/null"]
        main()
    """
    key = ssh_keygen(tmp_path / "key")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(key)],
        capture_output=True,
        text=True,
        timeout=60,  # reached only if the exit waits for the lookups
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "dns_timeout" in done.stdout
