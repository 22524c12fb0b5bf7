"""Hostile names of hosts in exported files."""

from __future__ import annotations

import csv
import io
import json

import pytest

from sockfleet.history.store.export import COLUMNS
from sockfleet.output.machine.export_files import write_export
from tests.support.hostile_text import HOSTILE, assert_harmless


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_cell_and_no_formula(tmp_path, name):
    # As the inventory gives it: Ansible allows any text, and what is unsafe is escaped.
    host = ascii(HOSTILE[name].decode("utf-8", "replace")[:300])[1:-1]
    row = tuple(host if column == "host" else 1 for column in COLUMNS)
    for suffix in (".csv", ".ndjson"):
        write_export(tmp_path / f"week{suffix}", [[row]])
    text = assert_harmless((tmp_path / "week.csv").read_bytes())
    header, cells = csv.reader(io.StringIO(text))
    assert header == list(COLUMNS)
    shown = cells[COLUMNS.index("host")]
    assert not shown.startswith(("=", "+", "-", "@"))
    assert shown.removeprefix("'") == host.removeprefix("'")
    line = json.loads(assert_harmless((tmp_path / "week.ndjson").read_bytes()))
    assert line["host"] == host
