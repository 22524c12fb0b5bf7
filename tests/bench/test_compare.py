"""The comparison: every client reads every host, and wrong numbers are detected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import compare
import pytest
from fleet_target import Target
from fleets import same_but_wrong, simulated
from peers import PEERS

SCRIPT = Path(__file__).parents[2] / "bench" / "compare.py"
HOSTS = 24
# The other clients need tools that only ./dev bench installs; they are measured in the same way.
CLIENTS = [
    "sockfleet",
    "sockfleet files only",
    "sockfleet on paramiko",
    "sockfleet scan",
    "asyncssh",
    "paramiko",
    "ssh",
    "ansible raw",
]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with simulated(tmp_path_factory.mktemp("fleet"), HOSTS) as (target, _):
        yield target


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_reads_every_host(target, name):
    measurements = compare.Measurements(PEERS[name])
    compare.measure(measurements, target, HOSTS)
    assert measurements.why_not == ""
    assert measurements.hosts > 0
    # Of a command, the difference of two runs. Another process may disturb the shorter one by more
    # than these few hosts cost sockfleet; test_client_cpu tests the difference on its own clock.
    assert name == "sockfleet scan" or measurements.cpu_ms[0] > 0
    assert measurements.floor_ms[0] > 0


@pytest.mark.parametrize("name", CLIENTS)
def test_numbers_of_another_host_end_the_run(target, name):
    with pytest.raises(compare.WrongAnswerError, match=rf"^{name}: \d+ wrong:\n  127\..*TCP: "):
        compare.measure(compare.Measurements(PEERS[name]), same_but_wrong(target), HOSTS)


def test_a_missing_answer_is_wrong(target):
    address = target.addresses[0]
    right = {address: target.truth[address].encode()}
    assert target.wrong([address], right) == []
    (description,) = target.wrong(target.addresses[:2], right)
    assert description.startswith(f"{target.addresses[1]}: b'' where 'TCP: inuse ")


def test_a_client_that_cannot_run_is_listed_with_the_reason(target, tmp_path, mocker):
    mocker.patch("compare.peers_python", return_value=tmp_path / "peers" / "bin" / "python")
    measurements = compare.Measurements(PEERS["hussh"])
    compare.measure(measurements, target, HOSTS)
    assert measurements.why_not == "not installed: no python in peers/"

    mocker.patch.dict("os.environ", PATH=str(tmp_path))
    measurements = compare.Measurements(PEERS["pdsh"])
    compare.measure(measurements, target, HOSTS)
    assert "No such file or directory: 'pdsh'" in measurements.why_not
    ours = compare.Measurements(PEERS["sockfleet"], cpu_ms=[1.0], floor_ms=[0.2], hosts=HOSTS)
    assert f"pdsh{' ' * 23} not measured: {measurements.why_not}" in compare.table(
        {"sockfleet": ours, "pdsh": measurements}
    )


def test_ratios_compare_figures_of_the_same_round():
    ours = compare.Measurements(
        PEERS["sockfleet"], cpu_ms=[1.0, 2.0, 9.0], floor_ms=[0.1, 0.2, 0.1]
    )
    theirs = compare.Measurements(
        PEERS["asyncssh"], cpu_ms=[2.0, 4.0, 4.0], floor_ms=[0.1, 0.2, 0.1]
    )
    assert compare.ours_to(ours, theirs) == pytest.approx(0.5)


def test_the_command_prints_a_line_for_each_client_on_a_real_sshd():
    command = [sys.executable, str(SCRIPT), "--fleet", "sshd", "--sshd-hosts", "8"]
    done = subprocess.run(
        [*command, "--rounds", "1", "--only", "ssh,ssh with sntrup761"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "round 1 of 1 is done\n")
    head, columns, *rows = done.stdout.splitlines()
    assert head.startswith("real OpenSSH servers on this machine: 8 hosts, 1 rounds")
    assert " ".join(columns.split()) == "client CPU ms/host least most floors ours/it hosts"
    assert [row[:27].strip() for row in rows] == [
        "crypto floor",
        "sockfleet",
        "ssh",
        "ssh with sntrup761",
    ]


def test_an_unknown_client_is_refused():
    command = [sys.executable, str(SCRIPT), "--only", "telnet", "--fleet", "simulated"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("no such client: telnet; there are sockfleet, ")


def test_quick_runs_the_budgets(mocker):
    mocker.patch("sys.argv", ["compare.py", "--quick"])
    run = mocker.patch("os.execv", side_effect=SystemExit)
    with pytest.raises(SystemExit):
        compare.main()
    assert run.call_args.args[1] == [sys.executable, str(SCRIPT.with_name("budgets.py"))]
