"""Find the options that take effect, by what `keyword_table` says of each keyword."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption
from .keyword_table import KEYWORDS, OTHER_KEYWORDS, Effect

__all__ = ["ACCUMULATED", "IgnoredOptions", "select_effective"]

ACCUMULATED = frozenset({"identityfile", "certificatefile"})
"""Options whose occurrences add up; of every other option only the first takes effect."""

_ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "globalknownhostsfile2": "globalknownhostsfile",
    "hostbasedkeytypes": "hostbasedacceptedalgorithms",
    "keepalive": "tcpkeepalive",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "skeyauthentication": "kbdinteractiveauthentication",
    "tisauthentication": "kbdinteractiveauthentication",
    "userknownhostsfile2": "userknownhostsfile",
}

# They are lines of a file, which `config_file` reads; on a command line they are no option.
_LINES = frozenset({"host", "match", "include"})
# IgnoreUnknown takes effect here, not in a login.
_OPTIONS = {name for name, keyword in KEYWORDS.items() if keyword.effect is Effect.HONOURED} - (
    _LINES | {"ignoreunknown"}
)


class IgnoredOptions:
    """Options without effect here, collected over all hosts for a few lines of notes."""

    def __init__(self) -> None:
        self._keywords: dict[str, dict[str, None]] = {}
        self._notes: dict[str, None] = {}

    def add(self, option: SshOption) -> None:
        """Add an ssh option that is ignored; not of the files that ssh reads by itself.

        These are written for ssh, and stand on every machine: Debian's has SendEnv and
        HashKnownHosts for all hosts.
        """
        if option.is_default:
            return
        # An ssh_config gets one note, not one for each of its lines.
        source = re.sub(r":[0-9]+$", "", option.source)
        self._keywords.setdefault(source, {})[option.written] = None

    def add_note(self, text: str) -> None:
        """Add a separate note; it appears once, however many hosts it concerns."""
        self._notes[text] = None

    def notes(self) -> list[str]:
        """One line for each variable or file with ignored options, then the separate notes."""
        options = [
            f"{source}: ignored, as it changes nothing here: {', '.join(keywords)}"
            for source, keywords in self._keywords.items()
        ]
        return options + list(self._notes)


def select_effective(
    options: Iterable[SshOption], ignored: IgnoredOptions
) -> tuple[dict[str, SshOption], dict[str, list[SshOption]]]:
    """Return the effective options by name in lower case: the first of each, and all accumulated.

    ``ProxyJump`` and ``ProxyCommand`` exclude each other: the first of the two takes effect, under
    its own name, as in ssh. Options that are ignored are added to ``ignored``. Raises
    InventoryError for an option that is refused.
    """
    first: dict[str, SshOption] = {}
    accumulated: dict[str, list[SshOption]] = {name: [] for name in ACCUMULATED}
    unknown: list[str] = []  # the patterns of IgnoreUnknown
    for option in options:
        name = _ALIASES.get(option.name, option.name)
        if name not in _OPTIONS:
            _ignore_or_refuse(name, option, unknown, ignored)
            if name == "ignoreunknown" and not unknown:
                unknown = option.text.lower().replace(" ", "").split(",")
            continue
        if not option.words:
            raise InventoryError(option.source, f"{option.written} has no value")
        if name in accumulated:
            accumulated[name].append(option)
        elif name not in {"proxyjump", "proxycommand"} or not first.keys() & {
            "proxyjump",
            "proxycommand",
        }:
            first.setdefault(name, option)
    return first, accumulated


def _ignore_or_refuse(
    name: str, option: SshOption, unknown: Iterable[str], ignored: IgnoredOptions
) -> None:
    keyword = KEYWORDS.get(name)
    effect = None if keyword is None or name in _LINES else keyword.effect
    is_harmless = keyword is not None and option.text.lower() in keyword.harmless
    if is_harmless or effect is Effect.HARMLESS or name in {"ignoreunknown", *OTHER_KEYWORDS}:
        ignored.add(option)
    elif keyword is not None and effect is Effect.LEFT_OUT:
        if option.is_default:
            return
        ignored.add_note(f"{option.source}: {option.written} is not honoured: {keyword.reason}")
    elif keyword is not None and effect is Effect.REFUSED:
        raise InventoryError(
            option.source,
            f"{option.written} {quote(option.text)} is refused: {keyword.reason}",
        )
    elif not any(fnmatchcase(name, pattern) for pattern in unknown):
        raise InventoryError(option.source, f"{quote(option.written)} is refused: unknown here")
