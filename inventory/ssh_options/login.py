"""Resolve ssh options into one address and one `SshSettings`.

The host itself, each jump host, and the bastion of an ``ssh -W`` command are resolved alike; only
the sources of their options differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import cache
from importlib.util import find_spec

from ...core.record import record
from ...core.text import quote
from ..addresses import check_address, check_label, check_port, check_user
from ..errors import InventoryError
from ..models import Hop, HostKeyPolicy, Secret, SshSettings
from .algorithms import parse_algorithms
from .arguments import SshOption
from .config_files import ConfigFiles, ConfigSource
from .jump_hosts import JumpTarget, parse_jump_command, parse_jumps
from .keywords import IgnoredOptions, select_effective
from .ssh_config import MatchedOptions
from .values import (
    Tokens,
    fill_tokens,
    parse_address_family,
    parse_agent_socket,
    parse_bits,
    parse_known_hosts,
    parse_method_order,
    parse_methods,
    parse_paths,
    parse_seconds,
    parse_switch,
    parse_value,
)

__all__ = [
    "Credentials",
    "EffectiveOptions",
    "Login",
    "LoginResolver",
]

_MAX_HOPS = 8
_PROXY_HINT = "; --allow-proxy-command lets it, ProxyJump does without"


@record
class Credentials:
    """Credentials that are not ssh options: the scan's defaults, or a host's own."""

    identity_files: tuple[str, ...] = ()
    """Used where no option names an identity file."""
    agent: str | None = None
    password: Secret | None = None


@record
class EffectiveOptions:
    """The options of one login that take effect, by name in lower case."""

    first: Mapping[str, SshOption] = field(default_factory=dict)
    accumulated: Mapping[str, Sequence[SshOption]] = field(default_factory=dict)
    """Of `ACCUMULATED`: all that are set."""


@record
class Login:
    """The address and port to connect to, and the settings to log in with."""

    address: str
    port: int
    ssh: SshSettings
    depends_on_host: bool
    """Whether the same options may give other settings for another host: a HostName is set, or a
    token such as %h replaced."""
    options: EffectiveOptions = field(default_factory=EffectiveOptions)
    """What decided; for those who ask where a value is from."""


@record
class _Destination:
    """The values of one destination that its jumps and files may depend on."""

    tokens: Tokens
    config_file: ConfigSource
    hosts: tuple[str, ...]
    """The chain of destinations that need this one, itself last, to detect a circle."""


class LoginResolver:
    """Resolves options; reads each ssh_config once, and adds ignored options to ``ignored``."""

    def __init__(
        self,
        *,
        hop_credentials: Credentials,
        allow_proxy_command: bool,
        ignored: IgnoredOptions,
        overridden: frozenset[str] = frozenset(),
    ) -> None:
        """``overridden``: keywords of an ssh_config that the command line replaces."""
        self._hop_credentials = hop_credentials
        self._allow_proxy_command = allow_proxy_command
        self._ignored = ignored
        self._overridden = overridden
        self.configs = ConfigFiles()
        self._hops: dict[tuple[JumpTarget, ConfigSource], tuple[Hop, ...]] = {}

    def resolve(
        self,
        alias: str,
        options: Sequence[SshOption],
        credentials: Credentials,
        *,
        config_file: ConfigSource,
        within: tuple[str, ...] = (),
        matched: MatchedOptions | None = None,
    ) -> Login:
        """Resolve the options for ``alias``, the host's address in the inventory.

        ``config_file`` applies after all options, as in ssh; ``matched`` is what ``configs`` gave
        for it, if that is known. ``within`` are the destinations that need this one as a jump host.
        Raises InventoryError naming the option that is refused and its source.
        """
        if matched is None:
            matched = self.configs.match(alias, options, config_file)
        found = (each for each in matched.options if each.name not in self._overridden)
        first, accumulated = select_effective([*options, *found], self._ignored)
        hostname = first.get("hostname")
        address = _resolve_address(alias, hostname)
        port = parse_value(first.get("port"), check_port) or 22
        user = parse_value(first.get("user"), check_user)
        key_alias = parse_value(first.get("hostkeyalias"), check_label)
        destination = _Destination(
            tokens=Tokens(alias=alias, address=address, port=port, user=user, key_alias=key_alias),
            config_file=config_file,
            hosts=(*within, alias),
        )
        methods = parse_methods(first)
        identities = accumulated["identityfile"]
        identity_files = (
            parse_paths(identities, destination.tokens)
            if identities
            else credentials.identity_files or None
        )
        agent = parse_agent_socket(
            first.get("identityagent"), destination.tokens, credentials.agent
        )
        jumps, proxy_command = self._resolve_route(first, destination)
        ssh = SshSettings(
            user=user,
            identity_files=identity_files if "publickey" in methods else (),
            certificate_files=parse_paths(accumulated["certificatefile"], destination.tokens),
            agent=agent if "publickey" in methods else None,
            identities_only=parse_switch(first.get("identitiesonly")) or False,
            password=self._select_password(first, methods, credentials.password),
            login_methods=parse_method_order(first, methods),
            gssapi="gssapi-with-mic" in methods and _can_use_gssapi(first["gssapiauthentication"]),
            known_hosts_files=parse_known_hosts(first, destination.tokens),
            host_key_alias=key_alias,
            host_keys=self._parse_host_keys(first),
            connect_timeout_s=parse_value(first.get("connecttimeout"), parse_seconds),
            kex_algorithms=parse_value(first.get("kexalgorithms"), parse_algorithms) or (),
            ciphers=parse_value(first.get("ciphers"), parse_algorithms) or (),
            macs=parse_value(first.get("macs"), parse_algorithms) or (),
            host_key_algorithms=parse_value(first.get("hostkeyalgorithms"), parse_algorithms) or (),
            public_key_algorithms=parse_value(
                first.get("pubkeyacceptedalgorithms"), parse_algorithms
            )
            or (),
            authority_algorithms=parse_value(first.get("casignaturealgorithms"), parse_algorithms)
            or (),
            least_rsa_bits=parse_value(first.get("requiredrsasize"), parse_bits) or 0,
            address_family=parse_value(first.get("addressfamily"), parse_address_family) or 0,
            bind_address=parse_value(first.get("bindaddress"), check_address),
            jumps=jumps,
            proxy_command=proxy_command,
        )
        return Login(
            address=address,
            port=port,
            ssh=ssh,
            depends_on_host=destination.tokens.used or hostname is not None,
            options=EffectiveOptions(first=first, accumulated=accumulated),
        )

    def _resolve_route(
        self, first: Mapping[str, SshOption], destination: _Destination
    ) -> tuple[tuple[Hop, ...], str | None]:
        if jump := first.get("proxyjump"):
            text = fill_tokens(jump, jump.words[0], destination.tokens)
            return self._resolve_hops(jump, parse_jumps(jump, text), destination), None
        command = first.get("proxycommand")
        if command is None or command.text.lower() == "none":
            return (), None
        try:
            target = parse_jump_command(command, destination.tokens)
            if target is not None:
                return self._resolve_hops(command, (target,), destination), None
        except InventoryError as error:
            # An ssh -W with options that are refused here can still run as a proxy command.
            if not self._allow_proxy_command:
                named = _PROXY_HINT if _PROXY_HINT not in error.problem else ""
                raise InventoryError(error.where, f"{error.problem}{named}") from None
        if not self._allow_proxy_command:
            raise InventoryError(
                command.source,
                f"ProxyCommand {quote(command.text)} is refused: it runs a program on this "
                f"machine{_PROXY_HINT}",
            )
        return (), fill_tokens(command, command.text, destination.tokens)

    def _resolve_hops(
        self, option: SshOption, targets: Sequence[JumpTarget], destination: _Destination
    ) -> tuple[Hop, ...]:
        hops: list[Hop] = []
        for target in targets:
            # Only the first hop may have jump hosts of its own: ssh reaches the next ones through
            # it, without regard to a ProxyJump in their ssh_config.
            hops += self._resolve_hop(target, destination, is_first=not hops)
        if len(hops) > _MAX_HOPS:
            raise InventoryError(option.source, f"more than {_MAX_HOPS} jump hosts in a row")
        return tuple(hops)

    def _resolve_hop(
        self, target: JumpTarget, destination: _Destination, *, is_first: bool
    ) -> tuple[Hop, ...]:
        config_file = target.config_file or destination.config_file
        key = (target, config_file) if is_first else None
        if key in self._hops:
            return self._hops[key]
        if len(destination.hosts) > _MAX_HOPS:
            raise InventoryError(" > ".join(destination.hosts), "the jump hosts go in a circle")
        given = [
            SshOption(keyword=keyword, text=text, words=(text,), source=f"jump host {target.host}")
            for keyword, text in (("User", target.user or ""), ("Port", str(target.port or "")))
            if text
        ]
        if not is_first:
            given.append(_NO_JUMP)
        login = self.resolve(
            target.host,
            [*given, *target.options],
            self._hop_credentials,
            config_file=config_file,
            within=destination.hosts,
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

    def _parse_host_keys(self, first: Mapping[str, SshOption]) -> HostKeyPolicy | None:
        option = first.get("stricthostkeychecking") or _ASK
        word = option.text.strip("\"'").lower()
        if word == "ask":
            return HostKeyPolicy.STRICT if parse_switch(first.get("batchmode")) else None
        if word in {"yes", "true"}:
            return HostKeyPolicy.STRICT
        if word in {"no", "off", "false"}:
            self._ignored.add_note(
                f"{option.source}: {option.written} {word} is read as accept-new: a changed host "
                "key is still refused"
            )
        elif word != "accept-new":
            expected = "yes, ask, accept-new, no or off"
            raise InventoryError(
                option.source, f"{option.written} is {quote(option.text)}: {expected} is expected"
            )
        return HostKeyPolicy.ACCEPT_NEW

    def _select_password(
        self, first: Mapping[str, SshOption], methods: Sequence[str], password: Secret | None
    ) -> Secret | None:
        if password is None or not {"password", "keyboard-interactive"}.isdisjoint(methods):
            return password
        named = (first.get(name) for name in ("passwordauthentication", "preferredauthentications"))
        option = next(filter(None, named), None) or first["kbdinteractiveauthentication"]
        self._ignored.add_note(
            f"{option.source}: {option.written} {option.text}: the password is not used"
        )
        return None


_ASK = SshOption(keyword="StrictHostKeyChecking", text="ask", words=("ask",), source="")
_NO_JUMP = SshOption(keyword="ProxyJump", text="none", words=("none",), source="")


def _can_use_gssapi(option: SshOption) -> bool:
    """False where a distribution's ssh_config switches GSSAPI on and nobody installed it here."""
    return not option.is_default or _has_gssapi()


@cache
def _has_gssapi() -> bool:
    return find_spec("gssapi") is not None


def _without_jumps(ssh: SshSettings) -> SshSettings:
    return replace(ssh, jumps=()) if ssh.jumps else ssh


def _resolve_address(alias: str, hostname: SshOption | None) -> str:
    checked_alias = check_address(alias)
    tokens = Tokens(alias=alias, address=alias, port=22, user=None)
    return (
        parse_value(hostname, lambda text: check_address(tokens.fill(text, known="hn")))
        or checked_alias
    )
