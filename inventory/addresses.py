"""Check host names, addresses, users and ports against strict character sets before any use.

These values go to a resolver, an SSH login, known_hosts look-ups, messages and, where the user
allows proxy commands, a shell. Option-like and shell characters in them have led to command
injection in ssh clients (CVE-2017-1000117 and related ones, CVE-2023-51385); they are refused here.

Every function returns the checked value, or raises ValueError with the value found and the form
expected.
"""

from __future__ import annotations

import ipaddress
import re

from ..core.lazy_pattern import lazy_pattern
from ..core.text import has_control, quote

__all__ = ["check_address", "check_label", "check_port", "check_user"]

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = lazy_pattern(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ZONE = lazy_pattern(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_USER = lazy_pattern(r"[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,254}")
_DIGITS = lazy_pattern(r"[0-9]{1,5}")


def check_address(text: str) -> str:
    """An IPv4 or IPv6 address (with a zone) or a DNS name in ASCII."""
    if ":" in text:
        return _check_ipv6(text)
    if len(text) <= 254 and _DNS_NAME().fullmatch(text):
        return text
    raise ValueError(f"{quote(text)} is no host name or address{_address_hint(text)}")


def check_user(text: str) -> str:
    """A login name: letters, digits and ``. _ - @ +``, not beginning with ``-``, ``@`` or ``+``."""
    if _USER().fullmatch(text):
        return text
    raise ValueError(
        f"{quote(text)} is no user name: letters, digits and . _ - @ + are expected, "
        "not beginning with - @ +"
    )


def check_port(text: str) -> int:
    """A TCP port from its decimal digits."""
    port = int(text) if _DIGITS().fullmatch(text) else 0
    if 1 <= port <= 65535:
        return port
    raise ValueError(f"{quote(text)} is no port: a whole number from 1 to 65535 is expected")


def check_label(text: str) -> str:
    """The inventory's name of a host, which may differ from its address: any text without controls.

    Blanks and invisible characters may be in it; outputs show them escaped.
    """
    if text.strip() != text or not 0 < len(text) <= 255:
        raise ValueError(f"{quote(text)} is no host name: blank at an end, empty, or over 255")
    if text.startswith("-") or has_control(text):
        raise ValueError(f"{quote(text)} is no host name: it begins with - or holds a control")
    return text


def _check_ipv6(text: str) -> str:
    address, percent, zone = text.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError(f"{quote(text)} is no host name or address{_address_hint(text)}") from None
    if percent and not _ZONE().fullmatch(zone):
        raise ValueError(f"{quote(text)}: {quote(zone)} is no interface name")
    return text


def _address_hint(text: str) -> str:
    if "://" in text:
        return ": a plain host is expected, not a URI"
    if "@" in text:
        return ": a user goes into ansible_user"
    if re.fullmatch(r"[^:]+:[0-9]+|\[.*\](:[0-9]+)?", text):
        return ": without brackets, and a port goes into ansible_port"
    if not text.isascii():
        return ": names outside ASCII are written in their xn-- form"
    return ": letters, digits and . _ - are expected, in labels of 1 to 63"
