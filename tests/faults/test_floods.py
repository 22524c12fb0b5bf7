"""Many hosts and jump hosts that flood at once: all others keep their time, as do a deadline and a
signal.

`scan_fault` and `run_engine` fail where a scan takes longer than 25 s.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sockfleet.collector.engine import EngineSettings
from sockfleet.collector.errors import Category
from sockfleet.collector.outcome import HostFailure, HostOutcome
from sockfleet.collector.runtime.signals import StopSignals
from sockfleet.collector.ssh import byte_budget
from sockfleet.collector.transport import TransportSettings
from sockfleet.inventory.models import Hop, Host
from sockfleet.scan.collect import collect
from sockfleet.simulator.scenario.faults import Fault
from tests.support.ssh.fault_scans import assert_read, measure_good_hosts, run_engine, scan_fault
from tests.support.ssh.fault_servers import GOOD, Places, fleet_places
from tests.support.ssh.fault_table import SIMULATED
from tests.support.ssh.over_ssh import nothing_is_left

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")

FLOODS = (
    Fault.IGNORE_FLOOD,
    Fault.BANNER_FLOOD,
    Fault.SESSION_FLOOD,
    Fault.FLOODS,
    Fault.FLOODS_STDERR,
    Fault.MESSAGE_FLOOD,
    Fault.REKEYS,
)
JUMP_FLOODS = (Fault.SESSION_FLOOD, Fault.MESSAGE_FLOOD, Fault.REKEYS)
REKEYING, SOUND = 16, 8


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with fleet_places(tmp_path_factory.mktemp("floods")) as places:
        measure_good_hosts(places)
        yield places


def test_hosts_that_exchange_keys_without_end_cost_no_other_host_its_reading(transport, places):
    rekeying = [replace(places.hosts[Fault.REKEYS], name=f"rekeys{n}") for n in range(REKEYING)]
    sound = [replace(places.good[0], name=f"sound{n}") for n in range(SOUND)]
    with nothing_is_left():
        outcomes = scan_fault(transport, places, [*rekeying, *sound], SIMULATED[-1])
    for host in sound:
        assert_read(outcomes[host.name], places.simulated[GOOD[0]])
    for host in rekeying:
        failure = outcomes[host.name]
        assert isinstance(failure, HostFailure)
        assert failure.category is Category.OUTPUT_LIMIT, failure.message


def test_a_deadline_ends_a_scan_in_the_middle_of_every_flood(transport, places):
    endless = places.hosts[Fault.HANGS]
    hosts = [replace(places.hosts[fault], name=f"{fault}{n}") for fault in FLOODS for n in range(3)]
    hosts += [_behind(places.hosts[fault], f"behind {fault}", endless) for fault in JUMP_FLOODS]
    hosts += [endless, places.good[0]]
    settings = EngineSettings(
        concurrency=len(hosts),
        timeout_s=60.0,
        deadline_s=2.0 + 10 * places.good_takes_s,
        retries=0,
        transport=transport,
        transport_settings=TransportSettings(
            known_hosts_files=(str(places.known_hosts),),
            connect_timeout_s=60.0,
            concurrency=len(hosts),
        ),
    )
    with nothing_is_left():
        outcomes = run_engine(settings, hosts)
    assert_read(outcomes[GOOD[0]], places.simulated[GOOD[0]])
    assert outcomes[endless.name].category is Category.DEADLINE


BEFORE_THE_SIGNAL = 256 * 1024
AFTER_IT = {"asyncssh": 1024 * 1024, "asyncssh-public": 1024 * 1024, "paramiko": 8 * 1024 * 1024}
"""Paramiko's threads go on until a busy machine lets the main one run: 2.3 MiB were seen."""


def test_a_signal_ends_a_scan_in_the_middle_of_the_floods_of_jump_hosts(
    transport, places, monkeypatch
):
    """By the bytes of jump hosts that are still taken after it: here they may flood for ever."""
    taken = 0

    class EndlessBudget(byte_budget.ByteBudget):
        def spend(self, count: int) -> bool:
            nonlocal taken
            if self._refilled_at is not None:
                before, taken = taken, taken + count
                if before < BEFORE_THE_SIGNAL <= taken:
                    signal.raise_signal(signal.SIGINT)
                count = 0
            return super().spend(count)

    for module in ("asyncssh", "paramiko"):
        monkeypatch.setattr(f"sockfleet.collector.{module}.stream.ByteBudget", EndlessBudget)
    endless = places.hosts[Fault.HANGS]
    hosts = [_behind(places.hosts[fault], f"behind {fault}", endless) for fault in JUMP_FLOODS]
    settings = EngineSettings(
        concurrency=len(hosts),
        timeout_s=600.0,
        retries=0,
        transport=transport,
        transport_settings=TransportSettings(
            known_hosts_files=(str(places.known_hosts),),
            connect_timeout_s=600.0,
            concurrency=len(hosts),
        ),
    )
    outcomes: list[HostOutcome] = []
    signals = StopSignals()
    with nothing_is_left():
        end = collect(hosts, settings, outcomes.append, stoppable=signals, workers=1)
    assert signals.received == [signal.SIGINT]
    assert not end.complete
    assert {each.category for each in outcomes} == {Category.NOT_ATTEMPTED}
    assert len(outcomes) == len(hosts)
    assert BEFORE_THE_SIGNAL <= taken < BEFORE_THE_SIGNAL + AFTER_IT[transport]


def _behind(jump: Host, name: str, target: Host) -> Host:
    hop = Hop(address=jump.address, port=jump.port, ssh=jump.ssh)
    return replace(target, name=name, ssh=replace(target.ssh, jumps=(hop,)))
