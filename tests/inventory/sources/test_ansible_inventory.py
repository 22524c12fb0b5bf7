"""Sources that only Ansible can read, with the real ansible-inventory and fakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources import subprocess as child
from sockfleet.inventory.sources.load import load_inventory

PROGRAMS = Path(sys.executable).parent


@pytest.fixture(autouse=True)
def enter_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


def fake_ansible(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("bin/ansible-inventory")
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent.absolute()}{os.pathsep}/usr/bin{os.pathsep}/bin")


PLUGIN = "plugin: constructed\nstrict: true\ngroups: {lin: os == 'linux'}\n"


def test_a_plugin_uses_the_sources_before_it() -> None:
    write("group_vars/all.yml", "v: file\n")
    write("hosts.ini", "[web]\nw1 os=linux\nw2 os=bsd\n[web:vars]\nv=inline\nw=1\n")
    inventory = load_inventory(["hosts.ini", write("z.yml", PLUGIN), "x[1:2],"])
    assert inventory.hosts["w1"].groups == ("lin", "web")
    assert inventory.hosts["w2"].groups == ("web",)
    assert inventory.hosts["w1"].variables == {"os": "linux", "v": "file", "w": 1}
    assert inventory.groups["web"].variables == {"v": "inline", "w": 1}
    assert {"x1", "x2"} <= inventory.hosts.keys()
    assert inventory.groups["ungrouped"].hosts == ("x1", "x2")
    assert inventory.sources == ("hosts.ini", "z.yml", "x[1:2],")
    (note,) = inventory.notes
    assert note.startswith("z.yml: configures the inventory plugin 'constructed'; all sources were")


def test_toml() -> None:
    source = write("hosts.toml", "[web.hosts]\nw1 = {ansible_port = 22}\n")
    assert load_inventory([source]).hosts["w1"].variables == {"ansible_port": 22}


def test_encrypted_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    write("password", "secret\n")
    encrypted = write("group_vars/web.yml", "hidden: 42\n")
    subprocess.run(
        [PROGRAMS / "ansible-vault", "encrypt", "--vault-password-file=password", encrypted],
        check=True,
        capture_output=True,
    )
    source = write("hosts.ini", "[web]\nw1\n")
    with pytest.raises(InventoryError, match="no vault secrets found") as caught:
        load_inventory([source])
    assert "group_vars/web.yml" in caught.value.where
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "password")
    assert load_inventory([source]).hosts["w1"].variables == {"hidden": 42}


def test_an_encrypted_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    write("password", "secret\n")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "password")
    for name, text in (("hosts", "[web]\nw1 a=1\n"), ("hosts.yml", "web: {hosts: {w1: {a: 1}}}\n")):
        subprocess.run(
            [PROGRAMS / "ansible-vault", "encrypt", write(name, text)],
            check=True,
            capture_output=True,
        )
        assert load_inventory([name]).hosts["w1"].variables == {"a": 1}


def test_a_source_that_ansible_cannot_parse_either() -> None:
    """By default ansible-inventory exits 0 without hosts then."""
    source = write("z.yml", "plugin: no.such.plugin\n")
    with pytest.raises(InventoryError, match=r"unknown plugin 'no\.such\.plugin'"):
        load_inventory([source])


def test_without_ansible_the_error_says_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(
        InventoryError,
        match=r"z\.yml: configures the inventory plugin 'constructed', which only Ansible can "
        "read: install ansible-core",
    ):
        load_inventory([write("z.yml", PLUGIN)])


def test_standard_input_cannot_be_combined_with_a_plugin(tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb+") as stdin, pytest.raises(InventoryError, match="read '-'"):
        load_inventory([write("z.yml", PLUGIN), "-"], stdin=stdin)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "echo '[WARNING]: Unable to parse z.yml as an inventory' >&2; echo '{}'\n",
            "Unable to parse",
        ),
        ("echo '[WARNING]:  * Failed to parse z.yml' >&2; echo '{}'\n", "Failed to parse z.yml"),
        ("echo nonsense\n", "printed 'nonsense', expected a mapping"),
        ("echo boom >&2; exit 5\n", "ended with exit status 5; it said: boom"),
    ],
)
def test_failures_of_the_program(body: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ansible(body, monkeypatch)
    with pytest.raises(InventoryError, match=message) as caught:
        load_inventory([write("z.yml", PLUGIN)])
    assert caught.value.where == "z.yml (configures the inventory plugin 'constructed')"


def test_the_program_has_a_time_limit(
    mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    mocker.patch.object(
        child.run_child, "__kwdefaults__", {"environment": None, "time_limit_s": 0.3}
    )
    fake_ansible("exec sleep 86400\n", monkeypatch)
    with pytest.raises(InventoryError, match=r"was not done in 0\.3 s and was stopped"):
        load_inventory([write("z.yml", PLUGIN)])


def test_a_source_that_begins_with_a_hyphen() -> None:
    assert list(load_inventory([write("-z.toml", "[web.hosts]\nw1 = {}\n")]).hosts) == ["w1"]
