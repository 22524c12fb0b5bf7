"""Logins from the words of ssh."""

from __future__ import annotations

import shlex

from sockfleet.inventory.ssh_options.arguments import read_arguments
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Credentials, Login, LoginResolver

__all__ = ["login"]

NOTHING = Credentials()
"""Of a host whose inventory names none."""


def login(
    text: str,
    alias: str = "web1",
    *,
    ignored: IgnoredOptions | None = None,
    allow_proxy_command: bool = False,
    credentials: Credentials = NOTHING,
    hop_credentials: Credentials = NOTHING,
) -> Login:
    """Return the login of the host ``alias`` whose ssh options are ``text``."""
    arguments = read_arguments(shlex.split(text), "args")
    resolver = LoginResolver(
        hop_credentials=hop_credentials,
        allow_proxy_command=allow_proxy_command,
        ignored=ignored or IgnoredOptions(),
    )
    return resolver.resolve(
        alias, arguments.options, credentials, config_file=arguments.config_file
    )
