"""One descriptor a connection: raise the limit before the start, instead of blaming hosts later.

Without a free descriptor getaddrinfo says "Name or service not known" (FACTS: SSH traps, 10).
"""

from __future__ import annotations

import resource

from ...core.errors import SockfleetError

__all__ = ["DescriptorError", "concurrency_within", "raise_descriptor_limit"]

_RESERVED = 64
"""For the event loop, the resolver, files, logs and whatever the process was started with."""


class DescriptorError(SockfleetError):
    """The limit on open files leaves no room for even one connection."""

    exit_code = 5


def raise_descriptor_limit() -> int:
    """Raise RLIMIT_NOFILE to its hard limit and return what holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS refuses an infinite one
            return soft
        soft = hard
    return soft


def concurrency_within(limit: int, wanted: int) -> int:
    """How many of ``wanted`` hosts can be asked at once with ``limit`` descriptors.

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
