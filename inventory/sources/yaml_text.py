"""YAML and JSON text into plain values: safe, with line numbers, and no key twice.

Values are those of PyYAML's safe loader (YAML 1.1, as in Ansible; JSON is tried first, as there).
Different on purpose: a key that stands twice in one mapping is refused, where Ansible keeps the
last and prints a warning. Of Ansible's own tags, ``!unsafe`` gives its value, and ``!vault`` gives
``{"__ansible_vault": text}``, which is also how ``ansible-inventory --list`` shows it.
"""

from __future__ import annotations

import json

__all__ = ["NeedsAnsible", "parse_yaml"]

_VAULT_HEADER = "$ANSIBLE_VAULT"
_UNSAFE_KEY = "__ansible_unsafe"


class NeedsAnsible(Exception):  # noqa: N818 (a turn in the way, not an error)
    """A source that only Ansible can read: a plugin's configuration, or an encrypted file."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"{where}: {reason}")


def parse_yaml(text: str, where: str) -> object:
    """The value of a YAML or JSON document; None for an empty one.

    Raises InventoryError with the line for what is not YAML, `NeedsAnsible` for a file that
    Ansible's vault has encrypted as a whole.
    """
    if text.startswith(_VAULT_HEADER):
        raise NeedsAnsible(where, "is encrypted by ansible-vault")
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text, object_pairs_hook=_json_object)
        except (ValueError, RecursionError):
            pass  # a YAML flow mapping, or a fault that the YAML reader below shows with its line
    from .yaml_document import (
        load_document,  # PyYAML takes 10 ms to import, and many fleets have none
    )

    return load_document(text, where)


def _json_object(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    if len(value) == 1 and isinstance(value.get(_UNSAFE_KEY), str):
        return value[_UNSAFE_KEY]  # how scripts mark what Ansible must not read as a template
    return value
