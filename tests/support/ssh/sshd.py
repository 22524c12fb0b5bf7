"""A real OpenSSH server on loopback for the tests.

Every 127.a.b.c address is a host of its own; one `Sshd` may listen on several. It logs to a file,
never detaches, and is stopped by its own pid. As root any user of the machine can log in, as an
ordinary user only that user.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Sshd", "find_sshd", "free_port", "sftp_server", "ssh_keygen"]

START_TIMEOUT_S = 20.0
_TRIES = 20
_NOT_EPHEMERAL = range(10240, 32768)
"""Ports below the default of net.ipv4.ip_local_port_range (ip(7))."""


def find_sshd() -> str:
    """The path of sshd; raises FileNotFoundError, never skips: Debian's openssh-server has it."""
    found = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise FileNotFoundError("sshd is missing: apt-get install openssh-server")
    return found


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port that no process listens on at ``address``.

    The kernel gives it to no other socket that asks for any port.
    """
    for _ in range(_TRIES):
        port = random.SystemRandom().choice(_NOT_EPHEMERAL)
        try:
            _bound(address, port).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port
    raise RuntimeError(f"no port of {_NOT_EPHEMERAL} is free at {address}")


def _bound(address: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        one.bind((address, port))
    except OSError:
        one.close()
        raise
    return one


def _reserve(addresses: Sequence[str], port: int | None) -> tuple[int, list[int]]:
    """A port (None: any) that is free on each address, and the descriptors that keep it so.

    The kernel gives it to nobody else meanwhile, but sshd, which sets SO_REUSEADDR as we do, may
    bind it too: that is allowed as long as only one of the sockets listens (socket(7)).
    """
    for _ in range(_TRIES):
        with contextlib.ExitStack() as bound:
            try:
                sockets = [bound.enter_context(_bound(addresses[0], port or 0))]
                found: int = sockets[0].getsockname()[1]
                sockets += [bound.enter_context(_bound(each, found)) for each in addresses[1:]]
            except OSError as error:
                if port is not None or error.errno != errno.EADDRINUSE:
                    raise
                continue
            for one in sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return found, [os.dup(one.fileno()) for one in sockets]
    raise RuntimeError(f"no port is free on all of {addresses}")


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def ssh_keygen(
    path: Path, *arguments: str, key_type: str = "ed25519", passphrase: str = ""
) -> Path:
    """Make a key pair at ``path`` (and path.pub); further arguments go to ssh-keygen.

    An RSA key has 2048 bits: ssh-keygen takes four times as long for its 3072.
    """
    bits = ["-b", "2048"] if key_type == "rsa" else []
    subprocess.run(
        ["ssh-keygen", "-q", "-t", key_type, *bits, "-N", passphrase, "-f", str(path), *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path


class Sshd:
    """One sshd process, started on entry and stopped on exit.

    ``port`` and the keys exist from construction on, so that known_hosts files can be written
    before the start. ``config`` holds further lines of sshd_config; the first value of a keyword
    counts, and they come first. Bash reads no ~/.bashrc in its sessions: that of the user who runs
    the tests may start any number of programs at each login. ``SetEnv SHLVL=0`` lets it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        addresses: Sequence[str] = ("127.0.0.1",),
        port: int | None = None,
        host_key_types: Sequence[str] = ("ed25519",),
        config: Iterable[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.addresses = tuple(addresses)
        self.port, reserved = _reserve(self.addresses, port)
        self._release_port = weakref.finalize(self, _close, reserved)
        self.user = getpass.getuser()
        self.log = folder / "sshd.log"
        self.host_keys = [
            ssh_keygen(folder / f"host_{kind}", key_type=kind) for kind in host_key_types
        ]
        self.client_key = ssh_keygen(folder / "client")
        self.authorized_keys = folder / "authorized_keys"
        self.authorized_keys.write_text(self.client_key.with_suffix(".pub").read_text())
        # A user other than the one who runs the tests must be able to read it, and its folders.
        self.authorized_keys.chmod(0o644)
        self.config = folder / "sshd_config"
        self.config.write_text("\n".join([*config, *self._config_lines(), ""]))
        self.process: subprocess.Popen[bytes] | None = None

    def _config_lines(self) -> list[str]:
        listen = [f"[{a}]" if ":" in a else a for a in self.addresses]
        return [
            *(f"ListenAddress {address}:{self.port}" for address in listen),
            *(f"HostKey {key}" for key in self.host_keys),
            f"AuthorizedKeysFile {self.authorized_keys}",
            f"PidFile {self.folder / 'sshd.pid'}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 1000",
            "MaxSessions 100",
            "UseDNS no",
            "PrintMotd no",
            "SetEnv SHLVL=1",  # bash reads it at the first level (run_startup_files in shell.c)
            "LogLevel VERBOSE",
            f"Subsystem sftp {sftp_server()}",
        ]

    def known_hosts_lines(self, *names: str) -> str:
        """Its known_hosts lines under ``names``, by default its addresses, with its port."""
        lines = []
        for name in names or self.addresses:
            shown = name if self.port == 22 else f"[{name}]:{self.port}"
            for key in self.host_keys:
                kind, blob = key.with_suffix(".pub").read_text().split()[:2]
                lines.append(f"{shown} {kind} {blob}\n")
        return "".join(lines)

    @property
    def pid(self) -> int:
        """Of the listening process; each connection has children of it."""
        assert self.process is not None
        return self.process.pid

    def sessions(self) -> list[int]:
        """The processes of its connections, the deepest first."""
        return _children(self.pid)

    def kill_sessions(self) -> None:
        """Kill the processes of its connections; a parent may end with its child by itself."""
        for pid in self.sessions():
            _send(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It and its connections stand still in the block; the kernel completes new ones alone."""
        processes = [self.pid, *self.sessions()]
        for pid in processes:
            _send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                _send(pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation folder
        with self.log.open("ab") as log:
            listening = self._count_listening()  # of a start before this one
            self.process = subprocess.Popen(
                [find_sshd(), "-D", "-e", "-f", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_listens(listening + len(self.addresses))
        self._release_port()  # sshd holds it now
        return self

    def _count_listening(self) -> int:
        return self.log.read_text().count("Server listening on")

    def _wait_until_it_listens(self, wanted: int) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._count_listening() < wanted:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"sshd did not start:\n{self.log.read_text()}")
            time.sleep(0.01)  # its log is the only event there is

    def stop(self) -> None:
        """Stop the server and every connection of it; may be called twice."""
        if self.process is None:
            return
        self.kill_sessions()
        self.process.terminate()
        self.process.wait()
        self.process = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def sftp_server() -> str:
    """OpenSSH's SFTP server, a program of its own."""
    return "/usr/lib/openssh/sftp-server"


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    own = [int(word) for word in text.split()]
    return [deeper for child in own for deeper in (*_children(child), child)]


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)


if __name__ == "__main__":  # try it by hand: python tests/support/ssh/sshd.py FOLDER
    with Sshd(Path(sys.argv[1])) as server:
        print(f"ssh -p {server.port} -i {server.client_key} {server.user}@{server.addresses[0]}")
        signal.pause()
