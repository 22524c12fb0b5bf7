"""Every option of ssh_config(5): supported, ignored or refused.

An option that is in no list is refused by name: to ignore ``RevokedHostKeys``, for example, would
make a login less safe than the inventory describes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption

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

_SUPPORTED = ACCUMULATED | {
    "addressfamily",
    "bindaddress",
    "ciphers",
    "connecttimeout",
    "globalknownhostsfile",
    "gssapiauthentication",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "kexalgorithms",
    "macs",
    "passwordauthentication",
    "port",
    "proxycommand",
    "proxyjump",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
}

# They concern terminals, forwarding, other sessions, logging, or ssh's own timing; the engine has
# its own timeouts and retries, and never forwards anything.
_IGNORED = frozenset(
    {
        "addkeystoagent",
        "batchmode",
        "canonicaldomains",
        "canonicalizefallbacklocal",
        "canonicalizemaxdots",
        "canonicalizepermittedcnames",
        "channeltimeout",
        "checkhostip",
        "cipher",
        "clearallforwardings",
        "compression",
        "compressionlevel",
        "connectionattempts",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "dynamicforward",
        "enableescapecommandline",
        "enablesshkeysign",
        "escapechar",
        "exitonforwardfailure",
        "fallbacktorsh",
        "fingerprinthash",
        "forwardagent",
        "forwardx11",
        "forwardx11timeout",
        "forwardx11trusted",
        "gatewayports",
        "gssapidelegatecredentials",
        "hashknownhosts",
        "hostbasedacceptedalgorithms",
        "hostbasedauthentication",
        "ignoreunknown",
        "ipqos",
        "kbdinteractiveauthentication",
        "kbdinteractivedevices",
        "localcommand",
        "localforward",
        "loglevel",
        "logverbose",
        "numberofpasswordprompts",
        "obscurekeystroketiming",
        "permitremoteopen",
        "preferredauthentications",
        "pubkeyacceptedalgorithms",
        "pubkeyauthentication",
        "rekeylimit",
        "remoteforward",
        "requesttty",
        "rhostsrsaauthentication",
        "rsaauthentication",
        "sendenv",
        "serveralivecountmax",
        "serveraliveinterval",
        "setenv",
        "stdinnull",
        "streamlocalbindmask",
        "streamlocalbindunlink",
        "syslogfacility",
        "tcpkeepalive",
        "updatehostkeys",
        "usekeychain",
        "useprivilegedport",
        "useroaming",
        "visualhostkey",
        "warnweakcrypto",
        "xauthlocation",
    }
)

# Ignored with these values only; any other value needs a feature that sockfleet does not have.
_IGNORED_VALUES = {
    "canonicalizehostname": {"no", "none", "false"},
    "forkafterauthentication": {"no", "false"},
    "knownhostscommand": {"none"},
    "nohostauthenticationforlocalhost": {"no", "false"},
    "permitlocalcommand": {"no", "false"},
    "pkcs11provider": {"none"},
    "protocol": {"2"},
    "gssapikeyexchange": {"no", "false"},
    "gssapirenewalforcesrekey": {"no", "false"},
    "gssapitrustdns": {"no", "false"},
    "proxyusefdpass": {"no", "false"},
    "remotecommand": {"none"},
    "revokedhostkeys": {"none"},
    "securitykeyprovider": {"internal"},
    "sessiontype": {"default"},
    "tunnel": {"no", "false"},
    "tunneldevice": {"any:any", "any"},
    "verifyhostkeydns": {"no", "false"},
}


class IgnoredOptions:
    """Options without effect here, collected over all hosts for a few lines of notes."""

    def __init__(self) -> None:
        self._keywords: dict[str, dict[str, None]] = {}
        self._notes: dict[str, None] = {}

    def add(self, option: SshOption) -> None:
        """Add an ssh option that is ignored."""
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
        if name not in _SUPPORTED:
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
    harmless = _IGNORED_VALUES.get(name)
    if name in _IGNORED or (harmless and option.text.lower() in harmless):
        ignored.add(option)
    elif harmless:
        raise InventoryError(
            option.source,
            f"{option.written} {quote(option.text)} is refused: it cannot be honoured here",
        )
    elif not any(fnmatchcase(name, pattern) for pattern in unknown):
        raise InventoryError(option.source, f"{quote(option.written)} is refused: unknown here")
