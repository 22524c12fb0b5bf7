"""The results of getaddrinfo(3) that a fake look-up returns."""

from __future__ import annotations

import socket

__all__ = ["make_addrinfo"]

AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


def make_addrinfo(*ips: str) -> list[AddrInfo]:
    """Return one TCP entry for each address, with port 0."""
    return [
        (
            socket.AF_INET6 if ":" in ip else socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (ip, 0, 0, 0) if ":" in ip else (ip, 0),
        )
        for ip in ips
    ]
