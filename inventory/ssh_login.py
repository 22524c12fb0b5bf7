"""From ssh options to one address and one `SshSettings`: the judge of every option honoured here.

The host itself, each jump host, and the bastion of an ``ssh -W`` command are all judged by this
code; only where their options come from differs.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from .addresses import judged_address, judged_label, judged_port, judged_user
from .algorithms import algorithm_list
from .errors import InventoryError
from .jump_hosts import JumpTarget, jump_list, jump_of_command
from .models import Hop, HostKeyPolicy, Secret, SshSettings
from .plain_text import shown
from .ssh_arguments import SshOption
from .ssh_config import SshConfig, read_ssh_config
from .ssh_keywords import Passed, first_of_each

__all__ = ["Credentials", "Login", "LoginJudge"]

_T = TypeVar("_T")
_MAX_HOPS = 8
_USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_TIME = re.compile(r"(?:[0-9]{1,6}[smhdw])*(?:[0-9]{1,6})?", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FAMILIES = {"any": 0, "inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one logs in with besides the options: the scan's defaults, or a host's own."""

    identity_files: tuple[str, ...] = ()
    """Used where no option names an identity file."""
    agent: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where to connect to and how to log in there."""

    address: str
    port: int
    ssh: SshSettings
    bound: bool
    """Whether the same options may give something else for another host: an ssh_config was asked,
    or a token such as %h filled in."""


class _Tokens:
    """%h and its kin for one destination, filled in where they are written."""

    def __init__(self, *, alias: str, address: str, port: int, user: str | None) -> None:
        self.used = False
        self._values: dict[str, Callable[[], str]] = {
            "%": lambda: "%",
            "h": lambda: address,
            "n": lambda: alias,
            "p": lambda: str(port),
            "r": lambda: getpass.getuser() if user is None else user,
            "u": getpass.getuser,
            "d": lambda: str(Path.home()),
        }

    def fill(self, text: str, *, known: str = "hnprud") -> str:
        """Raises ValueError for a token that is not known here."""
        if "%" not in text:
            return text
        self.used = True

        def value(match: re.Match[str]) -> str:
            if match[1] not in {"%", *known}:
                raise ValueError(f"{shown(match[0])} in {shown(text)} is not filled in here")
            return self._values[match[1]]()

        return re.sub("%(.?)", value, text, flags=re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Everything judged of one destination that its jumps and files may depend on."""

    tokens: _Tokens
    config_file: str | None
    hosts: tuple[str, ...]
    """The destinations on whose behalf this one is judged, itself last, to notice a circle."""


class LoginJudge:
    """Judges options; reads each ssh_config once, and gathers what is to be noted."""

    def __init__(
        self, *, hop_credentials: Credentials, allow_proxy_command: bool, passed: Passed
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
        port = _value(first.get("port"), judged_port) or 22
        user = _value(first.get("user"), judged_user)
        way = _Way(
            tokens=_Tokens(alias=alias, address=address, port=port, user=user),
            config_file=config_file,
            hosts=(*behind, alias),
        )
        identities = _paths(accumulated["identityfile"], way)
        jumps, proxy_command = self._way(first, way)
        ssh = SshSettings(
            user=user,
            identity_files=identities or credentials.identity_files,
            certificate_files=_paths(accumulated["certificatefile"], way),
            agent=_agent(first.get("identityagent"), way, credentials.agent),
            identities_only=_yes(first.get("identitiesonly")) or False,
            password=self._password(first.get("passwordauthentication"), credentials.password),
            gssapi=_yes(first.get("gssapiauthentication")) or False,
            known_hosts_files=_known_hosts(first, way),
            host_key_alias=_value(first.get("hostkeyalias"), judged_label),
            host_keys=self._host_keys(first.get("stricthostkeychecking")),
            connect_timeout_s=_value(first.get("connecttimeout"), _seconds),
            kex_algorithms=_algorithms(first.get("kexalgorithms")),
            ciphers=_algorithms(first.get("ciphers")),
            macs=_algorithms(first.get("macs")),
            host_key_algorithms=_algorithms(first.get("hostkeyalgorithms")),
            address_family=_value(first.get("addressfamily"), _family) or 0,
            bind_address=_value(first.get("bindaddress"), judged_address),
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
            text = _filled(jump, jump.words[0], way)
            return self._through(jump, jump_list(jump, text), way), None
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
                f"ProxyCommand {shown(command.text)} is refused: it runs a program on this "
                "machine; --allow-proxy-command lets it, ProxyJump does without",
            )
        return (), _filled(command, command.text, way)

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
                option.source, f"{option.written} is {shown(option.text)}: {expected} is expected"
            )
        return HostKeyPolicy.ACCEPT_NEW

    def _password(self, option: SshOption | None, password: Secret | None) -> Secret | None:
        if password is None or option is None or _yes(option):
            return password
        self._passed.say(f"{option.source}: {option.written} no: the password is not used")
        return None


