"""group_vars and host_vars: errors; test_against_ansible.py compares which files apply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.variables_files import VariablesFiles
from sockfleet.inventory.sources.yaml_text import NeedsAnsible


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_missing_folders(tmp_path: Path) -> None:
    assert VariablesFiles(str(tmp_path)).group_variables("all") == {}
    assert VariablesFiles(str(tmp_path / "gone")).host_variables("web1") == {}


def test_a_file_named_group_vars_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, "group_vars", "a: 1\n")
    assert VariablesFiles(str(tmp_path)).group_variables("all") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "group_vars/web.yml: found a list, expected a mapping"),
        ("just text\n", "group_vars/web.yml: found a str, expected a mapping"),
        ("a: [\n", "group_vars/web.yml:2: not valid YAML"),
        ("a: 1\na: 2\n", "group_vars/web.yml:2: key 'a' appears twice"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "group_vars/web.yml", text)
    with pytest.raises(InventoryError) as caught:
        VariablesFiles(str(tmp_path)).group_variables("web")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_files_of_other_names_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "host_vars/other.yml", "a: [\n")
    assert VariablesFiles(str(tmp_path)).host_variables("web1") == {}


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "secret.yml", "a: 1\n")
    write(tmp_path, "host_vars/x.yml", "b: 1\n")
    files = VariablesFiles(str(tmp_path))
    for name in ("../secret", "..", ".", "/etc/hostname", "x/../x", "a\0b", ""):
        assert files.host_variables(name) == {}


def test_an_encrypted_file_needs_ansible(tmp_path: Path) -> None:
    write(tmp_path, "group_vars/all/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n62\n")
    with pytest.raises(NeedsAnsible, match=r"group_vars/all/vault\.yml"):
        VariablesFiles(str(tmp_path)).group_variables("all")


def test_a_broken_link_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web").symlink_to("gone")
    write(tmp_path, "group_vars/web.yml", "a: 1\n")
    assert VariablesFiles(str(tmp_path)).group_variables("web") == {"a": 1}


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    os.mkfifo(tmp_path / "group_vars" / "web")
    with pytest.raises(InventoryError, match="is no regular file"):
        VariablesFiles(str(tmp_path)).group_variables("web")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, "group_vars/all", "80: http\non: x\n~: y\n1.5: z\n")
    assert VariablesFiles(str(tmp_path)).group_variables("all") == {
        "80": "http",
        "true": "x",
        "null": "y",
        "1.5": "z",
    }
