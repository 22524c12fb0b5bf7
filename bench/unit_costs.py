"""The measured cost of one host at each step of a scan, from which `scale` estimates a fleet.

The whole command runs on the lean simulator, directly and behind a real OpenSSH server as a
bastion; the steps after collection run in this process.
"""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aggregate import aggregate_readings, readings
from workers import scan

from sockfleet.aggregator.document_reader import read_document
from sockfleet.aggregator.merge import merge_scans
from sockfleet.collector.outcome_codec import decode_outcome, encode_outcome
from sockfleet.simulator.lean.process import LeanFleetProcess

sys.path.append(str(Path(__file__).parents[1]))  # for tests.support
from tests.support.ssh.sshd import Sshd

T = TypeVar("T")

_FEW, _MANY = 200, 3000
_BEHIND = 1000
_SUMMED = 40_000
_HEADERS = 52
"""Bytes of IPv4 and TCP with its time stamps, of each packet."""


@dataclass(frozen=True, kw_only=True)
class UnitCosts:
    """Costs of one host, unless the field says otherwise."""

    scan_ms: float
    """CPU of a scan by one process, from the connection to the JSON."""
    start_s: float
    """CPU of the whole command apart from its hosts."""
    parent_ms: float
    """CPU of the process that collects from workers: decoding, aggregation, JSON."""
    round_trips: float
    wire_bytes: float
    """Both directions, with the headers of the packets that were counted."""
    connection_kib: float
    """Memory of a host while it is read, beyond `kept_kib`."""
    kept_kib: float
    """Memory of a host after it is read, including its part of the JSON."""
    codec_us: float
    codec_bytes: float
    json_bytes: float
    compressed_bytes: float
    """Of the JSON, by zlib's default."""
    merge_us: float
    """CPU to parse a part's JSON and merge it."""
    bastion_ms: float
    """CPU of a bastion's sshd."""
    behind_ms: float
    """CPU of the scan for a host behind a bastion."""


def measure_unit_costs(folder: Path) -> UnitCosts:
    """Measure all costs; takes about a minute."""
    return UnitCosts(
        **_measure_collection(folder), **_measure_aggregation(), **_measure_bastion(folder)
    )


def _measure_collection(folder: Path) -> dict[str, float]:
    (folder / "fleet").mkdir()
    (folder / "few").mkdir()
    with LeanFleetProcess(folder / "few", hosts=_FEW) as fleet:
        few = scan(fleet, 1, 100)
    with LeanFleetProcess(folder / "fleet", hosts=_MANY, rtt_ms=50.0) as fleet:
        before = fleet.counts()
        narrow = scan(fleet, 1, 100)
        counts = {name: value - before[name] for name, value in fleet.counts().items()}
        wide = scan(fleet, 1, 1000)
    packets = counts["packets_sent"] + counts["packets_received"]
    sent = counts["bytes_sent"] + counts["bytes_received"]
    scan_ms = (wide.cpu_s - few.cpu_s) * 1e3 / (_MANY - _FEW)
    return {
        "scan_ms": scan_ms,
        "start_s": few.cpu_s - _FEW * scan_ms / 1e3,
        "round_trips": (counts["connections"] + counts["flights"]) / _MANY,
        # Each packet is acknowledged at most once, and a connection has six packets without data.
        "wire_bytes": (sent + (2 * packets + 6 * _MANY) * _HEADERS) / _MANY,
        "connection_kib": (wide.peak_mib - narrow.peak_mib) * 1024 / 900,
        "kept_kib": (narrow.peak_mib - few.peak_mib) * 1024 / (_MANY - _FEW),
        "json_bytes": len(wide.document) / _MANY,
        "compressed_bytes": len(zlib.compress(wide.document)) / _MANY,
    }


def _measure_aggregation() -> dict[str, float]:
    result = aggregate_readings(_SUMMED)
    read, read_us = _timed(lambda: read_document(result.document))
    _, merge_us = _timed(lambda: merge_scans([read, read]))
    outcomes = list(readings(_SUMMED))
    hosts = [outcome.host for outcome in outcomes]
    lines, encode_us = _timed(lambda: [encode_outcome(n, o) for n, o in enumerate(outcomes)])
    decoded, decode_us = _timed(lambda: [decode_outcome(line, hosts)[1] for line in lines])
    assert decoded == outcomes
    return {
        "parent_ms": decode_us / 1e3 + result.total_s * 1e3 / _SUMMED,
        "codec_us": encode_us + decode_us,
        "codec_bytes": sum(map(len, lines)) / _SUMMED,
        "merge_us": read_us + merge_us / 2,
    }


def _measure_bastion(folder: Path) -> dict[str, float]:
    (folder / "behind").mkdir()
    with (
        LeanFleetProcess(folder / "behind", hosts=_BEHIND) as fleet,
        Sshd(folder / "bastion", addresses=["127.0.0.9"]) as bastion,
    ):
        fleet.known_hosts.write_text(fleet.known_hosts.read_text() + bastion.known_hosts_lines())
        jump_file = folder / "jump.ini"
        hop = f"{getpass.getuser()}@127.0.0.9:{bastion.port}"
        jump_file.write_text(f"[all:vars]\nansible_ssh_common_args='-J {hop}'\n")
        runs = []
        for hosts in (_BEHIND // 4, _BEHIND):
            command = [sys.executable, str(Path(__file__).with_name("whole_run.py"))]
            command += [sys.executable, "-m", "sockfleet.cli", "scan", str(fleet.inventory)]
            command += [str(jump_file), "-i", str(bastion.client_key)]
            command += ["-q", "-o", str(folder / "b.json")]
            command += ["--known-hosts", str(fleet.known_hosts), "-l", f"all[0:{hosts - 1}]"]
            before_s = _connections_cpu_s(bastion)
            scan_run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)
            counts = json.loads((folder / "b.json").read_bytes())["fleet"]["hosts"]
            if counts["ok"] != hosts:
                sys.exit(f"behind the bastion: {counts}: {scan_run.stderr}")
            used_s = json.loads(scan_run.stderr.splitlines()[-1])["cpu_s"]
            runs.append((_connections_cpu_s(bastion) - before_s, used_s))
    more = _BEHIND - _BEHIND // 4
    (few_s, few_used_s), (many_s, many_used_s) = runs
    return {
        "bastion_ms": (many_s - few_s) * 1e3 / more,
        "behind_ms": (many_used_s - few_used_s) * 1e3 / more,
    }


def _connections_cpu_s(server: Sshd) -> float:
    """Wait for all connections of a server to end; return their CPU seconds."""
    while server.sessions():
        time.sleep(0.02)
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / 100


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    result = work()
    return result, (time.process_time() - began) * 1e6 / _SUMMED
