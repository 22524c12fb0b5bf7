"""A made fleet of 1,000 hosts over two weeks, imported by the command: its leaks are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from made_fleets import HOUR, make_fleet

from sockfleet.aggregator.document_writer import to_document
from sockfleet.history.trends.classify import Kind
from tests.support.cli.command_line import run_command
from tests.support.cli.command_process import run_sockfleet
from tests.support.history.made_scans import host_summary, scan_of

SEED = 7
FLEET = make_fleet(
    SEED, hosts=1000, leaks=10, interval_s=HOUR, leak_carriers=("flat", "daily", "weekly")
)
PLANTED = {
    host: truth
    for host, truth in zip(FLEET.block.hosts, FLEET.truths, strict=True)
    if truth.rate is not None
}


def documents():
    """Each scan of the fleet as the bytes that ``scan --format json`` writes.

    The documents of the hosts are made from two of ours: writing all of them as summaries would
    take as long as to import them.
    """
    read, failed = (
        to_document(scan_of([host_summary("NAME", value)]))["hosts"][0] for value in (7, None)
    )
    read["kernel"]["boot_id"] = "BOOT"
    read |= {"diagnosis": [], "scope_reasons": []}
    head, tail = (
        orjson.dumps(read)
        .replace(b"157", b"ALLOC")
        .replace(b'"closed":10', b'"closed":HELD')
        .replace(b'"tcp_close":7', b'"tcp_close":HELD'),
        orjson.dumps(failed),
    )
    block = FLEET.block
    for column, time in enumerate(block.times.tolist()):
        hosts = []
        for row, name in enumerate(block.hosts):
            value = block.values[row, column]
            if np.isnan(value):
                hosts.append(tail.replace(b"NAME", name.encode()))
                continue
            boot = f"{row:08x}-0000-4000-8000-{max(0, block.boots[row, column]):012x}"
            text = head.replace(b"NAME", name.encode()).replace(b"BOOT", boot.encode())
            held = b"%d" % value
            hosts.append(text.replace(b"HELD", held).replace(b"ALLOC", b"%d" % (value + 150)))
        summary = scan_of((), datetime.fromtimestamp(time, UTC), uid=f"{time:032x}")
        document = orjson.dumps(to_document(summary))
        assert document.endswith(b'"hosts":[]}')
        yield document[: -len(b"[]}")] + b"[" + b",".join(hosts) + b"]}\n"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The store that ``sockfleet history import`` fills."""
    folder = tmp_path_factory.mktemp("fleet")
    store, file = str(folder / "history.db"), folder / "scans.json"
    with file.open("wb") as stream:
        stream.writelines(documents())
    done = run_sockfleet("history", "import", "--store", store, str(file), cwd=folder, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{len(FLEET.block.times)} scans imported.\n"
    file.unlink()
    return store


@pytest.mark.long
def test_the_ten_planted_leaks_are_named_and_no_other(imported, monkeypatch, capsysbinary):
    begin, end = (datetime.fromtimestamp(t, UTC) for t in FLEET.block.times[[0, -1]].tolist())
    code, out, err = run_command(
        *("history", "trend", "--store", imported, "-f", "json"),
        *("--since", begin.isoformat(), "--until", f"@{end.timestamp() + 1:.0f}"),
        monkeypatch=monkeypatch,
        captured=capsysbinary,
    )
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert (document["scans"], document["hosts"]) == (len(FLEET.block.times), 1000)
    leaks = {one["host"]: one for one in document["findings"] if one["kind"] == Kind.LEAK}
    assert all(truth.is_clear for truth in PLANTED.values()), "each of them can be known"
    assert sorted(leaks) == sorted(PLANTED)
    for host, truth in PLANTED.items():
        found = leaks[host]
        if truth.rate_is_clear:
            assert found["rate_per_hour"] == pytest.approx(truth.rate, rel=0.1), host
        if truth.begin_is_clear:
            late = datetime.fromisoformat(found["begin"]).timestamp() - truth.begin
            assert abs(late) <= 2 * HOUR, host
    assert sum(truth.rate_is_clear for truth in PLANTED.values()) >= 5
    assert sum(truth.begin_is_clear for truth in PLANTED.values()) >= 1
