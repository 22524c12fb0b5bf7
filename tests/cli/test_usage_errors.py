"""Every command says one line about a mistake, in one style, with the nearest name that exists."""

from __future__ import annotations

import json

import pytest

from sockfleet.cli.main import COMMANDS
from tests.support.cli.command_line import run_command

INVENTORY = {
    "web": {"hosts": {"web1": {}, "web2": {}}},
    "database": {"hosts": {"db1": {}}},
}

MISTAKES = [
    ("scna", "no command 'scna'; did you mean scan? (sockfleet --help)"),
    (
        "fleet.json",
        "no command 'fleet.json'; did you mean sockfleet scan fleet.json? (sockfleet --help)",
    ),
    (
        "web1,web2,",
        "no command 'web1,web2,'; did you mean sockfleet scan web1,web2,? (sockfleet --help)",
    ),
    ("history lst", "no command 'lst'; did you mean list? (sockfleet history --help)"),
    ("report --htlm x", "no option '--htlm'; did you mean --html? (sockfleet report --help)"),
    ("history list --shrt", "no option '--shrt'; did you mean --"),
    ("--verson", "no option '--verson'; did you mean --version? (sockfleet --help)"),
    ("scan", "INVENTORY... is missing (sockfleet scan --help)"),
    ("scan fleet.json --limt web", "no option '--limt'; did you mean --limit?"),
    ("scan fleet.json --xyz", "no option '--xyz' (sockfleet scan --help)"),
    ("scan fleet.json -y", "no option '-y' (sockfleet scan --help)"),
    ("scan fleet.json --limit", "option '--limit' requires an argument"),
    ("scan fleet.json --agent=yes", "option '--agent' does not take a value"),
    ("scan fleet.json -l wbe", "no host or group matches 'wbe'; did you mean web?"),
    ("scan fleet.json -l databse", "no host or group matches 'databse'; did you mean database?"),
    ("scan fleet.json -l dp1", "no host or group matches 'dp1'; did you mean db1?"),
    ("scan fleet.json -l WEB1", "no host or group matches 'WEB1'; did you mean web1?"),
    ("scan fleet.json -l x*", "no host or group matches 'x*' (3 hosts in the inventory)"),
    (
        "scan fleet.json -l wbe,dp1",
        "no host matches 'wbe,dp1' among the 3 of the inventory; no host or group matches 'wbe'; ",
    ),
    ("scan fleet.json --sort tcp_clse", "no key 'tcp_clse' to sort by; did you mean tcp_close?"),
    ("scan fleet.json --sort ?", "no key '?' to sort by; there are tcp_close, closed, "),
    ("scan fleet.json -f jsno", "no format 'jsno'; did you mean json?"),
    ("scan fleet.json -f ?", "no format '?'; there are csv, influx, json, "),
    ("scan fleet.json -o x.jsno", "'x.jsno': no format has the suffix '.jsno'; there are .csv, "),
    ("scan fleet.json --transport paramko", "no transport 'paramko'; did you mean paramiko?"),
    ("scan fleet.json --threshold held_socket=1", "threshold 'held_socket=1': no threshold 'held_"),
    (
        "scan fleet.json --host-keys strct",
        "--host-keys: 'strct' is not one of 'strict', 'accept-new'; did you mean strict?",
    ),
    ("scan fleet.json -c many", "--concurrency: 'many' is not a valid whole number"),
    ("scan fleet.json -c 0", "--concurrency: 0 is not in the range x>=1"),
    ("scan fleet.json --timeout soon", "--timeout: 'soon' is not a valid number"),
    ("scan fleet.json --workers x", "--workers: 'x' is not a valid whole number or auto"),
    ("scan fleet.json --password-file missing", "--password-file missing: No such file or dir"),
    ("scan missing.yml", "missing.yml: no such file or folder; a host is named with a comma: "),
    ("explain --hst web1", "no option '--hst'; did you mean --host?"),
    ("explain --host wbe1 --inventory fleet.json", "no host or group matches 'wbe1'; did you mean"),
    ("explain missing", "cannot read missing"),
    ("merge", "SCAN.json... is missing (sockfleet merge --help)"),
    ("merge missing.json", "cannot read missing.json: No such file or directory"),
    ("merge missing.json -f jsno", "no format 'jsno'; did you mean json?"),
    ("inventory", "INVENTORY... is missing (sockfleet inventory --help)"),
    ("inventory fleet.json", "name one of --list, --graph, --host NAME and --format FORMAT (sock"),
    ("inventory fleet.json --host wep1", "no host 'wep1' among the 3; did you mean web1?"),
    ("demo --hosts none", "--hosts: 'none' is not a valid whole number (sockfleet demo --help)"),
    ("demo --scenario missing.yml", "missing.yml: cannot be read: No such file or dir"),
    ("alert -q", "RULES.yml is missing; sockfleet alert --print-rules has some (sockfleet alert "),
    ("alert missing.yml --check", "missing.yml: No such file or directory"),
    ("alert run missing.yml --dry-rnu", "no option '--dry-rnu'; did you mean --dry-run?"),
    ("alert missing.yml --since 2d", "--since is for --dry-run: no alert of last week is sent"),
    ("authorized-key", "KEY.pub is missing (sockfleet authorized-key --help)"),
    ("authorized-key missing.pub", "cannot read missing.pub: No such file or directory"),
    ("become-rule", "USER is missing (sockfleet become-rule --help)"),
    ("become-rule x --method sodu", "--method: 'sodu' is not one of 'sudo', "),
    ("config", "name what to do: --check (sockfleet config --help)"),
    ("config --check --config missing.toml", "cannot read the configuration missing.toml: "),
    ("schema scna", "'scna' is not one of 'scan', 'ndjson', 'trend', "),
    ("completion bsh", "'bsh' is not one of 'bash', 'zsh', 'fish'; did you mean bash?"),
]  # fmt: skip
"""What is typed, and how the line about it begins."""

