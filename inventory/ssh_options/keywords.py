"""Every option of ssh_config(5), and what becomes of it here: honoured, passed over, or refused.

An option that is in no list is refused by name: silence about, say, ``RevokedHostKeys`` would make
a login less safe than the one its writer described.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ...core.text import quote
from ..errors import InventoryError
from .arguments import SshOption

__all__ = ["ACCUMULATED", "OtherOptions", "first_of_each"]

ACCUMULATED = frozenset({"identityfile", "certificatefile"})
"""Each occurrence of these adds to those before it; of all others the first counts."""

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

_HONOURED = ACCUMULATED | {
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

# They concern terminals, forwarding, other sessions, logging, or how ssh itself waits; the engine
# has its own timeouts and retries. Nothing is forwarded, whatever they say.
_PASSED_OVER = frozenset(
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

# Passed over with these values alone; with any other they ask for what is not done here.
_PASSED_OVER_AS = {
    "canonicalizehostname": {"no", "none", "false"},
    "forkafterauthentication": {"no", "false"},
    "knownhostscommand": {"none"},
    "nohostauthenticationforlocalhost": {"no", "false"},
    "permitlocalcommand": {"no", "false"},
    "pkcs11provider": {"none"},
    "protocol": {"2"},
    "proxyusefdpass": {"no", "false"},
    "remotecommand": {"none"},
    "revokedhostkeys": {"none"},
    "securitykeyprovider": {"internal"},
    "sessiontype": {"default"},
    "tunnel": {"no", "false"},
    "tunneldevice": {"any:any", "any"},
    "verifyhostkeydns": {"no", "false"},
}


class OtherOptions:
    """What was read and changes nothing, gathered over all hosts for a few lines of notes."""

    def __init__(self) -> None:
        self._keywords: dict[str, dict[str, None]] = {}
        self._texts: dict[str, None] = {}

    def option(self, option: SshOption) -> None:
        """An ssh option that is passed over."""
        # An ssh_config gets one note, not one for each of its lines.
        source = re.sub(r":[0-9]+$", "", option.source)
        self._keywords.setdefault(source, {})[option.written] = None

    def say(self, text: str) -> None:
        """A note of its own; said once, however many hosts it concerns."""
        self._texts[text] = None

    def notes(self) -> list[str]:
        """One line for each variable or file with such options, and the notes of their own."""
        options = [
            f"{source}: passed over, as it changes nothing here: {', '.join(keywords)}"
            for source, keywords in self._keywords.items()
        ]
        return options + list(self._texts)


def first_of_each(
    options: Iterable[SshOption], passed: OtherOptions
) -> tuple[dict[str, SshOption], dict[str, list[SshOption]]]:
    """The options that count, by name in lower case: the first of each, and all accumulated ones.

    ``ProxyJump`` and ``ProxyCommand`` exclude each other, the first of the two counts, as in ssh;
    it stands under its own name. Raises InventoryError for an option that is refused.
    """
    first: dict[str, SshOption] = {}
    accumulated: dict[str, list[SshOption]] = {name: [] for name in ACCUMULATED}
    ignored: list[str] = []
    for option in options:
        name = _ALIASES.get(option.name, option.name)
        if name not in _HONOURED:
            _pass_or_refuse(name, option, ignored, passed)
            if name == "ignoreunknown" and not ignored:
                ignored = option.text.lower().replace(" ", "").split(",")
            continue
        if not option.words:
            raise InventoryError(option.source, f"{option.written} stands without a value")
        if name in accumulated:
            accumulated[name].append(option)
        elif name not in {"proxyjump", "proxycommand"} or not first.keys() & {
            "proxyjump",
            "proxycommand",
        }:
            first.setdefault(name, option)
    return first, accumulated


def _pass_or_refuse(
    name: str, option: SshOption, ignored: Iterable[str], passed: OtherOptions
) -> None:
    harmless = _PASSED_OVER_AS.get(name)
    if name in _PASSED_OVER or (harmless and option.text.lower() in harmless):
        passed.option(option)
    elif harmless:
        raise InventoryError(
            option.source,
            f"{option.written} {quote(option.text)} is refused: it cannot be honoured here",
        )
    elif not any(fnmatchcase(name, pattern) for pattern in ignored):
        raise InventoryError(option.source, f"{quote(option.written)} is refused: unknown here")
