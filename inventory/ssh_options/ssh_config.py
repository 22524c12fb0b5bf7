"""Find the options of an ssh_config that apply to a host, by ssh_config(5).

`config_files` reads the files, `match_criteria` the criteria of ``Match``. As in ssh, a ``Match
final`` anywhere in the files applies them twice, the second time with the host name that the first
time settles.

paramiko's SSHConfig is not used: it gives no file and line for messages, ignores ``Include``, runs
``Match exec`` of any file, considers unknown criteria met, and queries the name service for each
IdentityFile.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from heapq import merge

from ...core.record import mutable, record
from .arguments import SshOption
from .match_criteria import PatternList, Scope, Target

__all__ = ["Block", "MatchedOptions", "SshConfig"]


@record
class MatchedOptions:
    """The options of one ssh_config for one host."""

    options: Sequence[SshOption] = ()
    blocks: tuple[int, ...] = ()
    """Which blocks gave them: equal for two hosts that have the same options."""


@mutable
class Block:
    """The lines behind one ``Host`` or ``Match`` line."""

    scope: Scope
    options: list[SshOption]
    plain: tuple[str, ...] | None
    """The names of a ``Host`` line without wildcards and conditions around it; otherwise None."""
    patterns: PatternList | None = None
    """The scope, where it is one ``Host`` line alone: it decides on most blocks, and at once."""


class SshConfig:
    """One file, or several, with all files that they include, parsed once for all hosts."""

    def __init__(self, blocks: Sequence[Block], files: Sequence[str] = ()) -> None:
        self.files = files
        """Every file that was read, included ones too."""
        self._matched: dict[tuple[int, ...], MatchedOptions] = {}
        self._blocks = blocks
        self._sets = [
            tuple(_find_first(block.options, name) for name in ("hostname", "user", "port"))
            for block in blocks
        ]
        """What each block sets of the values that ``Match`` compares."""
        self._has_final_pass = any(block.scope.wants_final_pass for block in blocks)
        self._named: dict[str, list[int]] = {}
        self._general: list[int] = []
        for index, block in enumerate(blocks):
            for name in set(block.plain or ()):
                self._named.setdefault(name, []).append(index)
            if block.plain is None and block.options:
                self._general.append(index)

    def match(
        self,
        alias: str,
        *,
        user: str | None = None,
        hostname: str | None = None,
        port: str | None = None,
    ) -> MatchedOptions:
        """The options for ``alias`` in the order of the file; the first of a keyword takes effect.

        ``user``, ``hostname`` and ``port`` are values that earlier options set, or None. Raises
        InventoryError where a criterion that is not read decides on an option of this host.
        """
        first = _Values(alias=alias, user=user, hostname=hostname, port=port)
        blocks = self._apply(first, is_final=False)
        if not self._has_final_pass:
            return self._collect(blocks, ())
        final = replace(first, hostname=first.address.lower())
        return self._collect(blocks, self._apply(final, is_final=True))

    def _collect(self, blocks: Sequence[int], final: Sequence[int]) -> MatchedOptions:
        """The options of the blocks, shared by all hosts that match the same ones."""
        key = (*blocks, -1, *final) if final else tuple(blocks)
        matched = self._matched.get(key)
        if matched is None:
            options = [option for index in blocks for option in self._blocks[index].options]
            # By then ssh has set the host name, so that no HostName takes effect any more.
            options += [
                option
                for index in final
                for option in self._blocks[index].options
                if option.name != "hostname"
            ]
            matched = self._matched[key] = MatchedOptions(options=options, blocks=key)
        return matched

    def _apply(self, values: _Values, *, is_final: bool) -> list[int]:
        """The blocks that apply to a login; adds to ``values`` what they set."""
        found: list[int] = []
        target: Target | None = None
        named = values.address if is_final else values.alias
        for index in merge(self._named.get(named, ()), self._general):
            block = self._blocks[index]
            if block.patterns is not None:
                if not block.patterns.matches(named):
                    continue
            else:
                if target is None:
                    target = values.target(self._local_user, is_final=is_final)
                if not block.scope.includes(target):
                    continue
            found.append(index)
            if any(self._sets[index]):
                values.add(*self._sets[index])
                target = None
        return found

    @cached_property
    def _local_user(self) -> str:
        return getpass.getuser()


@mutable
class _Values:
    """What the options so far set of the values that ``Match`` compares."""

    alias: str
    user: str | None
    hostname: str | None
    port: str | None

    @property
    def address(self) -> str:
        """The host name that Match compares: ssh fills in %h and %% there."""
        if self.hostname is None:
            return self.alias
        return re.sub("%[h%]", lambda found: self.alias if found[0] == "%h" else "%", self.hostname)

    def target(self, local_user: str, *, is_final: bool) -> Target:
        is_number = self.port is not None and self.port.isascii() and self.port.isdecimal()
        return Target(
            alias=self.alias,
            hostname=self.address,
            user=self.user or local_user,
            local_user=local_user,
            port=int(self.port[:5]) if is_number and self.port is not None else 22,
            is_final=is_final,
        )

    def add(self, hostname: str | None, user: str | None, port: str | None) -> None:
        """Take the values that no earlier option sets."""
        self.hostname = self.hostname or hostname
        self.user = self.user or user
        self.port = self.port or port


def _find_first(options: Sequence[SshOption], name: str) -> str | None:
    return next((o.words[0] for o in options if o.name == name and o.words), None)