OF_CHECK = [
    ("check --frm x.json", "no option '--frm'; did you mean --from? (sockfleet check --help)"),
    ("check --from missing.json", "cannot read missing.json: No such file or directory"),
    ("check fleet.json -l wbe", "no host or group matches 'wbe'; did you mean web?"),
    ("check fleet.json -w tcp_clos=3", "--warning 'tcp_clos=3': no KEY 'tcp_clos'; did you mean"),
    ("check fleet.json -w ?=3", "--warning '?=3': no KEY '?'; there are tcp_close (or another "),
    ("check fleet.json -t soon", "--deadline: 'soon' is not a valid number (sockfleet check --"),
]


@pytest.fixture
def sockfleet(tmp_path, monkeypatch, capsysbinary):
    """Run a command line in a folder with an inventory; return exit code, stdout and stderr."""
    (tmp_path / "fleet.json").write_text(json.dumps({"all": {"children": INVENTORY}}))
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str, str]:
        return run_command(*line.split(), monkeypatch=monkeypatch, captured=capsysbinary)

    return call


@pytest.mark.parametrize(("line", "expected"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_of_one_style(sockfleet, line, expected):
    code, out, err = sockfleet(line)
    assert (code, out) == (2, "")
    assert err.startswith(f"sockfleet: error: {expected}")
    assert err.count("\n") == 1
    assert err.rstrip("\n")[-1] not in ".:;"
    assert "Errno" not in err


@pytest.mark.parametrize(("line", "expected"), OF_CHECK, ids=[line for line, _ in OF_CHECK])
def test_a_mistake_in_a_check_is_the_line_of_an_unknown_state(sockfleet, line, expected):
    code, out, err = sockfleet(line)
    assert (code, err) == (3, "")
    assert out.startswith(f"SOCKFLEET UNKNOWN - {expected}")
    assert out.count("\n") == 1


def test_every_command_is_in_the_tables():
    assert set(COMMANDS) <= {line.split()[0] for line, _ in MISTAKES + OF_CHECK}


def test_a_control_character_of_the_command_line_steers_no_terminal(sockfleet):
    for line in (
        "sc\x1b[2Jan",
        "scan a, --sort tcp\x1b[2J",
        "scan a, -l \x1b[2J",
        "scan a, --\x1b",
    ):
        code, out, err = sockfleet(line)
        assert (code, out) == (2, "")
        assert "\x1b" not in err


def test_a_regular_expression_has_no_nearest_name(sockfleet):
    _, _, err = sockfleet("scan fleet.json -l ~wbe.")
    assert "did you mean" not in err
