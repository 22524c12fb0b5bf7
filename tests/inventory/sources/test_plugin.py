"""Sources that other packages register, with the metadata of an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.load import load_inventory

PACKAGE = """
from sockfleet.inventory.errors import InventoryError

def provide(argument):
    if argument == "broken":
        raise KeyError("region")
    if argument == "wrong":
        raise InventoryError("demo:wrong", "no such region")
    if argument == "number":
        return 5
    return {
        "web": {"hosts": [f"{argument}-1", f"{argument}-2"], "vars": {"a": 1}},
        "_meta": {"hostvars": {f"{argument}-1": {"b": 2}}},
    }
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "demo_cloud_for_tests.py").write_text(PACKAGE)
    info = tmp_path / "demo_cloud-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-cloud\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[sockfleet.inventories]\ndemo = demo_cloud_for_tests:provide\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_a_registered_source() -> None:
    inventory = load_inventory(["demo:eu,west", "x1:22,"])
    assert list(inventory.hosts) == ["eu,west-1", "eu,west-2", "x1"]
    assert inventory.hosts["eu,west-1"].variables == {"a": 1, "b": 2}
    assert inventory.hosts["eu,west-1"].source == "demo:eu,west: web"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("broken", "demo:broken: .*demo_cloud_for_tests:provide failed: KeyError: 'region'"),
        ("wrong", "demo:wrong: no such region"),
        ("number", "demo:number: found 5, expected a mapping of groups"),
    ],
)
def test_errors_of_a_registered_source(argument: str, message: str) -> None:
    with pytest.raises(InventoryError, match=message):
        load_inventory([f"demo:{argument}"])


def test_an_unregistered_name_is_a_file() -> None:
    with pytest.raises(InventoryError, match="other:x: no such file or folder"):
        load_inventory(["other:x"])