_NO_JUMP = SshOption(keyword="ProxyJump", text="none", words=("none",), source="")


def _without_jumps(ssh: SshSettings) -> SshSettings:
    return replace(ssh, jumps=()) if ssh.jumps else ssh


def _one(option: SshOption) -> str:
    if len(option.words) > 1:
        raise InventoryError(
            option.source, f"{option.written} {shown(option.text)}: one value is expected"
        )
    return option.words[0]


def _value(option: SshOption | None, judged: Callable[[str], _T]) -> _T | None:
    if option is None:
        return None
    try:
        return judged(_one(option))
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def _yes(option: SshOption | None) -> bool | None:
    def judged(word: str) -> bool:
        if word.lower() not in {"yes", "true", "no", "false"}:
            raise ValueError(f"{shown(word)}: yes or no is expected")
        return word.lower() in {"yes", "true"}

    return _value(option, judged)


def _algorithms(option: SshOption | None) -> tuple[str, ...]:
    return _value(option, algorithm_list) or ()


def _seconds(text: str) -> float | None:
    """ConnectTimeout in seconds, or as ssh's times (``1m30s``); none and 0: the scan's."""
    if text.lower() == "none":
        return None
    if not text or not _TIME.fullmatch(text):
        raise ValueError(f"{shown(text)} is no time: seconds, or a form such as 1m30s")
    parts = re.findall(r"([0-9]+)([smhdw]?)", text.lower())
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts)) or None


def _family(text: str) -> int:
    if text.lower() not in _FAMILIES:
        raise ValueError(f"{shown(text)}: any, inet or inet6 is expected")
    return _FAMILIES[text.lower()]


def _address(alias: str, hostname: SshOption | None) -> str:
    judged_alias = judged_address(alias)
    tokens = _Tokens(alias=alias, address=alias, port=22, user=None)
    return (
        _value(hostname, lambda text: judged_address(tokens.fill(text, known="hn"))) or judged_alias
    )


def _filled(option: SshOption, text: str, way: _Way) -> str:
    try:
        return way.tokens.fill(text)
    except ValueError as error:
        raise InventoryError(option.source, f"{option.written}: {error}") from None


def _path(option: SshOption, word: str, way: _Way) -> str:
    if not word or word.lower() == "none" or "${" in word or not word.isprintable():
        raise InventoryError(
            option.source,
            f"{option.written} {shown(word)} is refused: the path of a file is expected, "
            "without environment variables",
        )
    try:
        return str(Path(_filled(option, word, way)).expanduser())
    except RuntimeError:
        raise InventoryError(
            option.source, f"{option.written} {shown(word)}: no such user's home is known"
        ) from None


def _paths(options: Sequence[SshOption], way: _Way) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_path(option, _one(option), way) for option in options))


def _agent(option: SshOption | None, way: _Way, default: str | None) -> str | None:
    """IdentityAgent: ``none``, ``SSH_AUTH_SOCK`` for that variable's value, or a path."""
    if option is None:
        return default
    word = _one(option)
    if word.lower() == "none":
        return None
    if word in {"SSH_AUTH_SOCK", "$SSH_AUTH_SOCK"}:
        return os.environ.get("SSH_AUTH_SOCK") or default
    if word.startswith("$"):
        raise InventoryError(
            option.source, f"{option.written} {shown(word)} is refused: a path is expected"
        )
    return _path(option, word, way)


def _known_hosts(first: Mapping[str, SshOption], way: _Way) -> tuple[str, ...] | None:
    """The user's files, then the machine's, as ssh reads them; None where neither is named."""
    user, machine = first.get("userknownhostsfile"), first.get("globalknownhostsfile")
    if user is None and machine is None:
        return None
    return _known_hosts_of(user, _USER_KNOWN_HOSTS, way) + _known_hosts_of(
        machine, _GLOBAL_KNOWN_HOSTS, way
    )


def _known_hosts_of(
    option: SshOption | None, default: tuple[str, ...], way: _Way
) -> tuple[str, ...]:
    if option is None:
        return tuple(str(Path(path).expanduser()) for path in default)
    if len(option.words) == 1 and option.words[0].lower() == "none":
        return ()
    return tuple(_path(option, word, way) for word in option.words)
