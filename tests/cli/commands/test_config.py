"""``sockfleet config``: what each command takes from the file, and every fault in it."""

from __future__ import annotations

import tomllib

import pytest

from tests.support.cli.configured_runs import Run, make_run, write_configuration


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path) -> Run:
    return make_run(tmp_path, monkeypatch, capsysbinary)


def test_config_shows_each_commands_settings_and_their_tables(run, monkeypatch):
    write_configuration(
        '[defaults]\nuser = "m\\u001b\\u00e9\\U000e0001\\""\n[scan]\ntop = 3\nquiet = true\n'
        '[profile.night]\ntop = 5\n[profile."a b"]\n'
    )
    monkeypatch.setenv("SOCKFLEET_TOP", "7")
    code, out, err = run("config", "--check", "--config", "c.toml", "--profile", "night")
    assert (code, err) == (0, "")
    assert out.startswith("# c.toml\n# profiles: night, a b; chosen: night\n\n[scan]\n")
    shown = tomllib.loads(out)
    assert shown["scan"] == {"user": 'm\x1bé\U000e0001"', "top": 5, "quiet": True}
    assert shown["check"] == {"user": 'm\x1bé\U000e0001"'}
    assert "top = 5  # [profile.night], but SOCKFLEET_TOP is set\n" in out
    assert "\x1b" not in out
    code, out, _ = run("config", "--check")
    assert (code, "# top: SOCKFLEET_TOP is set" in out) == (0, True)
    assert out.startswith("# no configuration file; looked for /")


def test_config_lists_all_faults_at_once(run):
    write_configuration("x = 1\n[scan]\ny = 1\n[check]\nz = 1\n[profile.p]\nw = 1\n")
    code, _, err = run("config", "--check", "--config", "c.toml")
    assert code == 2
    keys = [line.split(": ")[3] for line in err.splitlines()]
    assert keys == ["x", "scan.y", "check.z", "profile.p.w"]
    code, _, err = run("scan", "--config", "c.toml", "here,")
    assert code == 2
    assert err.endswith("(and 3 more: sockfleet config --check)\n")


def test_config_lists_values_that_the_commands_would_refuse(run):
    write_configuration(
        '[defaults]\nformat = "jsn"\nmode = "999"\nsort = "tcpclose"\ntransport = "asynssh"\n'
        'threshold = ["x=1"]\noutput = ["json:x", "x.csv", "x.bogus"]\n'
        '[check]\nwarning = ["tcp_clos=1"]\n[profile.p]\ncritical = ["tcp_close=z"]\n'
    )
    code, _, err = run("config", "--check", "--config", "c.toml")
    assert code == 2
    lines = {line.split(": ")[3]: line for line in err.splitlines()}
    expected = {
        "defaults.format": "no format 'jsn'",
        "defaults.mode": "expected rights in octal",
        "defaults.sort": "did you mean tcp_close?",
        "defaults.transport": "did you mean asyncssh?",
        "defaults.threshold": "no threshold 'x'",
        "defaults.output": ".bogus",
        "check.warning": "tcp_clos",
        "profile.p.critical": "z",
    }
    assert lines.keys() == expected.keys()
    for key, word in expected.items():
        assert word in lines[key]
    assert run("scan", "--config", "c.toml", "here.ini")[0] == 2


def test_config_without_check_is_a_usage_error(run):
    code, _, err = run("config")
    assert code == 2
    assert "name what to do: --check" in err
