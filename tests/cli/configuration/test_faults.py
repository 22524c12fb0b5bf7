"""Faults in ``sockfleet.toml`` are reported with their key, faults of the file with its path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.cli.configuration.file import _check_document, read_configuration, settings_of
from sockfleet.cli.configuration.keys import COMMANDS, ConfigurationError, all_keys
from sockfleet.core.text import has_unsafe
from tests.support.cli.configured_runs import (
    Run,
    configuration_faults,
    make_run,
    parse_options,
    write_configuration,
)


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path) -> Run:
    return make_run(tmp_path, monkeypatch, capsysbinary)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timeout = 3", "timeout: stands in no table; put it under [defaults] or under"),
        ("[scn]", "scn: no such table; did you mean scan?"),
        ("[demo]", "demo: no such table; there are defaults, scan, "),
        ("scan = 3", "scan: expected a table, [scan], found 3"),
        ("[profile]\nx = 3", "profile.x: expected a table, [profile.x], found 3"),
        ("profile = 3", "profile: expected tables, [profile.NAME]"),
        ("[scan]\nconcurency = 3", "scan.concurency: no such key; did you mean concurrency?"),
        ("[scan]\nhost_keys = 'strict'", "scan.host_keys: no such key; did you mean host-keys?"),
        ("[scan]\nno-namespaces = true", "no such key; write namespaces = false"),
        ("[scan]\nlist-hosts = true", "scan.list-hosts: no such key"),
        ("[scan]\nconfig = 'x'", "scan.config: no such key"),
        ("[scan]\ncritical = ['x=1']", "scan.critical: no such key"),
        ("[scan]\npassword = 'x'", "scan.password: secrets do not belong in this file"),
        ("[defaults]\nbecome-pass = 'x'", "defaults.become-pass: secrets do not belong"),
        ("[scan]\nconcurrency = '3'", "scan.concurrency: '3' is not a valid whole number."),
        ("[scan]\nconcurrency = true", "scan.concurrency: True is not a valid whole number."),
        ("[scan]\nconcurrency = 3.0", "scan.concurrency: 3.0 is not a valid whole number."),
        ("[scan]\nconcurrency = 0", "scan.concurrency: 0 is not in the range x>=1"),
        ("[scan]\ntimeout = nan", "scan.timeout: nan is not a valid number."),
        ("[scan]\ntimeout = inf", "scan.timeout: inf is not a valid number."),
        (
            "[scan]\ntimeout = 2026-11-22",
            "scan.timeout: datetime.date(2026, 11, 22) is not a valid number.",
        ),
        ("[scan]\ntimeout = 0", "scan.timeout: 0.0 is not in the range x>0"),
        ("[scan]\nbecome = 'yes'", "scan.become: 'yes' is not a valid boolean."),
        ("[scan]\nhost-keys = 'lax'", "'lax' is not one of 'strict', 'accept-new'"),
        ("[scan]\nuser = 3", "scan.user: 3 is not a valid text."),
        ('[scan]\nuser = "a\\u0000"', "scan.user: 'a\\x00' is not a valid text."),
        ("[scan]\noutput = 'x.json'", "scan.output: 'x.json' is not valid: a list is expected"),
        ("[scan]\noutput = [3]", "scan.output: 3 is not a valid text."),
        ("[scan]\nuser = ['x']", "scan.user: ['x'] is not valid: a single value is expected"),
        ("[profile.n]\nzzz = 1", "profile.n.zzz: no such key; there are against, agent, "),
        ('[scan]\n"a\\u001b" = 1', "scan.'a\\x1b': no such key"),
    ],
)
def test_a_fault_is_reported_with_its_key(run, text, problem):
    (fault,) = configuration_faults(text)
    assert problem in fault
    code, out, err = run("scan", "--config", "c.toml", "here,")
    assert (code, out) == (2, "")
    assert err.startswith("sockfleet: error: c.toml: ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[scan\n", "c.toml: not TOML: Expected ']'"),
        (b"[scan]\n\nuser = '\xff'", "c.toml:3: not UTF-8"),
        (b"[scan]\nuser = 'a'\nuser = 'b'", "c.toml: not TOML: Cannot overwrite a value"),
        (b"a = " + b"[" * 100_000, "c.toml: not TOML: "),
        (b"#" * (1 << 20) + b"\n", "c.toml: more than 1 MiB, so no configuration"),
        (b"\x00\x1b[31m", "c.toml: not TOML: "),
    ],
)
def test_invalid_toml_is_reported_with_the_file(run, content, problem):
    write_configuration(content)
    code, out, err = run("scan", "--config", "c.toml", "here,")
    assert (code, out) == (2, "")
    assert f"sockfleet: error: {problem}" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.toml", "No such file or directory"), (".", "Is a directory")]
)
def test_a_named_file_must_exist(run, name, reason):
    code, _, err = run("scan", "--config", name, "here,")
    assert (code, err) == (2, f"sockfleet: error: cannot read the configuration {name}: {reason}\n")


def test_an_endless_device_is_read_up_to_the_size_limit(run):
    assert "more than 1 MiB" in run("scan", "--config", "/dev/zero", "here,")[2]


def test_a_world_writable_file_is_refused(run):
    write_configuration("").chmod(0o666)
    code, _, err = run("scan", "--config", "c.toml", "here,")
    assert (code, err) == (
        2,
        "sockfleet: error: c.toml: every user can write to it; run chmod o-w c.toml\n",
    )


def test_another_users_file_is_refused_unless_it_is_named(run, mocker):
    """sudo keeps HOME on some systems: root would use the programs that a user's file names."""
    path = write_configuration("[scan]\ntimeout = 4\n", "~/.config/sockfleet/sockfleet.toml")
    owner = path.stat().st_uid or 4711
    mocker.patch("os.geteuid", return_value=owner + 1)
    status = list(path.stat())
    status[4] = owner
    mocker.patch("os.fstat", return_value=os.stat_result(status))
    code, _, err = run("scan", "here,")
    assert code == 2
    assert f"{path}: belongs to another user (uid {owner}); name it with --config" in err
    assert parse_options("scan", "--config", str(path), "here,")["timeout_s"] == 4.0


