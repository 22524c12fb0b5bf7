"""asyncssh's client by one of two paths: the fast one with versions that were tried, else the
public one.

`fast_connection` overrides names that asyncssh keeps private and that any release may change. So a
version that was not tried, such as a security release of tomorrow, is used by its documented
interface (`public_api_connection`): slower, with the same results, errors and checks.
"""

from __future__ import annotations

import logging

from .client import Client
from .slim_import import asyncssh

__all__ = ["TRIED_VERSIONS", "load_client"]

log = logging.getLogger("sockfleet.collector")

TRIED_VERSIONS = frozenset({"2.24"})
"""The minor releases of asyncssh that `fast_connection` was tried with: to add one, run
tests/collector/asyncssh, tests/collector/transports and tests/faults with it."""


def load_client(version: str = asyncssh.__version__) -> Client:
    """Load the path for this version of asyncssh."""
    if ".".join(version.split(".")[:2]) in TRIED_VERSIONS:
        from . import fast_connection

        return fast_connection
    from . import public_api_connection

    log.info(
        "asyncssh %s was not tried with the fast connection (%s): using asyncssh.connect, which "
        "takes more CPU time",
        version,
        ", ".join(f"{each}.x" for each in sorted(TRIED_VERSIONS)),
    )
    return public_api_connection
