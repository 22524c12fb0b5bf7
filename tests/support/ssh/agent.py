"""A real ssh-agent."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

__all__ = ["CountingAgent", "EmptyAgent", "ssh_agent"]

# draft-ietf-sshm-ssh-agent, "Message numbers"
_REQUEST_IDENTITIES = 11
_SIGN_REQUEST = 13


class _CountingListener(ABC):
    """A socket at ``path`` that counts the connections to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(1000)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # it was closed
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    @abstractmethod
    def _answer(self, client: socket.socket) -> None:
        """Answer the requests of one connection, and close it."""


class EmptyAgent(_CountingListener):
    """An agent without keys that counts the connections to it."""

    def _answer(self, client: socket.socket) -> None:
        with client:
            while client.recv(5):  # SSH_AGENTC_REQUEST_IDENTITIES has no content
                client.sendall(struct.pack(">IBI", 5, 12, 0))


class CountingAgent(_CountingListener):
    """Stands before a real agent, and counts the connections and the requests to it."""

    def __init__(self, path: Path, real: str) -> None:
        self.listings = 0
        self.signatures = 0
        self._real = real
        super().__init__(path)

    def _answer(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as real:
            real.connect(self._real)
            requests, answers = client.makefile("rb"), real.makefile("rb")
            with requests, answers:
                while message := _read_message(requests):
                    self.listings += message[4] == _REQUEST_IDENTITIES
                    self.signatures += message[4] == _SIGN_REQUEST
                    real.sendall(message)
                    client.sendall(_read_message(answers))


def _read_message(stream: BinaryIO) -> bytes:
    length = stream.read(4)
    return length + stream.read(int.from_bytes(length, "big"))


@contextmanager
def ssh_agent(*keys: Path) -> Iterator[str]:
    """A real agent that holds ``keys``; yields its socket's path."""
    with TemporaryDirectory(prefix="sockfleet-agent-") as folder:
        path = f"{folder}/socket"
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE)
        assert agent.stdout is not None
        try:
            agent.stdout.readline()  # says where it listens, once it does
            if keys:
                environment = {**os.environ, "SSH_AUTH_SOCK": path}
                subprocess.run(["ssh-add", "-q", *keys], env=environment, check=True)
            yield path
        finally:
            agent.terminate()
            agent.wait()
            agent.stdout.close()
