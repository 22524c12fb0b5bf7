"""Find variables whose names are a mistyped name of a connection variable."""

from __future__ import annotations

from .variables import NAMES

__all__ = ["find_intended_name"]

_NAMES = frozenset(NAMES)


def find_intended_name(name: str) -> str | None:
    """Return the connection variable from which ``name`` differs by one mistake; None: there is
    none.

    One mistake is a letter too many, too few or wrong, or two letters swapped. With two mistakes
    allowed, other variables of Ansible would be reported: ``ansible_scp_extra_args``.
    """
    if name in _NAMES:
        return None
    return next((known for known in NAMES if _differ_by_one_mistake(name, known)), None)


def _differ_by_one_mistake(name: str, known: str) -> bool:
    if abs(len(name) - len(known)) > 1:
        return False
    same = 0
    while same < min(len(name), len(known)) and name[same] == known[same]:
        same += 1
    left, right = name[same:], known[same:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[1::-1] == right[:2] and left[2:] == right[2:])
    )
