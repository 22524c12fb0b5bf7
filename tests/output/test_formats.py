"""Formats by name and by suffix, ours and those of third parties."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sockfleet.core.errors import UsageError
from sockfleet.output import formats
from sockfleet.output.formats import Format, format_for_suffix, load_format


@pytest.mark.parametrize("name", ["table", "json", "ndjson", "csv", "prometheus", "influx"])
def test_our_formats_are_registered_like_others(name):
    found = load_format(name)
    assert isinstance(found, Format)
    assert found.name == name
    assert (found.host_line is None) == (found.end_line is None)


def test_an_unknown_format_lists_the_known_ones():
    known = "csv, influx, json, ndjson, prometheus, table"
    with pytest.raises(UsageError, match=f"no format 'yaml'; there are {known}"):
        load_format("yaml")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out.json", "json"),
        (Path("/var/tmp/a.b/OUT.JSON"), "json"),
        ("scan.ndjson", "ndjson"),
        ("scan.jsonl", "ndjson"),
        ("scan.csv", "csv"),
        ("scan.txt", "table"),
        ("scan.prom", "prometheus"),
        ("scan.influx", "influx"),
    ],
)
def test_a_suffix_stands_for_a_format(path, name):
    assert format_for_suffix(path).name == name


@pytest.mark.parametrize("path", ["scan", "scan.xml", ".json", "scan.json.gz"])
def test_an_unknown_suffix_says_how_to_name_the_format(path):
    with pytest.raises(UsageError, match=r"there are \.csv, \.influx, \.json.*as in json:"):
        format_for_suffix(path)


def test_an_entry_point_without_a_format_is_named(mocker):
    entry = EntryPoint(name="odd", value="os:sep", group="sockfleet.outputs")
    mocker.patch.object(formats, "_entry_points", return_value=[entry])
    with pytest.raises(UsageError, match="format 'odd': its entry point holds '/', no Format"):
        load_format("odd")


def test_a_plugin_that_cannot_be_imported_is_named(mocker):
    entry = EntryPoint(name="gone", value="no_such_module:FORMAT", group="sockfleet.outputs")
    mocker.patch.object(formats, "_entry_points", return_value=[entry])
    with pytest.raises(UsageError, match="format 'gone': cannot be loaded: No module named"):
        load_format("gone")


def test_a_broken_plugin_does_not_spoil_the_suffixes_of_others(mocker):
    broken = EntryPoint(name="gone", value="no_such_module:FORMAT", group="sockfleet.outputs")
    good = EntryPoint(
        name="csv", value="sockfleet.output.machine.csv:FORMAT", group="sockfleet.outputs"
    )
    mocker.patch.object(formats, "_entry_points", return_value=[broken, good])
    assert format_for_suffix("a.csv").name == "csv"
