"""Each fault of a jump host: the hosts behind it name it, and all others are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sockfleet.collector.errors import Category, Phase
from sockfleet.collector.outcome import HostFailure
from sockfleet.inventory.models import Hop, Host
from sockfleet.simulator.scenario.faults import Fault
from tests.support.ssh.fault_scans import assert_read, measure_good_hosts, scan_fault
from tests.support.ssh.fault_servers import GOOD, GOOD_JUMP, Places, all_places
from tests.support.ssh.fault_table import SIMULATED, SSHD, Row, case
from tests.support.ssh.over_ssh import nothing_is_left

pytestmark = pytest.mark.usefixtures("attribute_no_timeout")

BEHIND = ("behind1", "behind2")

# Until its login is done a jump host fails as any host does; after that, in forwarding.
_LOGIN = (Phase.CONNECT, Phase.BANNER, Phase.KEX, Phase.AUTH)
BY_ITSELF = [row for row in (*SIMULATED, *SSHD) if row.phase in _LOGIN]
IN_FORWARDING = {
    Fault.NO_SESSION: (Phase.CONNECT,),
    Fault.STALLED_SESSION: (Phase.CONNECT,),
    Fault.SESSION_FLOOD: (Phase.CONNECT,),
    Fault.CLOSED_IN_SESSION: (Phase.CONNECT,),
    Fault.RESET_IN_SESSION: (Phase.CONNECT,),
}
# The connection breaks when the first host behind it answers; the second may still connect.
WHILE_FORWARDING = dict.fromkeys(
    (
        Fault.CUT_OFF,
        Fault.RESET_IN_OUTPUT,
        Fault.HALF_CLOSED_IN_OUTPUT,
        Fault.FAREWELL_IN_OUTPUT,
        Fault.CORRUPTED,
    ),
    (Phase.CONNECT, Phase.BANNER),
)
# The hosts behind it answer meanwhile.
ENDLESS = (Phase.CONNECT, Phase.BANNER, Phase.KEX, Phase.AUTH, Phase.SESSION, Phase.COMMAND)
WHILE_FORWARDING |= dict.fromkeys((Fault.MESSAGE_FLOOD, Fault.REKEYS), ENDLESS)
HOPS_AND_PHASES = [
    *((row, (row.phase,)) for row in BY_ITSELF),
    *((row, IN_FORWARDING[row.name]) for row in SIMULATED if row.name in IN_FORWARDING),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with all_places(tmp_path_factory.mktemp("jumps")) as places:
        measure_good_hosts(places)
        yield places


def behind(jump: Host, name: str, target: Host, **ssh: object) -> Host:
    """Return ``target`` under another name, reached through ``jump``."""
    hop = Hop(address=jump.address, port=jump.port, ssh=replace(jump.ssh, **ssh))
    return replace(target, name=name, ssh=replace(target.ssh, jumps=(hop,), **ssh))


def test_every_fault_up_to_the_session_has_a_case():
    rows = {row.name for row in SIMULATED if row.phase in (*_LOGIN, Phase.SESSION)}
    after_forwarding = {Fault.EXEC_REFUSED, Fault.STALLED_EXEC}
    assert rows - {row.name for row, _ in HOPS_AND_PHASES} == after_forwarding


def test_hosts_that_flood_do_not_use_up_what_their_jump_host_may_send(transport, places):
    """What is in flight when a host is cut off comes all the same, through the jump host."""
    jump, flood = places.good[0], places.hosts[Fault.FLOODS]
    floods = [behind(jump, f"flood{number}", flood) for number in range(6)]
    good = behind(jump, "behind a good one", places.good[1])
    with nothing_is_left():
        outcomes = scan_fault(transport, places, [*floods, good], SIMULATED[-1])
    assert_read(outcomes[good.name], places.simulated[GOOD[1]])
    for host in floods:
        failure = outcomes[host.name]
        assert isinstance(failure, HostFailure)
        assert failure.category is Category.OUTPUT_LIMIT, failure.message


@pytest.mark.parametrize(("row", "phases"), [case(*each) for each in HOPS_AND_PHASES])
def test_hosts_behind_a_failing_jump_host_name_it(
    transport, places, row: Row, phases: tuple[Phase, ...]
):
    jump = places.hosts[row.name]
    ssh_options = {}
    if row.waits_for_connect_timeout or row.name in IN_FORWARDING:
        ssh_options["connect_timeout_s"] = places.connect_limit_s
    hosts = [
        places.good[0],
        *(behind(jump, name, places.good[1], **ssh_options) for name in BEHIND),
        behind(places.good[0], "behind a good one", places.good[1]),
    ]
    with nothing_is_left():
        outcomes = scan_fault(transport, places, hosts, row)
    assert_read(outcomes[GOOD[0]], places.simulated[GOOD[0]])
    assert_read(outcomes["behind a good one"], places.simulated[GOOD[1]])
    for name in BEHIND:
        failure = outcomes[name]
        assert isinstance(failure, HostFailure), failure
        assert failure.category is Category.VIA_JUMP, failure.message
        assert failure.phase in phases, failure.message
        assert f"jump host {jump.address}:{jump.port}" in failure.message
        assert failure.message.isprintable()


def test_a_jump_host_that_breaks_or_floods_while_it_forwards_is_named(transport, places):
    """All of these jump hosts side by side, each with a host behind it that never answers.

    So a jump host that sends messages without end has time to exceed what it may send.
    """
    jumps = {fault: places.hosts[fault] for fault in WHILE_FORWARDING}
    hosts = [
        *(
            behind(jump, f"behind {fault}", places.hosts[Fault.HANGS])
            for fault, jump in jumps.items()
        ),
        places.good[0],
        behind(places.good[0], "behind a good one", places.good[1]),
    ]
    with nothing_is_left():
        outcomes = scan_fault(transport, places, hosts, SIMULATED[-1])
    assert_read(outcomes[GOOD[0]], places.simulated[GOOD[0]])
    assert_read(outcomes["behind a good one"], places.simulated[GOOD[1]])
    for fault, jump in jumps.items():
        failure = outcomes[f"behind {fault}"]
        assert isinstance(failure, HostFailure), failure
        assert failure.category is Category.VIA_JUMP, failure.message
        assert failure.phase in WHILE_FORWARDING[fault], failure.message
        assert f"jump host {jump.address}:{jump.port} went away" in failure.message


def test_a_stream_that_a_jump_host_spoils_fails_as_that_of_the_host(transport, places):
    """Nobody can distinguish them: the jump host itself goes on to answer."""
    expected = {
        Fault.STALLED_OUTPUT: Category.BANNER_TIMEOUT,
        Fault.TRICKLES: Category.BANNER_TIMEOUT,
        Fault.FLOODS: Category.NOT_SSH,
    }
    hosts = [
        behind(
            places.hosts[fault],
            fault,
            places.good[1],
            connect_timeout_s=places.connect_limit_s if category is not Category.NOT_SSH else None,
        )
        for fault, category in expected.items()
    ]
    with nothing_is_left():
        outcomes = scan_fault(transport, places, [*hosts, places.good[0]], SIMULATED[-1])
    assert_read(outcomes[GOOD[0]], places.simulated[GOOD[0]])
    assert {name: outcomes[name].category for name in expected} == expected


# Behind a good jump host, and as the second of two.


def test_a_fault_behind_a_good_jump_host_is_the_hosts_own(transport, places):
    """Every fault at once: what comes through a jump host is bounded and named as without one."""
    jump, limit_s = places.hosts[GOOD_JUMP], _limit_s(places)
    rows = [
        row
        for row in SIMULATED
        if row.phase is not Phase.CONNECT and not row.waits_for_host_timeout
    ]
    hosts = []
    for row in rows:
        options = {"connect_timeout_s": limit_s} if row.waits_for_connect_timeout else {}
        hosts.append(behind(jump, row.name, _with(places.hosts[row.name], **options)))
    good = behind(jump, "behind a good one", places.good[1])
    with nothing_is_left():
        outcomes = scan_fault(transport, places, [*hosts, good], SIMULATED[-1])
    assert_read(outcomes[good.name], places.simulated[GOOD[1]])
    found = {
        row.name: outcome.category if isinstance(outcome, HostFailure) else None
        for row in rows
        for outcome in [outcomes[row.name]]
    }
    assert found == {row.name: row.category for row in rows}


def test_the_second_of_two_jump_hosts_is_named(transport, places):
    """Every fault of a login at once, each on a jump host behind a good one."""
    limit_s = _limit_s(places)
    rows = [row for row in SIMULATED if row.phase in (Phase.BANNER, Phase.KEX, Phase.AUTH)]
    first = _hop(places.hosts[GOOD_JUMP])
    hosts = []
    for row in rows:
        options = {"connect_timeout_s": limit_s} if row.waits_for_connect_timeout else {}
        hops = (first, _hop(places.hosts[row.name], **options))
        hosts.append(_with(replace(places.good[1], name=row.name), jumps=hops))
    with nothing_is_left():
        outcomes = scan_fault(transport, places, hosts, SIMULATED[-1])
    for row in rows:
        failure, jump = outcomes[row.name], places.hosts[row.name]
        assert isinstance(failure, HostFailure), (row.name, failure)
        assert failure.category is Category.VIA_JUMP, failure.message
        assert f"jump host {jump.address}:{jump.port}" in failure.message


def _limit_s(places: Places) -> float:
    """Enough for any login beside all faults at once."""
    return 2 + 10 * places.good_takes_s


def _with(host: Host, **ssh: object) -> Host:
    return replace(host, ssh=replace(host.ssh, **ssh))


def _hop(host: Host, **ssh: object) -> Hop:
    return Hop(address=host.address, port=host.port, ssh=replace(host.ssh, **ssh))
