"""``sockfleet.toml``: what it may say, which file counts, and what goes before it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from command_line import run_command
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.cli import demo
from sockfleet.cli.configuration import (
    Configuration,
    _judged,
    read_configuration,
    settings_of,
)
from sockfleet.cli.configuration_keys import COMMANDS, ConfigurationError, all_keys
from sockfleet.cli.main import cli
from sockfleet.inventory.plain_text import has_unsafe

NO_OPTION_OF_A_FILE = {"help", "config", "profile", "list_hosts", "print_probe", "as_ss", "host"}


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """``sockfleet NAME WORDS`` in a folder with an inventory of this machine."""
    (tmp_path / "here.ini").write_text("here ansible_connection=local\n")
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)

    def call(name: str, *words: str | Path) -> tuple[int, str, str]:
        return run_command(name, *words, monkeypatch=monkeypatch, captured=capsysbinary)

    return call


def written(text: str | bytes, path: str = "c.toml") -> Path:
    file = Path(path).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o644)
    return file


def taken(name: str, *words: str) -> dict[str, object]:
    """The options that a command would run with."""
    command = cli.get_command(click.Context(cli), name)
    with command.make_context(name, list(words)) as ctx:
        return ctx.params


def faults(text: str) -> list[str]:
    file = read_configuration(written(text), named=True)
    return [f"{key}: {problem}" for key, problem in file.faults]


def test_a_scan_needs_no_word_on_the_command_line(run):
    written('[scan]\ninventory = ["here.ini"]\nformat = "csv"\n')
    code, out, err = run("scan", "--config", "c.toml")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("1,here,")


def test_each_place_goes_before_the_next(run, monkeypatch):
    written(
        "[defaults]\ntimeout = 1\nretries = 1\nconcurrency = 1\nper-bastion = 1\n"
        "[scan]\ntimeout = 2\nretries = 2\nconcurrency = 2\n"
        "[profile.night]\ntimeout = 3\nretries = 3\n"
    )
    monkeypatch.setenv("SOCKFLEET_RETRIES", "4")
    monkeypatch.setenv("SOCKFLEET_TIMEOUT", "4")
    options = taken("scan", "--config", "c.toml", "--profile", "night", "--timeout", "5", "here,")
    assert (options["timeout"], options["retries"]) == (5.0, 4)
    monkeypatch.delenv("SOCKFLEET_RETRIES")
    options = taken("scan", "--profile", "night", "here,", "--config", "c.toml")
    assert options["retries"] == 3
    assert (options["concurrency"], options["per_bastion"]) == (2, 1)
    assert options["connect_timeout"] == 10.0
    assert taken("check", "--config", "c.toml", "here,")["timeout"] == 4.0
    monkeypatch.delenv("SOCKFLEET_TIMEOUT")
    assert taken("check", "--config", "c.toml", "here,")["timeout"] == 1.0


def test_the_environment_names_inventories_too(run, monkeypatch):
    written('[defaults]\ninventory = ["here.ini"]\n')
    monkeypatch.setenv("SOCKFLEET_INVENTORY", "a.yml b.yml")
    assert taken("scan", "--config", "c.toml")["inventory"] == ("a.yml", "b.yml")
    assert taken("scan", "--config", "c.toml", "c.yml")["inventory"] == ("c.yml",)


def test_lists_and_switches_are_replaced_by_the_command_line(run):
    written('[defaults]\nidentity = ["/a", "/b"]\nbecome = true\nnamespaces = false\nverbose = 2\n')
    options = taken("scan", "--config", "c.toml", "here,")
    assert options["identity"] == ("/a", "/b")
    assert (options["become"], options["namespaces"], options["verbose"]) == (True, False, 2)
    words = ("-i", "/c", "--no-become", "--namespaces", "here,")
    options = taken("scan", "--config", "c.toml", *words)
    assert options["identity"] == ("/c",)
    assert (options["become"], options["namespaces"]) == (False, True)


def test_file_and_profile_may_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_CONFIG", str(written("[profile.night]\ntimeout = 3\n")))
    monkeypatch.setenv("SOCKFLEET_PROFILE", "night")
    assert taken("scan", "here,")["timeout"] == 3.0


def test_the_users_own_file_hides_the_systems(run):
    place = "sockfleet/sockfleet.toml"
    written("[scan]\ntimeout = 4\n", f"xdg/{place}")
    assert taken("scan", "here,")["timeout"] == 4.0
    written("[scan]\nretries = 3\n", f"~/.config/{place}")
    options = taken("scan", "here,")
    assert (options["timeout"], options["retries"]) == (30.0, 3)


def test_relative_xdg_folders_are_ignored_as_the_specification_says(run, monkeypatch):
    written("[scan]\nretries = 2\n", "own/sockfleet/sockfleet.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "own")
    assert taken("scan", "here,")["retries"] == 1
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("own").absolute()))
    assert taken("scan", "here,")["retries"] == 2


def test_dev_null_turns_a_file_off(run):
    written("[scan]\ntimeout = 4\n", "xdg/sockfleet/sockfleet.toml")
    assert taken("scan", "--config", "/dev/null", "here,")["timeout"] == 30.0


def test_a_shells_substitution_is_read(run, tmp_path):
    command = f"{sys.executable} -m sockfleet.cli config --check --config <(echo [scan];echo top=3)"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "top = 3  # [scan]" in done.stdout


def test_a_broken_file_is_not_needed_for_help_and_completion(run, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_CONFIG", str(written("[")))
    assert run("scan", "--help")[0] == 0
    assert taken_while_completing("scan") == "scan"


def taken_while_completing(name: str) -> str:
    command = cli.get_command(click.Context(cli), name)
    with command.make_context(name, [], resilient_parsing=True) as ctx:
        return str(ctx.info_name)


def test_files_are_meant_from_where_the_configuration_stands(run, tmp_path):
    written(
        "[defaults]\n"
        'inventory = ["hosts.yml", "web1,web2,", "-", "/a/b"]\n'
        'identity = ["~/.ssh/id", "keys/id"]\n'
        'against = "../scan.json"\n'
        'lock = "lock"\n'
        'limit = "@failed.json"\n'
        'output = ["fleet.json", "csv:fleet", "prometheus:/x", "~/y.prom"]\n',
        "conf/c.toml",
    )
    options = taken("scan", "--config", "conf/c.toml")
    conf, home = tmp_path / "conf", os.environ["HOME"]
    assert options["inventory"] == (f"{conf}/hosts.yml", "web1,web2,", "-", "/a/b")
    assert options["identity"] == (f"{home}/.ssh/id", f"{conf}/keys/id")
    assert (options["against"], options["lock"]) == (f"{conf}/../scan.json", f"{conf}/lock")
    assert options["limit"] == f"@{conf}/failed.json"
    expected = (f"{conf}/fleet.json", f"csv:{conf}/fleet", "prometheus:/x", f"{home}/y.prom")
    assert options["output"] == expected


def test_a_limit_that_is_a_pattern_stays(run):
    written('[scan]\nlimit = "web*:!web1"\n')
    assert taken("scan", "--config", "c.toml", "here,")["limit"] == "web*:!web1"


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
        ("[scan]\nconcurrency = '3'", "expected a whole number, found the text '3'"),
        ("[scan]\nconcurrency = true", "expected a whole number, found the boolean True"),
        ("[scan]\nconcurrency = 3.0", "expected a whole number, found the number 3.0"),
        ("[scan]\nconcurrency = 0", "scan.concurrency: 0 is not in the range x>=1"),
        ("[scan]\ntimeout = nan", "expected a number, found the number nan"),
        ("[scan]\ntimeout = inf", "expected a number, found the number inf"),
        ("[scan]\ntimeout = 2026-11-22", "expected a number, found the date"),
        ("[scan]\ntimeout = 0", "scan.timeout: 0.0 is not in the range x>0"),
        ("[scan]\nbecome = 'yes'", "scan.become: expected true or false, found the text 'yes'"),
        ("[scan]\nhost-keys = 'lax'", "'lax' is not one of 'strict', 'accept-new'"),
        ("[scan]\nuser = 3", "expected a text in quotes, found the whole number 3"),
        ('[scan]\nuser = "a\\u0000"', "scan.user: expected a text in quotes, found the text"),
        ("[scan]\noutput = 'x.json'", 'expected a list of texts, such as ["x.json"], found'),
        ("[scan]\noutput = [3]", "scan.output: expected a list of texts"),
        ("[scan]\nuser = ['x']", "expected a text in quotes, found the list ['x']"),
        ("[profile.n]\nzzz = 1", "profile.n.zzz: no such key; there are against, agent, "),
        ('[scan]\n"a\\u001b" = 1', "scan.'a\\x1b': no such key"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(run, text, problem):
    (fault,) = faults(text)
    assert problem in fault
    code, out, err = run("scan", "--config", "c.toml", "here,")
    assert (code, out) == (2, "")
    assert err.startswith("sockfleet: error: c.toml: ")


def test_all_that_is_wrong_is_told_at_once(run):
    written("x = 1\n[scan]\ny = 1\n[check]\nz = 1\n[profile.p]\nw = 1\n")
    code, _, err = run("config", "--check", "--config", "c.toml")
    assert code == 2
    keys = [line.split(": ")[3] for line in err.splitlines()]
    assert keys == ["x", "scan.y", "check.z", "profile.p.w"]
    code, _, err = run("scan", "--config", "c.toml", "here,")
    assert code == 2
    assert err.endswith("(and 3 more: sockfleet config --check)\n")


def test_config_tells_what_the_commands_would_refuse(run):
    written(
        '[defaults]\nformat = "jsn"\nmode = "999"\nsort = "tcpclose"\ntransport = "asynssh"\n'
        'threshold = ["x=1"]\noutput = ["json:x", "x.csv", "x.bogus"]\n'
        '[check]\nwarning = ["tcp_clos=1"]\n[profile.p]\ncritical = ["tcp_close=z"]\n'
    )
    code, _, err = run("config", "--check", "--config", "c.toml")
    assert code == 2
    told = {line.split(": ")[3]: line for line in err.splitlines()}
    words = {
        "defaults.format": "no format 'jsn'",
        "defaults.mode": "expected rights in octal",
        "defaults.sort": "did you mean tcp_close?",
        "defaults.transport": "did you mean asyncssh?",
        "defaults.threshold": "no threshold 'x'",
        "defaults.output": ".bogus",
        "check.warning": "tcp_clos",
        "profile.p.critical": "z",
    }
    assert told.keys() == words.keys()
    for key, word in words.items():
        assert word in told[key]
    assert run("scan", "--config", "c.toml", "here.ini")[0] == 2


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
def test_what_is_no_toml_is_told_with_its_place(run, content, problem):
    written(content)
    code, out, err = run("scan", "--config", "c.toml", "here,")
    assert (code, out) == (2, "")
    assert f"sockfleet: error: {problem}" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("name", "why"), [("gone.toml", "No such file or directory"), (".", "Is a directory")]
)
def test_a_named_file_must_be_there(run, name, why):
    code, _, err = run("scan", "--config", name, "here,")
    assert (code, err) == (2, f"sockfleet: error: cannot read the configuration {name}: {why}\n")


def test_a_device_without_end_is_not_read_for_ever(run):
    assert "more than 1 MiB" in run("scan", "--config", "/dev/zero", "here,")[2]


def test_a_file_that_every_user_can_write_is_refused(run):
    written("").chmod(0o666)
    code, _, err = run("scan", "--config", "c.toml", "here,")
    assert (code, err) == (
        2,
        "sockfleet: error: c.toml: every user can write to it; run chmod o-w c.toml\n",
    )


def test_a_found_file_of_another_user_is_refused_and_a_named_one_is_not(run, mocker):
    """sudo keeps HOME on some systems: root would run what a user's file names."""
    path = written("[scan]\ntimeout = 4\n", "~/.config/sockfleet/sockfleet.toml")
    owner = path.stat().st_uid or 4711
    mocker.patch("os.geteuid", return_value=owner + 1)
    status = list(path.stat())
    status[4] = owner
    mocker.patch("os.fstat", return_value=os.stat_result(status))
    code, _, err = run("scan", "here,")
    assert code == 2
    assert f"{path}: belongs to another user (uid {owner}); name it with --config" in err
    assert taken("scan", "--config", str(path), "here,")["timeout"] == 4.0


