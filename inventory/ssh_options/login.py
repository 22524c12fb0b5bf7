"""From ssh options to one address and one `SshSettings`: the judge of every option honoured here.

The host itself, each jump host, and the bastion of an ``ssh -W`` command are all judged by this
code; only where their options come from differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...core.record import record
from ...core.text import quote
from ..addresses import check_address, check_label, check_port, check_user
from ..errors import InventoryError
from ..models import Hop, HostKeyPolicy, Secret, SshSettings
from .algorithms import parse_algorithms
from .arguments import SshOption
from .config_file import SshConfig, read_ssh_config
from .jump_hosts import JumpTarget, jump_of_command, parse_jumps
from .keywords import OtherOptions, first_of_each
from .values import (
    Tokens,
    address_family,
    agent_socket,
    check_value,
    file_paths,
    fill_tokens,
    known_hosts_files,
    seconds,
    yes_or_no,
)

__all__ = ["Credentials", "Login", "LoginResolver"]

_MAX_HOPS = 8


@record
class Credentials:
    """What one logs in with besides the options: the scan's defaults, or a host's own."""

    identity_files: tuple[str, ...] = ()
    """Used where no option names an identity file."""
    agent: str | None = None
    password: Secret | None = None


@record
class Login:
    """Where to connect to and how to log in there."""

    address: str
    port: int
    ssh: SshSettings
    bound: bool
    """Whether the same options may give something else for another host: an ssh_config was asked,
    or a token such as %h filled in."""


@record
class _Way:
    """Everything judged of one destination that its jumps and files may depend on."""

    tokens: Tokens
    config_file: str | None
    hosts: tuple[str, ...]
    """The destinations on whose behalf this one is judged, itself last, to notice a circle."""


class LoginResolver:
    """Judges options; reads each ssh_config once, and gathers what is to be noted."""

    def __init__(
        self, *, hop_credentials: Credentials, allow_proxy_command: bool, passed: OtherOptions
    ) -> None:
        self._hop_credentials = hop_credentials
        self._allow_proxy_command = allow_proxy_command
        self._passed = passed
        self._configs: dict[str, SshConfig] = {}
        self._hops: dict[tuple[JumpTarget, str | None], tuple[Hop, ...]] = {}

    def login(
        self,
        alias: str,
        options: Sequence[SshOption],
        credentials: Credentials,
        *,
        config_file: str | None,
        behind: tuple[str, ...] = (),
    ) -> Login:
        """Judge the options for ``alias``, the host's address as the inventory has it.

        ``config_file`` comes after all options, as ssh reads it; None: no ssh_config is read.
        Raises InventoryError naming the option that is refused and where it stands.
        """
        options = [*options, *self._configured(alias, options, config_file)]
        first, accumulated = first_of_each(options, self._passed)
        hostname = first.get("hostname")
        address = _address(alias, hostname)
        port = check_value(first.get("port"), check_port) or 22
        user = check_value(first.get("user"), check_user)
        way = _Way(
            tokens=Tokens(alias=alias, address=address, port=port, user=user),
            config_file=config_file,
            hosts=(*behind, alias),
        )
        identities = file_paths(accumulated["identityfile"], way.tokens)
        jumps, proxy_command = self._way(first, way)
        ssh = SshSettings(
            user=user,
            identity_files=identities or credentials.identity_files,
            certificate_files=file_paths(accumulated["certificatefile"], way.tokens),
            agent=agent_socket(first.get("identityagent"), way.tokens, credentials.agent),
            identities_only=yes_or_no(first.get("identitiesonly")) or False,
            password=self._password(first.get("passwordauthentication"), credentials.password),
            gssapi=yes_or_no(first.get("gssapiauthentication")) or False,
            known_hosts_files=known_hosts_files(first, way.tokens),
            host_key_alias=check_value(first.get("hostkeyalias"), check_label),
            host_keys=self._host_keys(first.get("stricthostkeychecking")),
            connect_timeout_s=check_value(first.get("connecttimeout"), seconds),
            kex_algorithms=check_value(first.get("kexalgorithms"), parse_algorithms) or (),
            ciphers=check_value(first.get("ciphers"), parse_algorithms) or (),
            macs=check_value(first.get("macs"), parse_algorithms) or (),
            host_key_algorithms=check_value(first.get("hostkeyalgorithms"), parse_algorithms) or (),
            address_family=check_value(first.get("addressfamily"), address_family) or 0,
            bind_address=check_value(first.get("bindaddress"), check_address),
            jumps=jumps,
            proxy_command=proxy_command,
        )
        bound = way.tokens.used or config_file is not None or hostname is not None
        return Login(address=address, port=port, ssh=ssh, bound=bound)

    def config(self, path: str) -> SshConfig:
        """An ssh_config, read when it is first asked for; raises InventoryError."""
        if path not in self._configs:
            self._configs[path] = read_ssh_config(path)
        return self._configs[path]

    def _configured(
        self, alias: str, options: Sequence[SshOption], config_file: str | None
    ) -> list[SshOption]:
        if config_file is None or config_file.lower() == "none":
            return []
        said = {o.name: o.text for o in reversed(options) if o.name in {"user", "hostname"}}
        return self.config(config_file).options(
            alias, user=said.get("user"), hostname=said.get("hostname")
        )

    def _way(self, first: Mapping[str, SshOption], way: _Way) -> tuple[tuple[Hop, ...], str | None]:
        if jump := first.get("proxyjump"):
            text = fill_tokens(jump, jump.words[0], way.tokens)
            return self._through(jump, parse_jumps(jump, text), way), None
        command = first.get("proxycommand")
        if command is None or command.text.lower() == "none":
            return (), None
        try:
            target = jump_of_command(command)
            if target is not None:
                return self._through(command, (target,), way), None
        except InventoryError:
            # An ssh -W with words that are not honoured here may still be run as it stands.
            if not self._allow_proxy_command:
                raise
        if not self._allow_proxy_command:
            raise InventoryError(
                command.source,
                f"ProxyCommand {quote(command.text)} is refused: it runs a program on this "
                "machine; --allow-proxy-command lets it, ProxyJump does without",
            )
        return (), fill_tokens(command, command.text, way.tokens)

    def _through(
        self, option: SshOption, targets: Sequence[JumpTarget], way: _Way
    ) -> tuple[Hop, ...]:
        hops: list[Hop] = []
        for target in targets:
            # Only the first hop is reached by a way of its own: ssh reaches the next ones through
            # it, whatever their ssh_config says.
            hops += self._hop(target, way, alone=not hops)
        if len(hops) > _MAX_HOPS:
            raise InventoryError(option.source, f"more than {_MAX_HOPS} jump hosts in a row")
        return tuple(hops)

    def _hop(self, target: JumpTarget, way: _Way, *, alone: bool) -> tuple[Hop, ...]:
        config_file = target.config_file or way.config_file
        key = (target, config_file) if alone else None
        if key in self._hops:
            return self._hops[key]
        if len(way.hosts) > _MAX_HOPS:
            raise InventoryError(" > ".join(way.hosts), "the jump hosts go in a circle")
        given = [
            SshOption(keyword=keyword, text=text, words=(text,), source=f"jump host {target.host}")
            for keyword, text in (("User", target.user or ""), ("Port", str(target.port or "")))
            if text
        ]
        if not alone:
            given.append(_NO_JUMP)
        login = self.login(
            target.host,
            [*given, *target.options],
            self._hop_credentials,
            config_file=config_file,
            behind=way.hosts,
        )
        if login.ssh.proxy_command is not None:
            raise InventoryError(
                f"jump host {target.host}", "a ProxyCommand is not honoured for a jump host"
            )
        before, settings = login.ssh.jumps, _without_jumps(login.ssh)
        hops = (*before, Hop(address=login.address, port=login.port, ssh=settings))
        if key is not None:
            self._hops[key] = hops
        return hops

    def _host_keys(self, option: SshOption | None) -> HostKeyPolicy | None:
        if option is None:
            return None
        said = option.text.strip("\"'").lower()
        if said in {"yes", "true", "ask"}:
            return HostKeyPolicy.STRICT
        if said in {"no", "off", "false"}:
            self._passed.say(
                f"{option.source}: {option.written} {said} is read as accept-new: a changed host "
                "key is still refused"
            )
        elif said != "accept-new":
            expected = "yes, ask, accept-new, no or off"
            raise InventoryError(
                option.source, f"{option.written} is {quote(option.text)}: {expected} is expected"
            )
        return HostKeyPolicy.ACCEPT_NEW

    def _password(self, option: SshOption | None, password: Secret | None) -> Secret | None:
        if password is None or option is None or yes_or_no(option):
            return password
        self._passed.say(f"{option.source}: {option.written} no: the password is not used")
        return None


_NO_JUMP = SshOption(keyword="ProxyJump", text="none", words=("none",), source="")


def _without_jumps(ssh: SshSettings) -> SshSettings:
    return replace(ssh, jumps=()) if ssh.jumps else ssh


def _address(alias: str, hostname: SshOption | None) -> str:
    judged_alias = check_address(alias)
    tokens = Tokens(alias=alias, address=alias, port=22, user=None)
    return (
        check_value(hostname, lambda text: check_address(tokens.fill(text, known="hn")))
        or judged_alias
    )
