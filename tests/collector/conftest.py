"""The fixtures of tests over SSH."""

from tests.support.ssh.fixtures import (
    asyncssh_path,
    key_forms,
    keys,
    known_hosts,
    server,
    settings,
    short_pauses,
    transport,
)

__all__ = [
    "asyncssh_path",
    "key_forms",
    "keys",
    "known_hosts",
    "server",
    "settings",
    "short_pauses",
    "transport",
]
