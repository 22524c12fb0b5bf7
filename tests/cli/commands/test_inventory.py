"""``sockfleet inventory`` as a process, held to what the real ``ansible-inventory`` prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sockfleet.cli.commands.inventory import command
from sockfleet.core.text import escape
from tests.support.paths import CORPUS, TESTS

RUNNER = TESTS / "support" / "inventory" / "ansible_inventory_runner.py"

FLEET = """
all:
  vars: {ansible_user: ops, answer: 42}
  hosts:
    lone: {ansible_password: s3cret, text: "bü\\u2013r\\no"}
  children:
    web:
      vars: {tags: [a, {b: null}], day: 2026-11-22, at: 2026-11-22T07:00:00Z}
      hosts:
        web[1:3]:
          ansible_port: 2222
        web9: {big: 123456789012345678901234567890}
    db:
      children: {pg: {hosts: {pg1: {ansible_host: "{{ nothing }}"}}}, web: {}}
      hosts: {db1: {flag: yes}}
    empty: {}
"""


def sockfleet(*words: object, cwd: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sockfleet.cli", "inventory", *map(str, words)],
        cwd=cwd,
        **{"capture_output": True, "text": True, "check": False, "timeout": 60, **settings},
    )


def ansible(runs: Sequence[tuple[Path, Sequence[str]]]) -> list[tuple[int, str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    done = subprocess.run(
        [sys.executable, "-I", str(RUNNER)],
        input=json.dumps([[str(folder), list(words)] for folder, words in runs]),
        env=environment | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return [(code, output) for code, output in json.loads(done.stdout)]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yml").write_text(FLEET)
    return tmp_path


def plain(value: Any) -> Any:
    """Without the marks that Ansible puts on values that no template may touch."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: plain(held) for key, held in value.items()}
    return [plain(held) for held in value] if isinstance(value, list) else value


def corpus_folders() -> list[Path]:
    """Those with one inventory file; the others are read by name in tests/inventory."""
    return sorted(
        folder
        for folder in CORPUS.iterdir()
        if len(list(folder.glob("hosts.*"))) == 1 and not (folder / "SOURCES").exists()
    )


