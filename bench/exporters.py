"""Simulated exporters that show nothing but sockstat, each with the numbers of its own host.

node_exporter renders the answer of each host once, before anything is measured. The exporters only
send it, so that they take little of the machine on which Prometheus is measured. As node_exporter
does for Prometheus, they compress it.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self, cast

from sockfleet.simulator.host.proc_files import proc_files
from sockfleet.simulator.scenario.scenario import SimulatedHost

sys.path.append(str(Path(__file__).parents[1]))  # for tests.support
from tests.support.monitoring.prometheus import run_collector

__all__ = ["Exporters", "render_answers"]


def render_answers(folder: Path, hosts: Iterable[SimulatedHost]) -> list[bytes]:
    """Return node_exporter's answer for each host, as an HTTP response of sockstat's metrics."""
    folder.mkdir()
    (folder / "net").mkdir()
    answers = []
    with run_collector("sockstat", f"--path.procfs={folder}") as port:
        for host in hosts:
            for path, content in proc_files(host.contents).items():
                if path.startswith("/proc/net/sockstat"):
                    (folder / "net" / Path(path).name).write_bytes(content)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                lines = [line for line in answer if b"node_sockstat_" in line]
                kind = answer.headers["Content-Type"]
            body = gzip.compress(b"".join(lines), compresslevel=6)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n"
            answers.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return answers


class Exporters:
    """HTTP servers on addresses of their own, in a thread that lasts as long as the block."""

    def __init__(self, answers: Iterable[bytes]) -> None:
        self._answers = {
            f"127.79.{number // 250}.{1 + number % 250}": answer
            for number, answer in enumerate(answers)
        }
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._has_started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self.targets: list[str] = []
        """Addresses with ports, in the order of the answers."""
        self.scrapes = 0
        """Answers sent so far."""

    def __enter__(self) -> Self:
        self._thread.start()
        self._has_started.wait()
        if not self.targets:
            raise SystemExit("the exporters did not start; see their error above")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self) -> None:
        try:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            server = await self._loop.create_server(
                lambda: _Exporter(self, self._answers), list(self._answers), 0, backlog=8
            )
            # asyncio listens on the addresses in any order.
            ports = dict(listener.getsockname() for listener in server.sockets)
            self.targets = [f"{address}:{ports[address]}" for address in self._answers]
        finally:
            self._has_started.set()
        await self._end.wait()
        server.close()


class _Exporter(asyncio.Protocol):
    """One connection; Prometheus keeps it for all its scrapes of the target."""

    def __init__(self, exporters: Exporters, answers: Mapping[str, bytes]) -> None:
        self._exporters, self._answers = exporters, answers
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._answer = self._answers[transport.get_extra_info("sockname")[0]]

    def data_received(self, data: bytes) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            self._request = b""
            self._transport.write(self._answer)
            self._exporters.scrapes += 1
