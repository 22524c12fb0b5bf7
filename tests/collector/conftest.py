"""The fixtures of tests over SSH."""

from tests.support.ssh.fixtures import (
    key_forms,
    keys,
    known_hosts,
    server,
    settings,
    short_pauses,
    transport,
)

__all__ = [
    "key_forms",
    "keys",
    "known_hosts",
    "server",
    "settings",
    "short_pauses",
    "transport",
]
