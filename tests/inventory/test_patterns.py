"""Host patterns: errors, files and notes; test_against_ansible.py compares selections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.core.errors import UsageError
from sockfleet.inventory.models import Inventory
from sockfleet.inventory.patterns import match_hosts, select
from sockfleet.inventory.sources.load import load_inventory


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    path = tmp_path_factory.mktemp("fleet") / "hosts"
    path.write_text("u1\n[web]\nw[1:4]\n[db]\nd1\nw4\n[prod:children]\nweb\n")
    return load_inventory([str(path)], playbook_dir=None)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        (None, "u1 d1 w4 w1 w2 w3"),
        ("all", "u1 d1 w4 w1 w2 w3"),
        ("w3,u1", "u1 w3"),
        ("prod:!db", "w1 w2 w3"),
        ("!db,&prod,all", "w1 w2 w3"),
        ("web[1:2]", "w2 w3"),
        ("~w[12]", "w1 w2"),
        ("", "u1 d1 w4 w1 w2 w3"),
    ],
)
def test_selection_in_the_order_of_all(fleet: Inventory, pattern: str | None, hosts: str) -> None:
    assert select(fleet, pattern) == tuple(hosts.split())


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nosuch", r"no host or group matches 'nosuch' \(6 hosts in the inventory\)$"),
        ("web:!web", "no host matches 'web:!web' among the 6 of the inventory$"),
        ("web[7]", r"'web\[7\]' is beyond the 4 hosts"),
        ("~(", r"'~\(' is no valid pattern"),
        ("web,!", "found '&' or '!' alone"),
        ("localhost", "no host or group matches 'localhost'"),
        ("@/no/such/file", r"limit @/no/such/file: cannot be read: No such file"),
        ("@/etc", r"limit @/etc: cannot be read: Is a directory"),
    ],
)
def test_patterns_that_select_no_host_raise(fleet: Inventory, pattern: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        select(fleet, pattern)


def test_an_empty_inventory() -> None:
    with pytest.raises(UsageError, match=r"no host in the inventory \(,\)"):
        select(load_inventory([","], playbook_dir=None), None)


def test_parts_without_a_match_give_notes(fleet: Inventory) -> None:
    selection = match_hosts(fleet, "w1,nosuch,!gone")
    assert selection.hosts == ("w1",)
    assert selection.notes == (
        "no host or group matches 'nosuch'",
        "no host or group matches 'gone'",
    )


def test_a_file_without_hosts_is_an_error(fleet: Inventory, tmp_path: Path) -> None:
    """Ansible selects every host then."""
    (tmp_path / "retry").write_text("\n  \n")
    with pytest.raises(UsageError, match="retry: the file names no host"):
        select(fleet, f"@{tmp_path}/retry")


def saved_scan(path: Path, **statuses: str) -> str:
    hosts = [{"name": name, "status": status} for name, status in statuses.items()]
    path.write_text(json.dumps({"schema": "sockfleet/scan/v1", "hosts": hosts}))
    return f"@{path}"


def test_a_saved_scan_selects_its_failed_hosts(fleet: Inventory, tmp_path: Path) -> None:
    limit = saved_scan(tmp_path / "scan.json", w1="ok", w2="failed", d1="failed", gone="failed")
    selection = match_hosts(fleet, limit)
    assert selection.hosts == ("d1", "w2")
    assert selection.notes == ("no host or group matches 'gone'",)
    assert select(fleet, f"{limit},!d1") == ("w2",)


def test_a_file_whose_name_has_colons_and_commas(fleet: Inventory, tmp_path: Path) -> None:
    limit = saved_scan(tmp_path / "scan,2026-11-22T07:00:00.json", w2="failed")
    assert select(fleet, limit) == ("w2",)


def test_a_saved_scan_without_failures(fleet: Inventory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no host failed in that scan"):
        select(fleet, saved_scan(tmp_path / "scan.json", w1="ok"))


@pytest.mark.parametrize("text", ["{", "{}", '{"schema": 5}', '{"schema": "x", "hosts": []}'])
def test_other_json_is_no_saved_scan(fleet: Inventory, tmp_path: Path, text: str) -> None:
    (tmp_path / "scan.json").write_text(text)
    with pytest.raises(UsageError, match="is no scan that sockfleet saved"):
        select(fleet, f"@{tmp_path}/scan.json")


@given(pattern=st.text(max_size=30) | st.text("wdu1234[]:,!&*?~-. all", max_size=30))
def test_any_text_selects_hosts_or_is_a_usage_error(fleet: Inventory, pattern: str) -> None:
    try:
        hosts = select(fleet, pattern)
    except UsageError:
        return
    assert set(hosts) <= fleet.hosts.keys()
    assert len(hosts) == len(set(hosts)) > 0
