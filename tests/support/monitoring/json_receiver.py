"""An HTTP server on loopback that keeps the JSON that programs post to it."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

__all__ = ["JsonReceiver", "Posted", "run_json_receiver"]


@dataclass(frozen=True)
class Posted:
    """One document, and the path to which it came."""

    path: str
    document: Any


@dataclass
class JsonReceiver:
    """The running server."""

    port: int = 0
    received: queue.Queue[Posted] = field(default_factory=queue.Queue)

    def url(self, path: str = "/") -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def wait_for(self, status: str, **labels: str) -> Posted:
        """Return the next webhook of an Alertmanager with that status and common labels."""
        while True:
            posted = self.received.get(timeout=60)
            found = posted.document
            if found["status"] == status and labels.items() <= found["commonLabels"].items():
                return posted


@contextmanager
def run_json_receiver() -> Iterator[JsonReceiver]:
    """Run one during the block."""
    receiver = JsonReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.received.put(Posted(self.path, document))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    Thread(target=server.serve_forever).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
