"""A number is declared once; the test that fails names the place that lacks it."""

import csv
import io
import json
from dataclasses import fields

import pytest

from sockfleet.aggregator.fleet import DISTRIBUTED, summarize_fleet
from sockfleet.aggregator.measures import KEYS
from sockfleet.aggregator.numbers import TCP_HELP, TCP_NUMBERS
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.formats import RenderOptions, load_format
from sockfleet.output.machine.host_numbers import HOST_NUMBERS
from sockfleet.output.machine.schema import load_schema
from tests.support.fleet.sample_fleet import reading, scan, summaries
from tests.support.paths import ROOT

DEFS = load_schema("scan")["$defs"]
KERNEL = Kernel(
    release="6.1.0",
    boot_id="3f1cbd6d-6e5b-4c52-8a8e-000000000001",
    page_size=4096,
    tcp_mem=(100, 200, 300),
    tcp_max_orphans=1000,
    file_nr=1600,
    file_max=100_000,
    tcp_estab=7,
)
HOLDERS = (
    Process(pid=1, command="php", user="www", tcp_close=4, open_files=7, open_files_limit=1024),
    Process(pid=2, command="java", user="app", tcp_close=3, open_files=900, open_files_limit=1024),
    Process(pid=3, command="java", user="app", tcp_close=2, open_files=10, open_files_limit=1024),
)
(HOST,) = summaries(
    reading(
        "web1",
        kernel=KERNEL,
        scope=Scope.ALL_NAMESPACES,
        processes=Processes(seen=HOLDERS, exact=True),
    )
)
NUMBERS = {number.name: number for number in HOST_NUMBERS}


def render(name):
    return load_format(name).render(summarize_fleet([HOST], scan()), RenderOptions()).decode()


def lacking(names, place):
    """The names that a place does not have."""
    return [name for name in names if name not in place]


def test_a_host_that_gives_all_counters_has_every_number():
    assert [name for name in TCP_NUMBERS if getattr(HOST.tcp, name) is None] == []
    assert [name for name, number in NUMBERS.items() if number.value(HOST) is None] == []


def test_every_number_has_one_line_of_help():
    texts = [*TCP_HELP.values(), *(number.help for number in HOST_NUMBERS)]
    assert [text for text in texts if not text or set(text) & {"\n", "\\"}] == []


@pytest.mark.parametrize("definition", ["tcp", "host_change", "fleet_change"])
def test_the_schema_describes_every_number(definition):
    assert lacking(TCP_NUMBERS, DEFS[definition]["properties"]) == []
    assert lacking(TCP_NUMBERS, DEFS[definition]["required"]) == []


def test_the_schema_describes_every_distribution():
    assert lacking(DISTRIBUTED, DEFS["distributions"]["properties"]) == []
    assert lacking(DISTRIBUTED, DEFS["distributions"]["required"]) == []


def test_json_has_every_number_in_order():
    document = json.loads(render("json"))
    assert tuple(document["hosts"][0]["tcp"]) == TCP_NUMBERS
    assert tuple(document["fleet"]["totals"]) == TCP_NUMBERS


def test_csv_has_every_number_but_those_in_bytes():
    row = next(csv.DictReader(io.StringIO(render("csv"))))
    # mem_bytes is mem_pages times page_size, which a spreadsheet can multiply.
    shown = {name: number for name, number in NUMBERS.items() if not name.endswith("_bytes")}
    assert lacking(shown, row) == []
    assert {name: row[name] for name in shown} == {
        name: str(number.value(HOST)) for name, number in shown.items()
    }


def test_influx_has_every_number():
    host_line = next(line for line in render("influx").splitlines() if "sockfleet_host," in line)
    assert (
        lacking(
            [f"{name}={number.value(HOST)}i" for name, number in NUMBERS.items()],
            host_line.replace(" ", ",").split(","),
        )
        == []
    )


def test_prometheus_has_every_number_in_base_units():
    lines = render("prometheus").splitlines()
    shown = {name: number for name, number in NUMBERS.items() if not name.endswith("_pages")}
    samples = [f'sockfleet_host_{name}{{host="web1"}} {n.value(HOST)}' for name, n in shown.items()]
    assert lacking(samples, lines) == []
    helps = [f"# HELP sockfleet_host_{name} {number.help}" for name, number in shown.items()]
    assert lacking(helps, lines) == []
    assert "mem_pages" not in render("prometheus")


def test_every_number_of_the_kernel_is_shown_but_the_size_of_a_page():
    names = [field.name for field in fields(Kernel) if field.type == "int | None"]
    assert lacking(names, NUMBERS) == ["page_size"]


def test_a_level_can_be_set_on_every_number():
    for prefix in ("", "change.", "growth.", "worst.", "worst.change.", "worst.growth."):
        assert lacking([prefix + name for name in TCP_NUMBERS], KEYS) == []


def test_the_documentation_of_levels_and_gauges_names_every_number():
    text = (ROOT / "docs" / "monitoring.md").read_text()
    assert lacking([f"`{name}`" for name in TCP_NUMBERS], text) == []
    gauges = [name for name in NUMBERS if not name.endswith("_pages")]
    shown = [n for n in gauges if f"`_{n}`" in text or f"`sockfleet_host_{n}`" in text]
    assert lacking(gauges, shown) == []


def test_the_holder_with_the_fewest_descriptors_left_is_shown():
    row = next(csv.DictReader(io.StringIO(render("csv"))))
    assert [row[f"holder_{name}"] for name in ("pid", "command", "user")] == ["2", "java", "app"]
    assert (row["holder_open_files"], row["holder_open_files_limit"]) == ("900", "1024")
    lines = render("prometheus").splitlines()
    for command, user, files in (("php", "www", 7), ("java", "app", 900)):
        names = f'{{host="web1",command="{command}",user="{user}"}}'
        assert f"sockfleet_host_process_open_files{names} {files}" in lines
        assert f"sockfleet_host_process_open_files_limit{names} 1024" in lines
    assert "holder_open_files=900i,holder_open_files_limit=1024i" in render("influx")