def test_an_unknown_profile_is_told_with_the_known_ones(run):
    written("[profile.night]\n[profile.day]\n")
    for command in ("scan", "config"):
        words = ("--check",) if command == "config" else ("here,",)
        code, _, err = run(command, *words, "--config", "c.toml", "--profile", "nigth")
        assert code == 2
        assert err.endswith("c.toml: no profile 'nigth'; did you mean night?\n")
    assert "it has none" in run("scan", "--config", "/dev/null", "--profile", "x", "here,")[2]
    assert "there is no configuration file" in run("scan", "--profile", "x", "here,")[2]


def test_check_speaks_of_its_configuration_as_a_plugin(run):
    written("[check]\nx = 1\n")
    code, out, err = run("check", "--config", "c.toml", "here,")
    assert (code, err) == (3, "")
    assert out.startswith("SOCKFLEET UNKNOWN - c.toml: check.x: no such key")


def test_hosts_or_a_saved_scan_whichever_the_command_line_names(run):
    """A file may name both: an inventory for scan, and for check what scan wrote."""
    assert run("scan", "here.ini", "-o", "scan.json")[0] == 0
    written(
        '[defaults]\ninventory = ["here.ini"]\nlimit = "here"\n[check]\nfrom = "scan.json"\n'
        'critical = ["failed=0"]\n'
    )
    code, out, _ = run("check", "--config", "c.toml")
    assert code == 0
    assert "the scan in" in out
    code, out, _ = run("check", "--config", "c.toml", "here.ini")
    assert code == 0
    assert "the scan in" not in out
    code, out, _ = run("check", "--config", "c.toml", "--from", "scan.json")
    assert code == 0
    code, out, _ = run("check", "--config", "c.toml", "--from", "scan.json", "here.ini")
    assert code == 3
    assert "either an INVENTORY or --from" in out


