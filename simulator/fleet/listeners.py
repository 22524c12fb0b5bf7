"""The sockets that simulated hosts answer on, and the faults below them."""

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
    """One socket per address, all on one port that was free on each, none of them listening yet.

    Each address is bound by itself: a wildcard would open the port to the network. Raises
    SimulatorError where this machine does not let us.
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
                continue  # somebody has this port on another of our addresses: try the next
            raise SimulatorError(
                f"cannot bind {failed}: {error.strerror}. The simulated hosts need one descriptor "
                "each and the whole of 127.0.0.0/8, which Linux has by default"
            ) from error
        return port, bound
    raise SimulatorError(f"no port was free on all {len(addresses)} addresses in {_TRIES} tries")


def bind_loopback() -> socket.socket | None:
    """One socket for all of 127.0.0.0/8 on a free port, not listening yet.

    It is a wildcard that is bound to the device ``lo``: packets that came in by any other are not
    for it (socket(7), SO_BINDTODEVICE). None where this machine does not let us have that.
    """
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LOOPBACK)
        # A sandbox may take the option and do nothing: then this would be open to the network.
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
    """Make a bound socket listen as the fault wants it; returns further sockets to keep open."""
    if fault is Fault.REFUSED:
        return []  # bound and not listening: refused, and nobody else can take the port
    if fault is not Fault.UNANSWERED:
        bound.listen(_BACKLOG)
        return []
    # Linux drops the first packet of a connection where the queue of accepted ones is full:
    # backlog 0 holds one (tcp(7), net/ipv4/tcp_input.c tcp_conn_request).
    bound.listen(0)
    filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    filler.connect(bound.getsockname())
    return [filler]
