"""What an ssh_config file gives a host, by ours and by ssh."""

from __future__ import annotations

import shlex
from pathlib import Path

from sockfleet.inventory.ssh_options.arguments import read_arguments
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Credentials, Login, LoginResolver
from tests.support.ssh.ssh_reference import as_ssh_shows, effective_options, list_missed

__all__ = ["assert_as_ssh", "login"]


def login(
    config: Path, alias: str, text: str = "", *, ignored: IgnoredOptions | None = None
) -> Login:
    resolver = LoginResolver(
        hop_credentials=Credentials(),
        allow_proxy_command=False,
        ignored=ignored or IgnoredOptions(),
    )
    options = read_arguments(shlex.split(text), "args").options
    return resolver.resolve(alias, options, Credentials(), config_file=str(config))


def assert_as_ssh(config: Path, alias: str, text: str = "") -> Login:
    found = login(config, alias, text)
    ours = as_ssh_shows(found)
    theirs = effective_options([*shlex.split(text), "-F", str(config), alias])
    assert ours == {keyword: theirs[keyword] for keyword in ours}
    assert list_missed(found, theirs) == set()
    return found
