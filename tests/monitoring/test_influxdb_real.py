"""A real InfluxDB stores the line protocol with the right names and values."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import failure, reading, scan, summaries
from tests.support.monitoring.running_daemons import running_daemon
from tests.support.ssh.sshd import free_port

HOSTILE = ["a,b", "a=b", "a b", "a,up=1i b=2 3", 'a"b', "a'b", "größe", "[::1]", "#a"]


@contextmanager
def influxdb(folder: Path) -> Iterator[str]:
    """A server with one empty database ``sockfleet``; yields its URL."""
    port, other = free_port(), free_port()
    settings = folder / "influxdb.conf"
    settings.write_text(
        f"""
reporting-disabled = true
bind-address = "127.0.0.1:{other}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
[monitor]
store-enabled = false
"""
    )
    with running_daemon(["influxd", "-config", str(settings)], ready="Listening on HTTP"):
        address = f"http://127.0.0.1:{port}"
        post(
            f"{address}/query", urllib.parse.urlencode({"q": "CREATE DATABASE sockfleet"}).encode()
        )
        yield address


def post(url: str, data: bytes) -> int:
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return answer.status


def query_rows(address: str, query: str) -> list[dict[str, Any]]:
    words = urllib.parse.urlencode({"db": "sockfleet", "epoch": "ns", "q": query})
    with urllib.request.urlopen(f"{address}/query?{words}") as answer:
        (result,) = json.load(answer)["results"]
    return [
        dict(zip(series["columns"], row, strict=True))
        for series in result.get("series", ())
        for row in series["values"]
    ]


def render(summary) -> bytes:
    return load_format("influx").render(summary, RenderOptions())


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with influxdb(tmp_path_factory.mktemp("influxdb")) as address:
        yield address


def test_a_scan_is_stored_with_its_hosts_and_failures(server):
    hosts = summaries(
        reading("web1", groups=("web",), kernel=Kernel(page_size=4096)),
        failure("db1", message='say "no"'),
    )
    summary = summarize_fleet(hosts, scan())
    assert post(f"{server}/write?db=sockfleet", render(summary)) == 204
    hosts_by_name = {row["host"]: row for row in query_rows(server, "SELECT * FROM sockfleet_host")}
    web1, db1 = hosts_by_name["web1"], hosts_by_name["db1"]
    assert (web1["up"], web1["tcp_close"], web1["mem_bytes"]) == (1, 100, 86 * 4096)
    assert web1["time"] == 1795330801234000000
    assert (db1["up"], db1["tcp_close"], db1["error_category"]) == (0, None, "tcp_timeout")
    (group,) = query_rows(server, "SELECT * FROM sockfleet_group")
    assert (group["group"], group["tcp_close"]) == ("web", 100)
    (count,) = query_rows(server, "SELECT * FROM sockfleet_failures")
    assert (count["category"], count["hosts"]) == ("tcp_timeout", 1)


def test_a_hostile_host_name_stays_one_tag_value(server):
    (plain,) = summaries(failure("a"))
    names = [*HOSTILE, "a\\", "a\\,b", "a\nb"]
    hosts = [replace(plain, name=f"hostile {name}") for name in names]
    assert post(f"{server}/write?db=sockfleet", render(summarize_fleet(hosts, scan()))) == 204
    query = "SHOW TAG VALUES FROM sockfleet_host WITH KEY = host WHERE host =~ /hostile/"
    stored = {row["value"] for row in query_rows(server, query)}
    assert stored == {f"hostile {name}" for name in HOSTILE} | {
        "hostile a＼",
        "hostile a＼,b",
        "hostile a＼nb",
    }
