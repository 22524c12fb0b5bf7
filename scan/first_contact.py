"""The first contact with hosts whose keys nobody has trusted yet.

Such hosts fail. Once all others are read, the caller is asked about all of their keys together
(`ScanHooks.confirm_keys`); hosts whose key is trusted then are read in the same run.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from ..collector.engine import EngineSettings
from ..collector.errors import HostError, UnknownHostKey
from ..collector.outcome import HostFailure, HostOutcome
from ..core.record import record
from ..inventory.models import Connection, Host, HostKeyPolicy
from .hooks import Message, MessageKind, ScanHooks, UnknownKey, UnknownKeys

__all__ = ["FirstContact", "find_unmet_hosts"]


@record
class _Contact:
    """Hosts to read again, and how."""

    hosts: Sequence[Host]
    settings: EngineSettings


class FirstContact:
    """Holds back the hosts that fail by an unknown key, until the caller has decided on them."""

    def __init__(self, hooks: ScanHooks) -> None:
        self._hooks = hooks
        self._held: list[tuple[HostFailure, UnknownHostKey]] = []
        self._asked: set[tuple[str, int, str]] = set()

    def holds(self, outcome: HostOutcome) -> bool:
        """Whether it keeps the outcome: `decide` or `release` returns it.

        No key is asked about twice, such as one whose known_hosts file is a device.
        """
        if not isinstance(outcome, HostFailure) or outcome.unknown_key is None:
            return False
        if _identify(outcome.unknown_key) in self._asked:
            return False
        self._held.append((outcome, outcome.unknown_key))
        return True

    def release(self) -> Iterator[HostFailure]:
        """The outcomes that it still holds, as they are."""
        held, self._held = self._held, []
        return (failure for failure, _ in held)

    def decide(
        self, settings: EngineSettings, finish: Callable[[HostFailure], None]
    ) -> _Contact | None:
        """Ask about the keys, remember those that are trusted; None where none is.

        ``finish`` gets the hosts that stay as they are.
        """
        if not self._held:
            return None
        unknown = _fold(self._held)
        self._asked.update(_identify(key) for _, key in self._held)
        trusted = self._remember(self._hooks.confirm_keys(unknown))
        again = [failure.host for failure, key in self._held if _identify(key) in trusted]
        is_all = len(again) == len(self._held)
        others = [failure for failure, key in self._held if _identify(key) not in trusted]
        self._held = []
        for failure in others:
            finish(failure)
        if not again:
            return None
        if is_all and unknown.behind:  # the answer was about the keys of these hosts too
            transport = replace(settings.transport_settings, host_keys=HostKeyPolicy.ACCEPT_NEW)
            settings = replace(settings, transport_settings=transport)
        return _Contact(hosts=again, settings=settings)

    def _remember(self, fingerprints: Collection[str]) -> set[tuple[str, int, str]]:
        """Add the trusted keys to the known_hosts files; returns those that are known now."""
        from ..collector.ssh.host_keys.accept_new import accept_new
        from ..collector.ssh.host_keys.known_hosts import KnownHosts, Verdict

        known: dict[str, KnownHosts] = {}
        trusted: set[tuple[str, int, str]] = set()
        added: dict[str, int] = {}
        failed: dict[str, str] = {}
        for key in dict.fromkeys(replace(key, is_jump=False, where="") for _, key in self._held):
            blob = base64.b64decode(key.key)
            if _fingerprint(key) not in fingerprints or key.file in failed:
                continue
            if key.file not in known:
                known[key.file] = KnownHosts.load((key.file,))
            try:
                verdict, is_new = accept_new(known[key.file], key.file, key.name, key.port, blob)
            except OSError as error:
                failed[key.file] = error.strerror or str(error)
                continue
            if verdict is Verdict.TRUSTED:
                trusted.add(_identify(key))
            added[key.file] = added.get(key.file, 0) + is_new
        for file, why in failed.items():
            text = f"no host key can be added to {file}: {why}"
            self._hooks.on_message(Message(MessageKind.WARNING, text))
        for file, count in added.items():
            text = f"new host keys added to {file}: {count}"
            self._hooks.on_message(Message(MessageKind.NOTE, text))
        return trusted


def find_unmet_hosts(hosts: Sequence[Host], settings: EngineSettings) -> list[Host]:
    """The hosts for which, or for whose jump hosts, no known_hosts file seems to have a key.

    Hosts with a known key may be among them: a large hashed file is not searched for each.
    """
    from ..collector.ssh.host_keys.policy import HostKeyVerifier

    verifier = HostKeyVerifier(settings.transport_settings)

    def is_unmet(host: Host) -> bool:
        hops = (
            Host(name=hop.address, address=hop.address, port=hop.port, ssh=hop.ssh)
            for hop in host.ssh.jumps
        )
        checks = (verifier.for_host(each) for each in (*hops, host))
        return any(check.may_ask and not check.algorithms for check in checks)

    found: list[Host] = []
    for host in hosts:
        try:
            if host.connection is Connection.SSH and is_unmet(host):
                found.append(host)
        except HostError:
            continue  # its known_hosts file cannot be read, which the scan reports
    return found


def _fold(held: Sequence[tuple[HostFailure, UnknownHostKey]]) -> UnknownKeys:
    first: dict[str, UnknownHostKey] = {}
    names: dict[str, dict[str, None]] = {}
    for failure, key in held:
        name = f"jump host {key.where}" if key.is_jump else failure.host.name
        first.setdefault(key.key, key)
        names.setdefault(key.key, {})[name] = None
    return UnknownKeys(
        keys=tuple(
            UnknownKey(kind=_title(key), fingerprint=_fingerprint(key), names=tuple(names[text]))
            for text, key in first.items()
        ),
        hosts=tuple(failure.host.name for failure, _ in held),
        behind=tuple(failure.host.name for failure, key in held if key.is_jump),
        files=tuple(dict.fromkeys(key.file for _, key in held)),
    )


def _identify(key: UnknownHostKey) -> tuple[str, int, str]:
    return key.name, key.port, key.key


def _fingerprint(key: UnknownHostKey) -> str:
    from ..collector.ssh.credentials.public_key import fingerprint

    return fingerprint(base64.b64decode(key.key))


def _title(key: UnknownHostKey) -> str:
    from ..collector.ssh.credentials.public_key import key_title

    return key_title(base64.b64decode(key.key))
