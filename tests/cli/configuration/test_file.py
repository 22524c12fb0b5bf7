"""``sockfleet.toml``: which file counts, what goes before it, and what its paths mean."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sockfleet.cli.commands import demo
from sockfleet.cli.configuration.file import Configuration, read_configuration
from sockfleet.cli.configuration.keys import COMMANDS, all_keys
from sockfleet.cli.main import cli
from tests.support.cli.configured_runs import Run, run_in, taken, written

NO_OPTION_OF_A_FILE = {"help", "config", "profile", "list_hosts", "print_probe", "as_ss", "host"}


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path) -> Run:
    return run_in(tmp_path, monkeypatch, capsysbinary)


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
    assert (options["timeout_s"], options["retries"]) == (5.0, 4)
    monkeypatch.delenv("SOCKFLEET_RETRIES")
    options = taken("scan", "--profile", "night", "here,", "--config", "c.toml")
    assert options["retries"] == 3
    assert (options["concurrency"], options["per_bastion"]) == (2, 1)
    assert options["connect_timeout_s"] == 10.0
    assert taken("check", "--config", "c.toml", "here,")["timeout_s"] == 4.0
    monkeypatch.delenv("SOCKFLEET_TIMEOUT")
    assert taken("check", "--config", "c.toml", "here,")["timeout_s"] == 1.0


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
    assert taken("scan", "here,")["timeout_s"] == 3.0


def test_the_users_own_file_hides_the_systems(run):
    place = "sockfleet/sockfleet.toml"
    written("[scan]\ntimeout = 4\n", f"xdg/{place}")
    assert taken("scan", "here,")["timeout_s"] == 4.0
    written("[scan]\nretries = 3\n", f"~/.config/{place}")
    options = taken("scan", "here,")
    assert (options["timeout_s"], options["retries"]) == (30.0, 3)


def test_relative_xdg_folders_are_ignored_as_the_specification_says(run, monkeypatch):
    written("[scan]\nretries = 2\n", "own/sockfleet/sockfleet.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "own")
    assert taken("scan", "here,")["retries"] == 1
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path("own").absolute()))
    assert taken("scan", "here,")["retries"] == 2


def test_dev_null_turns_a_file_off(run):
    written("[scan]\ntimeout = 4\n", "xdg/sockfleet/sockfleet.toml")
    assert taken("scan", "--config", "/dev/null", "here,")["timeout_s"] == 30.0


def test_an_empty_file_says_nothing(run):
    assert read_configuration(written(""), named=True) == Configuration(path=Path("c.toml"))


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