def test_config_shows_what_each_command_takes_and_from_where(run, monkeypatch):
    written(
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


def test_config_needs_to_be_told_what_to_do(run):
    code, _, err = run("config")
    assert code == 2
    assert "name what to do: --check" in err


def test_the_users_configuration_does_not_reach_the_demo(run, mocker):
    popen = mocker.patch("subprocess.Popen")
    demo._run(["scan"])
    assert popen.call_args.kwargs["env"]["SOCKFLEET_CONFIG"] == os.devnull


def test_every_option_is_a_key_where_it_is_no_question_of_one_call():
    keys = all_keys()
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        options = {p.name for p in command.params if isinstance(p, click.Option)}
        held = {parameter.name for parameter in keys[name].values()}
        assert options - held <= NO_OPTION_OF_A_FILE, name
        assert {"config", "profile"} <= options


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
def test_whatever_stands_in_a_file_is_a_setting_or_a_fault(tables):
    file = _judged(tables, Path("/c/c.toml"))
    held = [file.defaults, *file.commands.values()]
    count = sum(map(len, held)) + len(file.faults)
    assert count == sum(len(table) for table in tables.values())
    for _, problem in file.faults:
        assert not has_unsafe(problem)
    for name in COMMANDS:
        for _, table in settings_of(name, file, None).values():
            assert table in {"defaults", name}


def test_an_empty_file_says_nothing(run):
    assert read_configuration(written(""), named=True) == Configuration(path=Path("c.toml"))


def test_a_file_that_may_not_be_read_is_told(run, mocker):
    mocker.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied"))
    with pytest.raises(ConfigurationError, match=r"c\.toml: Permission denied"):
        read_configuration(Path("c.toml"), named=False)