def test_an_unreadable_file_is_an_error(run, mocker):
    mocker.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied"))
    with pytest.raises(ConfigurationError, match=r"c\.toml: Permission denied"):
        read_configuration(Path("c.toml"), named=False)


def test_an_unknown_profile_is_an_error_with_a_suggestion(run):
    write_configuration("[profile.night]\n[profile.day]\n")
    for command in ("scan", "config"):
        words = ("--check",) if command == "config" else ("here,",)
        code, _, err = run(command, *words, "--config", "c.toml", "--profile", "nigth")
        assert code == 2
        assert err.endswith("c.toml: no profile 'nigth'; did you mean night?\n")
    assert "it has none" in run("scan", "--config", "/dev/null", "--profile", "x", "here,")[2]
    assert "there is no configuration file" in run("scan", "--profile", "x", "here,")[2]


def test_check_reports_configuration_faults_as_unknown(run):
    write_configuration("[check]\nx = 1\n")
    code, out, err = run("check", "--config", "c.toml", "here,")
    assert (code, err) == (3, "")
    assert out.startswith("SOCKFLEET UNKNOWN - c.toml: check.x: no such key")


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.text(max_size=8), max_size=3),
)


@given(
    tables=st.dictionaries(
        st.sampled_from(["defaults", *COMMANDS, "profile"]),
        st.dictionaries(
            st.one_of(
                st.sampled_from(sorted({key for keys in all_keys().values() for key in keys})),
                st.text(max_size=6),
            ),
            VALUES,
            max_size=4,
        ),
        max_size=3,
    )
)
def test_every_key_in_a_file_is_a_setting_or_a_fault(tables):
    file = _check_document(tables, Path("/c/c.toml"))
    settings = [file.defaults, *file.commands.values()]
    count = sum(map(len, settings)) + len(file.faults)
    assert count == sum(len(table) for table in tables.values())
    for _, problem in file.faults:
        assert not has_unsafe(problem)
    for name in COMMANDS:
        for _, table in settings_of(name, file, None).values():
            assert table in {"defaults", name}
