"""The ssh options of one host, in order of precedence.

The order is that of the command line which ansible-core 2.19's ssh connection builds, where ssh
keeps the first value it gets: ``ansible_ssh_args``, host key checking, port, identity, user and
timeout of the variables, ``ansible_ssh_common_args``, ``ansible_ssh_extra_args``, then an
ssh_config. A default of the command line (``-u``, ``-i``) takes the place of the variable that it
replaces.
"""

from __future__ import annotations

import shlex

from ...core.text import quote
from ..errors import InventoryError
from ..ssh_options.arguments import SshArguments, SshOption, read_arguments
from ..ssh_options.config_files import ConfigSource
from . import variables as variables_
from .defaults import ConnectionDefaults
from .variables import Variables

__all__ = ["order_options"]


def order_options(
    variables: Variables, defaults: ConnectionDefaults
) -> tuple[list[SshOption], ConfigSource]:
    """All options, the strongest first, and the ssh_config that applies after them (None: none).

    Raises InventoryError naming the variable whose value cannot be used.
    """
    parts = [
        _parse_arguments(variables, names)
        for names in (
            variables_.SSH_ARGUMENTS,
            variables_.COMMON_ARGUMENTS,
            variables_.EXTRA_ARGUMENTS,
        )
    ]
    overriding = [o for part in reversed(parts) for o in part.options if o.overrides]
    ssh, common, extra = ([o for o in part.options if not o.overrides] for part in parts)
    command, source = variables.text(variables_.PROXY_COMMAND)
    proxy = [_make_option("ProxyCommand", command, source)] if command else []
    named = [part.config_file for part in reversed(parts) if part.config_file]
    return (
        [*overriding, *ssh, *_convert_variables(variables, defaults), *common, *extra, *proxy],
        named[0] if named else defaults.ssh_config,
    )


def _convert_variables(variables: Variables, defaults: ConnectionDefaults) -> list[SshOption]:
    """Options for the variables, or for the command line's defaults where they are not set."""
    options: list[SshOption] = []
    checked, source = variables.host_key_checking()
    if checked is False:
        options.append(_make_option("StrictHostKeyChecking", "no", source))
    port, source = variables.port()
    if port is None and defaults.port is not None:
        port, source = defaults.port, "--port"
    if port is not None:
        options.append(_make_option("Port", str(port), source))
    file, source = variables.text(variables_.IDENTITY_FILE)
    # An empty user or file in the inventory selects ssh's own default, not the command line's.
    identities = [file] if source else defaults.identity_files
    options += [
        _make_option("IdentityFile", path, source or "--identity") for path in identities if path
    ]
    user, source = variables.text(variables_.USER)
    if not source:
        user, source = defaults.user or "", "--user"
    if user:
        options.append(_make_option("User", user, source))
    timeout_s, source = variables.connect_timeout_s()
    if timeout_s is not None:
        options.append(_make_option("ConnectTimeout", str(timeout_s), source))
    return options


def _parse_arguments(variables: Variables, names: tuple[str, ...]) -> SshArguments:
    text, source = variables.text(names)
    try:
        words = [word.strip() for word in shlex.split(text) if word.strip()]
    except ValueError as error:
        raise InventoryError(source, f"{quote(text)} cannot be split into words: {error}") from None
    return read_arguments(words, source)


def _make_option(keyword: str, text: str, source: str) -> SshOption:
    return SshOption(keyword=keyword, text=text, words=(text,), source=source)
