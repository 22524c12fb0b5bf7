"""group_vars and host_vars: errors; test_against_ansible.py compares which files apply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.variables_files import VariablesFiles
from sockfleet.inventory.sources.yaml_text import NeedsAnsible

NO_NOTE = pytest.fail  # these files give no warning


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_missing_folders(tmp_path: Path) -> None:
    assert VariablesFiles(str(tmp_path), NO_NOTE).group_variables("all") == {}
    assert VariablesFiles(str(tmp_path / "gone"), NO_NOTE).host_variables("web1") == {}


def test_a_file_named_group_vars_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, "group_vars", "a: 1\n")
    assert VariablesFiles(str(tmp_path), NO_NOTE).group_variables("all") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "group_vars/web.yml: found a list, expected a mapping"),
        ("just text\n", "group_vars/web.yml: found a str, expected a mapping"),
        ("a: [\n", "group_vars/web.yml:2: not valid YAML"),
        (
            "ansible_port: 1\nansible_port: 2\n",
            "group_vars/web.yml:2: key 'ansible_port' appears twice",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "group_vars/web.yml", text)
    with pytest.raises(InventoryError) as caught:
        VariablesFiles(str(tmp_path), NO_NOTE).group_variables("web")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_files_of_other_names_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "host_vars/other.yml", "a: [\n")
    assert VariablesFiles(str(tmp_path), NO_NOTE).host_variables("web1") == {}


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "secret.yml", "a: 1\n")
    write(tmp_path, "host_vars/x.yml", "b: 1\n")
    files = VariablesFiles(str(tmp_path), NO_NOTE)
    for name in ("../secret", "..", ".", "/etc/hostname", "x/../x", "a\0b", ""):
        assert files.host_variables(name) == {}


def test_an_encrypted_file_needs_ansible(tmp_path: Path) -> None:
    write(tmp_path, "group_vars/all/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n62\n")
    with pytest.raises(NeedsAnsible, match=r"group_vars/all/vault\.yml"):
        VariablesFiles(str(tmp_path), NO_NOTE).group_variables("all")


def test_a_broken_link_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web").symlink_to("gone")
    write(tmp_path, "group_vars/web.yml", "a: 1\n")
    assert VariablesFiles(str(tmp_path), NO_NOTE).group_variables("web") == {"a": 1}


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    os.mkfifo(tmp_path / "group_vars" / "web")
    with pytest.raises(InventoryError, match="is no regular file"):
        VariablesFiles(str(tmp_path), NO_NOTE).group_variables("web")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, "group_vars/all", "80: http\non: x\n~: y\n1.5: z\n")
    assert VariablesFiles(str(tmp_path), NO_NOTE).group_variables("all") == {
        "80": "http",
        "true": "x",
        "null": "y",
        "1.5": "z",
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "value"),
    [
        ("a: 1\nb: 0\na: 2\n", 3, "a", {"a": 2, "b": 0}),
        (
            "a:\n  ansible_user: x\n  ansible_user: y\n",
            3,
            "ansible_user",
            {"a": {"ansible_user": "y"}},
        ),
        ('{"a": 1,\n "a": 2}', 2, "a", {"a": 2}),
        (
            "ansible_become: false\nansible_become: true\n",
            2,
            "ansible_become",
            {"ansible_become": True},
        ),
    ],
)
def test_of_a_key_twice_that_is_no_connection_variable_the_last_one_counts_with_a_warning(
    tmp_path: Path, text: str, line: int, key: str, value: object
) -> None:
    write(tmp_path, "group_vars/web.yml", text)
    notes: list[str] = []
    assert VariablesFiles(str(tmp_path), notes.append).group_variables("web") == value
    (note,) = notes
    assert note == (
        f"{tmp_path}/group_vars/web.yml:{line}: key {key!r} appears twice in one mapping; "
        "the last one counts"
    )