def test_list_and_graph_are_those_of_ansible(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [(fleet, "fleet.yml")]
    cases += [(folder, next(folder.glob("hosts.*")).name) for folder in corpus_folders()]
    assert len(cases) > 10
    views = (["--list"], ["--graph", "--vars"])
    reference = iter(
        ansible([(folder, ["-i", file, *view]) for folder, file in cases for view in views])
    )
    for folder, file in cases:
        for view in views:
            code, theirs = next(reference)
            monkeypatch.chdir(folder)
            ours = CliRunner().invoke(command, [file, *view, "--show-secrets"])
            assert ours.exit_code == 0, (folder, view, ours.stderr)
            if code != 0:
                # Where Ansible falls over: keys of several types to sort, a vault to open.
                assert folder.name in {"yaml_scalars", "yaml_tags"}
            elif view == ["--list"]:
                assert json.loads(ours.stdout) == plain(json.loads(theirs)), folder
            else:
                # With us a value with a newline stays one line, and controls are escaped.
                lines = theirs.replace("r\no}", "r\\no}").split("\n")
                assert ours.stdout.split("\n") == [escape(line) for line in lines], folder


def test_a_hosts_variables_are_those_of_ansible(fleet: Path) -> None:
    names = ["lone", "web1", "web9", "pg1", "db1"]
    words = [["-i", "fleet.yml", "--host", name] for name in names]
    for name, (_, theirs) in zip(names, ansible([(fleet, w) for w in words]), strict=True):
        ours = sockfleet("fleet.yml", "--host", name, "--show-secrets", cwd=fleet)
        assert json.loads(ours.stdout) == json.loads(theirs)


@pytest.mark.parametrize("limit", ["web", "web1,db1", "db:!web", "lone"])
def test_a_limited_list_is_that_of_ansible(limit: str, fleet: Path) -> None:
    ((_, theirs),) = ansible([(fleet, ["-i", "fleet.yml", "--list", "-l", limit])])
    ours = sockfleet("fleet.yml", "--list", "-l", limit, "--show-secrets", cwd=fleet)
    assert json.loads(ours.stdout) == json.loads(theirs)


def test_a_limited_graph_shows_what_was_selected(fleet: Path) -> None:
    ours = sockfleet("fleet.yml", "--graph", "-l", "pg", cwd=fleet)
    ((_, theirs),) = ansible([(fleet, ["-i", "fleet.yml", "--graph"])])
    assert sockfleet("fleet.yml", "--graph", cwd=fleet).stdout == theirs
    assert ours.stdout == "@all:\n  |--@db:\n  |  |--@pg:\n  |  |  |--pg1\n"


@pytest.mark.parametrize("view", [["--list"], ["--graph", "--vars"], ["--host", "lone"]])
def test_secrets_are_hidden_unless_asked_for(view: list[str], fleet: Path) -> None:
    assert "s3cret" not in sockfleet("fleet.yml", *view, cwd=fleet).stdout
    assert "…" in sockfleet("fleet.yml", *view, cwd=fleet).stdout
    assert "s3cret" in sockfleet("fleet.yml", *view, "--show-secrets", cwd=fleet).stdout


def test_faulty_connection_variables_are_warnings_here(fleet: Path) -> None:
    done = sockfleet("fleet.yml", "--host", "pg1", cwd=fleet)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ansible_host"] == "{{ nothing }}"
    (line,) = done.stderr.splitlines()
    assert line.startswith("sockfleet: warning: fleet.yml")
    assert "host 'pg1': ansible_host: the template '{{ nothing }}' is not resolved" in line
    assert sockfleet("fleet.yml", "--host", "pg1", "-q", cwd=fleet).stderr == ""


def test_many_faults_are_counted(tmp_path: Path) -> None:
    (tmp_path / "bad.ini").write_text("web[1:9] ansible_port=x\n")
    done = sockfleet("bad.ini", "--list", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "sockfleet: warning: 4 more hosts cannot be reached as described"


def test_what_is_passed_over_is_told_when_asked(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("web1 ansible_ssh_common_args='-C'\n")
    assert sockfleet("hosts.ini", "--list", cwd=tmp_path).stderr == ""
    assert "ignored" in sockfleet("hosts.ini", "--list", "-v", cwd=tmp_path).stderr


def test_a_group_with_a_faulty_cap_is_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("[web]\nweb1\n[web:vars]\nsockfleet_max_connections=no\n")
    done = sockfleet("hosts.ini", "--graph", cwd=tmp_path)
    assert done.returncode == 0
    assert "sockfleet_max_connections: found 'no'" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Missing argument"),
        (["fleet.yml"], "one of --list, --graph and --host NAME"),
        (["fleet.yml", "--list", "--graph"], "one of --list, --graph and --host NAME"),
        (["fleet.yml", "--list", "--vars"], "--vars goes with --graph"),
        (["fleet.yml", "--host", "wep1"], "no host 'wep1' among the 7 hosts; near it are web1"),
        (["fleet.yml", "--list", "-l", "nothing"], "nothing"),
        (["absent.yml", "--list"], "absent.yml"),
    ],
)
def test_what_cannot_be_shown_ends_with_2(words: list[str], told: str, fleet: Path) -> None:
    done = sockfleet(*words, cwd=fleet)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr


def test_standard_input_is_an_inventory_too(tmp_path: Path) -> None:
    done = sockfleet("-", "--graph", cwd=tmp_path, input="[web]\nweb1\n")
    assert done.stdout == "@all:\n  |--@ungrouped:\n  |--@web:\n  |  |--web1\n"


def test_values_that_json_has_trouble_with(tmp_path: Path) -> None:
    (tmp_path / "odd.yml").write_text(
        "all: {hosts: {a: {n: 123456789012345678901234567890, s: [.inf], 2: {x: 1, 3: 4}}}}\n"
    )
    done = sockfleet("odd.yml", "--list", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["_meta"]["hostvars"]["a"]["n"] == 123456789012345678901234567890


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "many.ini").write_text("web[1:20000]\n")
    shell = f"{sys.executable} -m sockfleet.cli inventory many.ini --list | head -n 1; "
    done = subprocess.run(
        ["bash", "-c", shell + "echo ${PIPESTATUS[0]}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "{\n0\n"
    assert done.stderr == ""
