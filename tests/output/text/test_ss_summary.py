"""The output of ss -s; the reference is the real ss, which reads the same files."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockfleet.collector.probe.kernel import tcp_estab
from sockfleet.collector.probe.sockstat import Sockstat, parse_sockstat
from sockfleet.output.text.ss_summary import MissingCounterError, ss_summary
from tests.support.paths import WORKED

SNMP = "Tcp: RtoAlgorithm MaxConn CurrEstab InSegs\nTcp: 1 -1 {} 3226\n"


def real_ss(folder, sockstat, sockstat6, snmp):
    """ss -s of iproute2, which reads $PROC_ROOT/net instead of /proc/net."""
    net = folder / "net"
    shutil.rmtree(net, ignore_errors=True)
    net.mkdir()
    (net / "sockstat").write_text(sockstat)
    (net / "snmp").write_text(snmp)
    if sockstat6 is not None:
        (net / "sockstat6").write_text(sockstat6)
    done = subprocess.run(
        ["ss", "-s"],
        env=os.environ | {"PROC_ROOT": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def ours(sockstat, sockstat6, snmp):
    return ss_summary(
        parse_sockstat(sockstat.encode()),
        None if sockstat6 is None else parse_sockstat(sockstat6.encode()),
        tcp_estab(snmp.encode()),
    )


@pytest.mark.parametrize("ipv6", [True, False])
def test_the_worked_example(tmp_path, ipv6):
    sockstat = (WORKED / "sockstat").read_text()
    sockstat6 = (WORKED / "sockstat6").read_text() if ipv6 else None
    snmp = SNMP.format(97)
    text = ours(sockstat, sockstat6, snmp)
    assert text == real_ss(tmp_path, sockstat, sockstat6, snmp)
    assert f"(estab 97, closed {138 if ipv6 else 142}, orphaned 1, timewait 38)\n" in text


# Small numbers only in sum: over 2**31 ss's own int wraps around, which is not worth copying.
@settings(deadline=None)
@given(
    st.lists(st.integers(0, 2**26), min_size=10, max_size=10),
    st.none() | st.lists(st.integers(0, 2**26), min_size=4, max_size=4),
)
def test_any_counters_print_as_in_the_real_ss(tmp_path_factory, v4, v6):
    sockstat = (
        "sockets: used {}\nTCP: inuse {} orphan {} tw {} alloc {} mem {}\n"
        "UDP: inuse {} mem 2\nUDPLITE: inuse 7\nRAW: inuse {}\nFRAG: inuse {} memory 4096\n"
    ).format(*v4)
    sockstat6 = None
    if v6 is not None:
        sockstat6 = (
            "TCP6: inuse {}\nUDP6: inuse {}\nUDPLITE6: inuse 5\nRAW6: inuse {}\n"
            "FRAG6: inuse {} memory 8\n"
        ).format(*v6)
    snmp = SNMP.format(v4[9])
    folder = tmp_path_factory.mktemp("proc")
    assert ours(sockstat, sockstat6, snmp) == real_ss(folder, sockstat, sockstat6, snmp)


def test_all_missing_counters_are_named():
    with pytest.raises(MissingCounterError) as caught:
        ss_summary(Sockstat(lines={"TCP": {"inuse": 1, "tw": 0, "orphan": 0}}), None, None)
    assert str(caught.value) == (
        "used of sockets, alloc of TCP, inuse of RAW, inuse of UDP, inuse of FRAG, "
        "CurrEstab of Tcp in net/snmp (the established count)"
    )
