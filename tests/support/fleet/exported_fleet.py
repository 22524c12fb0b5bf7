"""A fleet with every number, word and failure that an export can have."""

from __future__ import annotations

from sockfleet.aggregator.fleet import FleetSummary, summarize_fleet
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.kernel import Kernel
from sockfleet.collector.probe.namespaces import Namespace
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.collector.probe.scope import Scope
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.fleet.sample_fleet import failure, reading, scan, summaries

__all__ = ["export_fleet"]

_KERNEL = Kernel(
    release="6.1.0",
    page_size=4096,
    tcp_mem=(100, 200, 300),
    tcp_max_orphans=1000,
    tcp_estab=7,
    file_nr=1200,
    file_max=9000,
)
_CONTAINER = Namespace(
    inode=4026532000,
    pid=9,
    command="php",
    container=Container(runtime="docker", id="a" * 64),
    inuse=0,
    used=2,
    in_protocols=0,
)
_HOLDER = Process(
    pid=9, command="php", user="www-data", tcp_close=900, open_files=950, open_files_limit=1024
)


def _make_fleet() -> FleetSummary:
    hosts = [
        reading(
            f"web{number}",
            {"inuse": 10, "orphan": 5, "tw": 3, "alloc": 1000, "mem": 150},
            groups=("web",),
            kernel=_KERNEL,
            scope=Scope.ALL_NAMESPACES,
            elsewhere=(_CONTAINER,),
            processes=Processes(seen=(_HOLDER,), exact=True),
        )
        for number in range(1, 5)
    ]
    return summarize_fleet(summaries(*hosts, failure("db1")), scan())


def export_fleet(name: str) -> str:
    """Return the fleet, web1 to web4 and db1 that was not read, in the format of this name."""
    return load_format(name).render(_make_fleet(), RenderOptions()).decode()
