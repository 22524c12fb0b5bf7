"""Which firing alerts keep others from being sent: a rule's ``inhibits``."""

from __future__ import annotations

from collections.abc import Iterable

from ..judge.judge import subject_key
from .alert_state import AlertState

__all__ = ["Inhibitors"]


class Inhibitors:
    """The firing alerts whose rules inhibit others, indexed: a storm has thousands of both.

    An alert inhibits those of the named rules on its own subject, and on what is within it: every
    subject is within the fleet, a host within its groups, a namespace or holder within its host.
    """

    def __init__(self, firing: Iterable[tuple[AlertState, Iterable[str]]]) -> None:
        self._found: dict[tuple[str, str], AlertState] = {}
        """By the name of the inhibited rule, and `subject_key` of the inhibiting alert."""
        for state, inhibited in firing:
            for rule in inhibited:
                self._found.setdefault((rule, subject_key(state.subject)), state)

    def find(self, state: AlertState) -> AlertState | None:
        """The alert that inhibits this one; None: none does."""
        if not self._found:
            return None
        subject = state.subject
        outer = [subject_key(subject), *(f"group:{name}" for name in state.groups), "fleet:all"]
        if subject.host is not None:
            outer.append(subject.host)
        for key in outer:
            found = self._found.get((state.rule_name, key))
            if found is not None:
                return found
        return None
