"""Executable sources, as real programs; test_against_ansible.py compares their hosts."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources import subprocess as child
from sockfleet.inventory.sources.load import load_inventory


@pytest.fixture(autouse=True)
def enter_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def program(body: str, first: str = "#!/bin/sh\n") -> str:
    path = Path("source.sh")
    path.write_text(first + body)
    path.chmod(0o755)
    return str(path)


def test_a_bare_name_runs_from_the_current_folder() -> None:
    listing = '{"web": ["w1"], "_meta": {"hostvars": {"w1": {"a": 1}}}}'
    inventory = load_inventory([program(f"echo '{listing}'\n")])
    assert inventory.hosts["w1"].variables == {"a": 1}
    assert inventory.hosts["w1"].source == "source.sh --list: web"


def test_the_program_gets_an_empty_standard_input() -> None:
    source = program('cat >&2; echo "{\\"web\\": [\\"w1\\"], \\"_meta\\": {\\"hostvars\\": {}}}"\n')
    assert list(load_inventory([source]).hosts) == ["w1"]


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        ("exit 3\n", "source.sh --list", "ended with exit status 3; it said: nothing"),
        ("printf 'no\\033[31m cloud\\n' >&2; exit 1\n", "source.sh --list", r"no \[31m cloud"),
        ("kill -9 $$\n", "source.sh --list", "ended by signal 9"),
        ("echo hello\n", "source.sh --list", r"printed 'hello\\n', expected JSON"),
        ("true\n", "source.sh --list", "printed '', expected JSON"),
        ("echo '{\"a\": '\n", "source.sh --list:2", "not valid YAML"),
        ("echo '[1]'\n", "source.sh --list", r"found \[1\], expected a mapping of groups"),
        ('printf \'{"a": "\\377"}\'\n', "source.sh --list:1", "0xff"),
        ('echo \'{"a": 5, "_meta": {"hostvars": {}}}\'\n', "source.sh --list: a.hosts", "found 5"),
        ('echo \'{"a": {"hosts": "w1"}}\'\n', "source.sh --list: a.hosts", "a list of names"),
        ('echo \'{"a": {"hosts": [1]}}\'\n', "source.sh --list: a.hosts", "a list of names"),
        ('echo \'{"a": {"vars": [1]}}\'\n', "source.sh --list: a.vars", "a mapping of variables"),
        ('echo \'{"a": {"children": ["a"]}}\'\n', "source.sh --list: a.children", "hold itself"),
        (
            'echo \'{"a": {"host": ["w1"]}}\'\n',
            "source.sh --list: a.host",
            r"found 'host', expected .* did you mean hosts\?",
        ),
        (
            'echo \'{"a": {"hosts": ["w1"], "chidren": ["b"]}}\'\n',
            "source.sh --list: a.chidren",
            r"did you mean children\?",
        ),
        ("echo '{\"_meta\": {}}'\n", "source.sh --list: _meta", "'hostvars'"),
        (
            'echo \'{"a": ["w"], "_meta": {"hostvars": {"w": 5}}}\'\n',
            "source.sh --list: _meta.hostvars.w",
            "found 5, expected a mapping of variables",
        ),
        (
            '[ $1 = --host ] && exit 7; echo \'{"a": ["w1"]}\'\n',
            "source.sh --host w1",
            "exit status 7",
        ),
    ],
)
def test_errors(body: str, where: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message) as caught:
        load_inventory([program(body)])
    assert caught.value.where == where


def test_a_program_without_its_interpreter() -> None:
    with pytest.raises(InventoryError, match=r"cannot run .*source\.sh: No such file"):
        load_inventory([program("", first="#!/no/such/interpreter\n")])


def test_a_hanging_program_is_killed_with_its_children(mocker: MockerFixture) -> None:
    """The time limit is shortened; the program waits for a day."""
    mocker.patch.object(
        child.run_child, "__kwdefaults__", {"environment": None, "time_limit_s": 0.3}
    )
    with pytest.raises(InventoryError, match=r"was not done in 0\.3 s and was stopped"):
        load_inventory([program("sleep 86400 & echo $! >pid; wait\n")])
    try:
        descriptor = os.pidfd_open(int(Path("pid").read_text()))
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 60)[0], "its child lives on"
    finally:
        os.close(descriptor)
