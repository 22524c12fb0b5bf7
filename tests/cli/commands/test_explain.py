"""``sockfleet explain``: saved files in any order, folders, this machine, and ``ss -s``."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from subprocess import DEVNULL

import pytest

from tests.support.cli.command_line import run_command
from tests.support.paths import WORKED

SOCKSTAT = (WORKED / "sockstat").read_bytes()
SOCKSTAT6 = (WORKED / "sockstat6").read_bytes()
SNMP = b"Ip: Forwarding\nIp: 1\nTcp: RtoMin CurrEstab\nTcp: 200 97\nUdp: InErrors\nUdp: 0\n"


@pytest.fixture
def explain(monkeypatch, capsysbinary):
    """Run ``sockfleet explain`` as the console script does: exit code, stdout, stderr."""

    return partial(run_command, "explain", monkeypatch=monkeypatch, captured=capsysbinary)


@pytest.fixture
def saved_files(tmp_path):
    """A folder with the three files under meaningless names."""
    for name, data in (("a", SOCKSTAT), ("b", SOCKSTAT6), ("c", SNMP)):
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_the_worked_example_is_explained(explain):
    code, out, err = explain(WORKED / "sockstat", WORKED / "sockstat6")
    assert (code, err) == (0, "")
    assert "247 - (143 + 4 - 38) = 138" in out
    assert "= 247 - 147 = 100" in out
    assert "Of these 138, 38 are TIME_WAIT." in out


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_files_are_recognized_by_their_content(explain, saved_files, order):
    code, out, err = explain("--ss", *(saved_files / name for name in order))
    assert (code, err) == (0, "")
    assert out.startswith(
        "Total: 400\nTCP:   285 (estab 97, closed 138, orphaned 1, timewait 38)\n\nTransport "
    )


@pytest.mark.parametrize("inside", ["proc/net", "net", "."])
def test_a_folder_is_searched_for_the_files(explain, tmp_path, inside):
    folder = tmp_path / "sosreport-web1" / inside
    folder.mkdir(parents=True)
    (folder / "sockstat").write_bytes(SOCKSTAT)
    (folder / "sockstat6").write_bytes(SOCKSTAT6)
    (folder / "snmp").write_bytes(SNMP)
    code, out, _ = explain(tmp_path / "sosreport-web1", "--ss")
    assert code == 0
    assert "closed 138" in out


def test_standard_input_may_hold_all_files_with_the_headings_of_head(explain):
    pasted = b"==> /proc/net/sockstat <==\n" + SOCKSTAT + b"\n==> x <==\n" + SNMP + SOCKSTAT6
    code, out, err = explain("-", "--ss", stdin=pasted)
    assert (code, err) == (0, "")
    assert "closed 138" in out


def test_this_machine_is_explained_without_arguments(explain):
    code, out, err = explain()
    assert (code, err) == (0, "")
    assert out.startswith("TCP sockets of this machine\n")
    assert "TCP:  inuse" in out


def test_thresholds_move_the_diagnosis(explain, monkeypatch):
    assert "held-closed (notice)" in explain(WORKED)[1]
    assert "normal (ok)" in explain(WORKED, "--threshold", "held_sockets=101")[1]
    monkeypatch.setenv("SOCKFLEET_THRESHOLD", "held_sockets=101 tw_share=1%")
    assert "normal (ok)" in explain(WORKED)[1]


def test_an_unknown_threshold_is_refused_before_any_file_is_read(explain, tmp_path):
    code, out, err = explain(tmp_path / "missing", "--threshold", "held_socket=3")
    assert (code, out) == (2, "")
    assert "no threshold 'held_socket'; did you mean held_sockets?" in err


def test_ss_without_snmp_names_the_missing_counter(explain):
    code, out, err = explain("--ss", WORKED / "sockstat", WORKED / "sockstat6")
    assert (code, out) == (1, "")
    assert "CurrEstab of Tcp in net/snmp (the established count)" in err


def test_ss_without_sockstat6_says_that_ipv6_counts_as_0(explain, saved_files):
    code, out, err = explain("--ss", saved_files / "a", saved_files / "c")
    assert code == 0
    assert "closed 142" in out
    assert err == "sockfleet: no sockstat6 given: the IPv6 column is 0, as where IPv6 is off\n"


def test_a_folder_without_sockstat6_is_a_host_without_ipv6(explain, tmp_path):
    (tmp_path / "sockstat").write_bytes(SOCKSTAT)
    (tmp_path / "snmp").write_bytes(SNMP)
    assert explain("--ss", tmp_path)[2] == ""
    assert "IPv6 is off, and inuse6 counts as 0" in explain(tmp_path)[1]


@pytest.mark.parametrize(
    "name",
    ["if_inet6", "tcp6", "udp6", "raw6", "snmp6", "igmp6", "ipv6_route", "rt6_stats"],
)
def test_a_folder_whose_other_files_show_ipv6_lacks_its_sockstat6(explain, tmp_path, name):
    (tmp_path / "sockstat").write_bytes(SOCKSTAT)
    (tmp_path / "snmp").write_bytes(SNMP)
    (tmp_path / name).touch()
    assert "no sockstat6 given" in explain("--ss", tmp_path)[2]
    text = explain(tmp_path)[1]
    assert "No sockstat6 was given" in text
    assert "At most 104 TCP sockets" in text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_file_that_powershell_saved_is_read(explain, tmp_path, encoding):
    """By Out-File and its -Encoding: each with the byte order mark."""
    text = "\ufeff" + SOCKSTAT.decode().replace("\n", "\r\n")
    (tmp_path / "saved").write_bytes(text.encode(encoding))
    assert "At most 104 TCP sockets" in explain(tmp_path / "saved")[1]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "odd: empty"),
        (b"\n\n", "odd: empty"),
        (b"hello\n", "odd line 1: 'hello' is not a line of sockstat, sockstat6 or snmp"),
        (b"\xff\x1b[2J\n", "odd line 1: '\N{REPLACEMENT CHARACTER} [2J' is not a line"),
        (SOCKSTAT.decode().encode("utf-16-le"), "odd: looks like UTF-16 or UTF-32"),
        (b"\xff\xfeT", "odd: begins as UTF-16 and is not"),
        (b"\xff\xfe\0\0T", "odd: begins as UTF-32 and is not"),
        (b"TCP: inuse 5 orphan\n", "odd: sockstat line 1: 'TCP: inuse 5 orphan': key 'orphan'"),
        (b"TCP6: inuse x\n", "odd: sockstat line 1: 'TCP6: inuse x'"),
        (SOCKSTAT6, "no sockstat in "),
        (SNMP, "no sockstat in "),
        (b"x" * 2_000_000, "odd: over 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_sockstat_is_refused_with_its_text(explain, tmp_path, data, expected):
    (tmp_path / "odd").write_bytes(data)
    sources = [tmp_path / "odd"]
    if data.startswith(b"TCP6: inuse x"):
        (tmp_path / "good").write_bytes(SOCKSTAT)
        sources.append(tmp_path / "good")
    code, out, err = explain(*sources)
    assert (code, out) == (2, "")
    assert expected in err


def test_files_of_two_hosts_are_refused(explain, saved_files):
    code, _, err = explain(saved_files / "a", saved_files / "a")
    assert code == 2
    assert f"both {saved_files / 'a'} and {saved_files / 'a'} hold a sockstat" in err


def test_a_missing_or_unreadable_file_is_a_usage_error(explain, tmp_path, mocker):
    code, _, err = explain(tmp_path / "missing")
    assert (code, err) == (
        2,
        f"sockfleet: error: cannot read {tmp_path / 'missing'}: No such file or directory\n",
    )
    assert explain(tmp_path)[0] == 2
    (tmp_path / "closed").write_bytes(SOCKSTAT)
    mocker.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied"))
    assert "closed: Permission denied" in explain(tmp_path / "closed")[2]


def test_an_endless_device_is_read_up_to_the_size_limit(explain):
    code, _, err = explain("/dev/zero")
    assert code == 2
    assert "/dev/zero: over 1048576 bytes" in err


def test_a_machine_without_sockstat_is_an_error(explain, mocker, tmp_path):
    mocker.patch("sockfleet.cli.runs.saved_files._PROC_NET", tmp_path)
    code, _, err = explain("--ss")
    assert code == 1
    assert f"no {tmp_path}/sockstat here. Name files that were saved" in err
    mocker.patch("sockfleet.cli.runs.saved_files._PROC_SELF", tmp_path / "self")
    assert "sockstat here: not Linux, or /proc is not mounted. Name" in explain("--ss")[2]


# Both programs read the files, one after the other, and other processes open and close sockets in
# between: a wrong byte would be wrong in every attempt. ss takes a millisecond; ours reads in this
# process, as its start would take a hundred.
COMPARE = """
import contextlib, io, socket, subprocess, sys
from sockfleet.cli.main import main
sys.argv = ["sockfleet", "explain", "--ss"]
held = [socket.socket() for _ in range(7)]
six = [socket.socket(socket.AF_INET6) for _ in range(2)]
live = socket.create_server(("127.0.0.1", 0)) if sys.argv[1] == "live" else None
peer = socket.create_connection(live.getsockname()) if live else None
def explain():
    written = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        main()
    return written.buffer.getvalue()
explain()  # imports what it needs
for _ in range(1000):
    real = subprocess.run(["ss", "-s"], stdout=subprocess.PIPE, check=True).stdout
    ours = explain()
    if ours == real:
        break
sys.stdout.buffer.write(real)
sys.exit(0 if ours == real else f"differs: {ours!r}")
"""


# Root makes a network namespace directly; some systems allow it to no other user
# (Ubuntu 24.04: kernel.apparmor_restrict_unprivileged_userns), so that only the host's is compared.
UNSHARE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
MAY_UNSHARE = os.geteuid() == 0 or not subprocess.call([*UNSHARE, "true"], stderr=DEVNULL)


@pytest.mark.parametrize(
    "within", [["live"], ["idle", *UNSHARE]] if MAY_UNSHARE else [["live"]], ids=" ".join
)
def test_ss_output_equals_ss_byte_for_byte(within):
    sockets, *namespace = within
    done = subprocess.run(
        [*namespace, sys.executable, "-c", COMPARE, sockets],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Total: ")
