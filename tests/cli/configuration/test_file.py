"""``sockfleet.toml``: which file is read, what overrides it, and how its paths resolve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sockfleet.cli.command_table import load_command, runnable_commands
from sockfleet.cli.commands import demo
from sockfleet.cli.configuration.file import Configuration, read_configuration
from sockfleet.cli.configuration.keys import COMMANDS, all_keys
from tests.support.cli.configured_runs import Run, make_run, parse_options, write_configuration

COMMAND_LINE_ONLY = {
    *("help", "help_all", "config", "profile", "list_hosts", "print_probe", "as_ss", "host"),
    *("since", "until", "fleet", "number", "metric", "every"),
    *("of_groups", "of_namespaces", "kind", "limit_at", "pattern"),
    *("keep", "keep_details", "keep_hourly", "max_size", "remember", "dry_run", "file"),
    "report_format",
    *("check", "print_rules", "exit_code", "inventory", "reason", "span", "rule", "zone", "end"),
    "format_name",
}


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path) -> Run:
    return make_run(tmp_path, monkeypatch, capsysbinary)


def test_a_scan_may_take_every_option_from_the_file(run):
    write_configuration('[scan]\ninventory = ["here.ini"]\nformat = "csv"\n')
    code, out, err = run("scan", "--config", "c.toml")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("1,here,")


def test_command_line_environment_profile_and_tables_override_in_this_order(run, monkeypatch):
    write_configuration(
        "[defaults]\ntimeout = 1\nretries = 1\nconcurrency = 1\nper-bastion = 1\n"
        "[scan]\ntimeout = 2\nretries = 2\nconcurrency = 2\n"
        "[profile.night]\ntimeout = 3\nretries = 3\n"
    )
    monkeypatch.setenv("SOCKFLEET_RETRIES", "4")
    monkeypatch.setenv("SOCKFLEET_TIMEOUT", "4")
    options = parse_options(
        "scan", "--config", "c.toml", "--profile", "night", "--timeout", "5", "here,"
    )
    assert (options["timeout_s"], options["retries"]) == (5.0, 4)
    monkeypatch.delenv("SOCKFLEET_RETRIES")
    options = parse_options("scan", "--profile", "night", "here,", "--config", "c.toml")
    assert options["retries"] == 3
    assert (options["concurrency"], options["per_bastion"]) == (2, 1)
    assert options["connect_timeout_s"] == 10.0
    assert parse_options("check", "--config", "c.toml", "here,")["timeout_s"] == 4.0
    monkeypatch.delenv("SOCKFLEET_TIMEOUT")
    assert parse_options("check", "--config", "c.toml", "here,")["timeout_s"] == 1.0


def test_the_environment_may_name_inventories(run, monkeypatch):
    write_configuration('[defaults]\ninventory = ["here.ini"]\n')
    monkeypatch.setenv("SOCKFLEET_INVENTORY", "a.yml b.yml")
    assert parse_options("scan", "--config", "c.toml")["inventory"] == ("a.yml", "b.yml")
    assert parse_options("scan", "--config", "c.toml", "c.yml")["inventory"] == ("c.yml",)


def test_lists_and_switches_are_replaced_by_the_command_line(run):
    write_configuration(
        '[defaults]\nidentity = ["/a", "/b"]\nbecome = true\nnamespaces = false\nverbose = 2\n'
    )
    options = parse_options("scan", "--config", "c.toml", "here,")
    assert options["identity"] == ("/a", "/b")
    assert (options["become"], options["namespaces"], options["verbose"]) == (True, False, 2)
    words = ("-i", "/c", "--no-become", "--namespaces", "here,")
    options = parse_options("scan", "--config", "c.toml", *words)
    assert options["identity"] == ("/c",)
    assert (options["become"], options["namespaces"]) == (False, True)


def test_file_and_profile_may_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv(
        "SOCKFLEET_CONFIG", str(write_configuration("[profile.night]\ntimeout = 3\n"))
    )
    monkeypatch.setenv("SOCKFLEET_PROFILE", "night")
    assert parse_options("scan", "here,")["timeout_s"] == 3.0


def test_the_users_file_replaces_the_systems(run):
    path = "sockfleet/sockfleet.toml"
    write_configuration("[scan]\ntimeout = 4\n", f"xdg/{path}")
    assert parse_options("scan", "here,")["timeout_s"] == 4.0
    write_configuration("[scan]\nretries = 3\n", f"~/.config/{path}")
    options = parse_options("scan", "here,")
    assert (options["timeout_s"], options["retries"]) == (30.0, 3)


def test_relative_xdg_folders_are_ignored_as_the_specification_says(run, monkeypatch):
    write_configuration("[scan]\nretries = 2\n", "own/sockfleet/sockfleet.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "own")
    assert parse_options("scan", "here,")["retries"] == 1
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("own").absolute()))
    assert parse_options("scan", "here,")["retries"] == 2


def test_dev_null_turns_a_file_off(run):
    write_configuration("[scan]\ntimeout = 4\n", "xdg/sockfleet/sockfleet.toml")
    assert parse_options("scan", "--config", "/dev/null", "here,")["timeout_s"] == 30.0


def test_an_empty_file_sets_nothing(run):
    assert read_configuration(write_configuration(""), named=True) == Configuration(
        path=Path("c.toml")
    )


def test_a_process_substitution_is_read(run, tmp_path):
    command = f"{sys.executable} -m sockfleet.cli config --check --config <(echo [scan];echo top=3)"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "top = 3  # [scan]" in done.stdout


def test_a_broken_file_is_not_needed_for_help_and_completion(run, monkeypatch):
    monkeypatch.setenv("SOCKFLEET_CONFIG", str(write_configuration("[")))
    assert run("scan", "--help")[0] == 0
    assert command_name_while_completing("scan") == "scan"


def command_name_while_completing(name: str) -> str:
    command = load_command(name)
    with command.make_context(name, [], resilient_parsing=True) as ctx:
        return str(ctx.info_name)


def test_relative_paths_start_at_the_folder_of_the_file(run, tmp_path):
    write_configuration(
        "[defaults]\n"
        'inventory = ["hosts.yml", "web1,web2,", "-", "/a/b"]\n'
        'identity = ["~/.ssh/id", "keys/id"]\n'
        'against = "../scan.json"\n'
        'lock = "lock"\n'
        'limit = "@failed.json"\n'
        'output = ["fleet.json", "csv:fleet", "prometheus:/x", "~/y.prom"]\n',
        "conf/c.toml",
    )
    options = parse_options("scan", "--config", "conf/c.toml")
    conf, home = tmp_path / "conf", os.environ["HOME"]
    assert options["inventory"] == (f"{conf}/hosts.yml", "web1,web2,", "-", "/a/b")
    assert options["identity"] == (f"{home}/.ssh/id", f"{conf}/keys/id")
    assert (options["against"], options["lock"]) == (f"{conf}/../scan.json", f"{conf}/lock")
    assert options["limit"] == f"@{conf}/failed.json"
    expected = (f"{conf}/fleet.json", f"csv:{conf}/fleet", "prometheus:/x", f"{home}/y.prom")
    assert options["output"] == expected


def test_a_pattern_in_limit_is_no_path(run):
    write_configuration('[scan]\nlimit = "web*:!web1"\n')
    assert parse_options("scan", "--config", "c.toml", "here,")["limit"] == "web*:!web1"


def test_the_command_line_chooses_between_inventory_and_saved_scan(run):
    """A file may name both: an inventory for scan, and the scan's output for check."""
    assert run("scan", "here.ini", "-o", "scan.json")[0] == 0
    write_configuration(
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


def test_the_users_configuration_does_not_reach_the_demo(run, mocker):
    popen = mocker.patch("subprocess.Popen")
    demo._run(["scan"])
    assert popen.call_args.kwargs["env"]["SOCKFLEET_CONFIG"] == os.devnull


def test_every_option_is_a_key_unless_it_is_for_the_command_line_only():
    keys = all_keys()
    for name in COMMANDS:
        parameters = [
            parameter
            for command in runnable_commands()
            if command.split()[0] == name
            for parameter in load_command(command).params
        ]
        options = {p.name for p in parameters if isinstance(p, click.Option)}
        in_file = {parameter.name for parameter in keys[name].values()}
        assert options - in_file <= COMMAND_LINE_ONLY, name
        assert {"config", "profile"} <= options
