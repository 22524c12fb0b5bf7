"""Expand host ranges of inventories: ``web[01:50].example.org:2222`` into names and a port.

The rules are those of ansible-core 2.19: ``[first:last]`` or ``[first:last:step]`` with inclusive
bounds, which are numbers (an omitted first one is 0, zero padding is kept) or single letters (``a``
to ``z``, then ``A`` to ``Z``); several ranges in one name; a port behind the last colon.

Some ranges are errors here, where Ansible silently takes no host or unintended ones: a range that
runs backwards, a step below 1, bounds of several letters, and more than `MOST_NAMES` names.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from string import ascii_letters

from .errors import InventoryError

__all__ = ["MOST_NAMES", "expand_host_pattern", "is_address", "split_port"]

MOST_NAMES = 1_000_000
"""The limit for one pattern: a larger one is most likely a typing error, and would fill memory."""

# Texts, which `re` compiles when a name has a colon or a bracket: few inventories have one.
_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?!-)(?:[\w-]|{_RANGE})+(?<![-_])"
_HOSTNAME = rf"(?i:{_LABEL}(?:\.{_LABEL})*)"
# In an IPv6 address a range replaces a whole component.
_IPV6_RANGE = r"(?i:(?<![^:])\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\](?![^:]))"
_BRACKETED_PORT = r"\[(.+)\]:([0-9]+)"
_PORT = r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)"
_NUMBER = r"[0-9]{1,18}"


def is_address(text: str) -> bool:
    """Whether ``text`` is a host name or an IP address, ranges included, without a port."""
    if re.fullmatch(_HOSTNAME, text):
        return True
    if "%" in text:
        return False
    try:
        IPv6Address(re.sub(_IPV6_RANGE, "1", text))
    except ValueError:
        return False
    return True


def split_port(text: str) -> tuple[str, int | None]:
    """Return the name and the port of ``name``, ``name:port`` or ``[name]:port``; None: no port.

    Where the text before the colon is no name or address, the whole text is the name.
    """
    if ":" not in text:
        return text, None
    name, port = text, None
    for form in (_BRACKETED_PORT, _PORT):
        found = re.fullmatch(form, name)
        if found:
            name, port = found[1], int(found[2])
    return (name, port) if is_address(name) else (text, None)


def expand_host_pattern(text: str, where: str) -> tuple[list[str], int | None]:
    """Return all names of a host pattern, and the port they share (None: no port is given).

    Raises InventoryError naming ``where`` for an invalid range.
    """
    name, port = split_port(text)
    names = [name]
    while "[" in names[0]:
        head, bounds, tail = _split_first_range(names[0], text, where)
        values = _expand_range(bounds, text, where)
        if len(names) * len(values) > MOST_NAMES:
            raise InventoryError(
                where, f"{text!r} stands for more than {MOST_NAMES:,} hosts; name fewer at once"
            )
        # The names so far differ only before this range, so each ends in the same text.
        cut = len(names[0]) - len(head)
        names = [f"{one[: len(one) - cut]}{value}{tail}" for one in names for value in values]
    return names, port


def _split_first_range(name: str, text: str, where: str) -> tuple[str, str, str]:
    head, _, rest = name.partition("[")
    bounds, closed, tail = rest.partition("]")
    if not closed or "]" in head:
        raise InventoryError(where, f"{text!r}: '[' begins a range, expected [first:last]")
    return head, bounds, tail


def _expand_range(bounds: str, text: str, where: str) -> list[str]:
    words = bounds.split(":")
    if len(words) not in (2, 3):
        raise InventoryError(
            where,
            f"{text!r}: found the range [{bounds}], expected [first:last] or [first:last:step]",
        )
    first, last = words[0] or "0", words[1]
    step = words[2] if len(words) == 3 else "1"
    if not re.fullmatch(_NUMBER, step) or int(step) < 1:
        raise InventoryError(where, f"{text!r}: found the step {step!r}, expected a number from 1")
    if re.fullmatch(_NUMBER, first) and re.fullmatch(_NUMBER, last):
        return _expand_numbers(first, last, int(step), text, where)
    if len(first) == len(last) == 1 and first in ascii_letters and last in ascii_letters:
        begin, end = ascii_letters.index(first), ascii_letters.index(last)
        if begin > end:
            raise InventoryError(where, f"{text!r}: the range [{bounds}] runs backwards")
        return list(ascii_letters[begin : end + 1 : int(step)])
    raise InventoryError(
        where, f"{text!r}: found the range [{bounds}], expected two numbers or two single letters"
    )


def _expand_numbers(first: str, last: str, step: int, text: str, where: str) -> list[str]:
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise InventoryError(
            where,
            f"{text!r}: [{first}:{last}] pads with zeros to {width} digits, expected an end of "
            f"{width} digits too",
        )
    begin, end = int(first), int(last)
    if begin > end:
        raise InventoryError(where, f"{text!r}: the range [{first}:{last}] runs backwards")
    if (end - begin) // step >= MOST_NAMES:
        raise InventoryError(
            where, f"{text!r} stands for more than {MOST_NAMES:,} hosts; name fewer at once"
        )
    return [str(number).zfill(width) for number in range(begin, end + 1, step)]
