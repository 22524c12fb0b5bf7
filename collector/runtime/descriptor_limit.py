"""Raise the limit on file descriptors before a scan: each connection takes one.

Without a free descriptor getaddrinfo(3) fails with "Name or service not known", as if the host's
name were wrong.
"""

from __future__ import annotations

import resource

from ...core.errors import SockfleetError
from ...core.exit_codes import Exit

__all__ = ["DescriptorError", "concurrency_within", "raise_descriptor_limit"]

_RESERVED = 64
"""For the event loop, the resolver, files, logs and descriptors that the process inherited."""


class DescriptorError(SockfleetError):
    """The limit on open files leaves no room for even one connection."""

    exit_code = Exit.LOCAL


def raise_descriptor_limit() -> int:
    """Raise RLIMIT_NOFILE to its hard limit and return the limit now in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS refuses RLIM_INFINITY
            return soft
        soft = hard
    return soft


def concurrency_within(limit: int, wanted: int) -> int:
    """How many of ``wanted`` hosts can be contacted at once with ``limit`` descriptors.

    Raises DescriptorError where not even one can.
    """
    if limit == resource.RLIM_INFINITY:
        return wanted
    possible = limit - _RESERVED
    if possible < 1:
        raise DescriptorError(
            f"the limit on open files is {limit}, at least {_RESERVED + 1} are needed: ulimit -n"
        )
    return min(wanted, possible)
