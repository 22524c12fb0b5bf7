"""The listening sockets of simulated hosts, and the faults of TCP."""

from __future__ import annotations

import errno
import resource
import socket

from ..errors import SimulatorError
from ..scenario.faults import Fault

__all__ = ["allow_descriptors", "bind_all", "bind_loopback", "open_port"]

_BACKLOG = 512
_TRIES = 20
_LOOPBACK = b"lo\0"


def bind_all(addresses: list[str]) -> tuple[int, list[socket.socket]]:
    """Bind one socket per address, all on one port that is free on each; they do not listen yet.

    Each address is bound by itself, because a wildcard would open the port to the network. Raises
    SimulatorError where this machine does not allow that.
    """
    for _ in range(_TRIES):
        bound: list[socket.socket] = []
        port = 0
        try:
            for address in addresses:
                one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                bound.append(one)
                one.setblocking(False)
                one.bind((address, port))
                port = one.getsockname()[1]
        except OSError as error:
            failed = addresses[len(bound) - 1] if bound else addresses[0]
            for one in bound:
                one.close()
            if port and len(bound) > 1 and error.errno == errno.EADDRINUSE:
                continue  # the port is in use on another address: try another port
            raise SimulatorError(
                f"cannot bind {failed}: {error.strerror}. The simulated hosts need one descriptor "
                "each and the whole of 127.0.0.0/8, which Linux has by default"
            ) from error
        return port, bound
    raise SimulatorError(f"no port was free on all {len(addresses)} addresses in {_TRIES} tries")


def bind_loopback() -> socket.socket | None:
    """Bind one socket for all of 127.0.0.0/8 on a free port; it does not listen yet.

    It is a wildcard socket bound to the device ``lo``, so it gets no packets of other devices
    (socket(7), SO_BINDTODEVICE). None where this machine does not allow that.
    """
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LOOPBACK)
        # A sandbox may accept the option without effect: the port would be open to the network.
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16) == _LOOPBACK:
            one.bind(("", 0))
            one.setblocking(False)
            return one
    except OSError:
        pass
    one.close()
    return None


def allow_descriptors(needed: int) -> None:
    """Raise the limit of open descriptors where it is lower. Raises SimulatorError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed <= soft or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise SimulatorError(
            f"the fleet needs {needed} descriptors and the limit is {hard}: "
            "ask for fewer hosts, or raise it (ulimit -Hn)"
        )
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else hard, hard)
    )


def open_port(bound: socket.socket, fault: Fault | None) -> list[socket.socket]:
    """Make a bound socket listen, or play the fault; return more sockets to keep open."""
    if fault is Fault.REFUSED:
        return []  # bound without listening: refuses connections, and reserves the port
    if fault is not Fault.UNANSWERED:
        bound.listen(_BACKLOG)
        return []
    # Linux drops the SYN of a connection where the accept queue is full; with backlog 0 it holds
    # one connection (tcp(7), net/ipv4/tcp_input.c tcp_conn_request).
    bound.listen(0)
    filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    filler.connect(bound.getsockname())
    return [filler]
