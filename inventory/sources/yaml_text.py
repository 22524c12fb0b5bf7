"""Parse YAML and JSON text into plain values, with line numbers in errors.

Values are those of PyYAML's safe loader (YAML 1.1, as in Ansible; JSON is tried first, as there).
One difference from Ansible: a key that appears twice in one mapping is an error, unless the caller
allows it, where Ansible warns and keeps the last. Of Ansible's own tags, ``!unsafe`` gives its
value, and ``!vault`` gives ``{"__ansible_vault": text}``, as in the output of
``ansible-inventory --list``.
"""

from __future__ import annotations

from ..connection.variables import NAMES
from .document_values import OnRepeatedKey, make_literal

__all__ = ["NeedsAnsible", "is_connection_variable", "parse_yaml"]


_VAULT_HEADER = "$ANSIBLE_VAULT"
_UNSAFE_KEY = "__ansible_unsafe"
_CONNECTION_NAMES = frozenset(NAMES)


class NeedsAnsible(Exception):  # noqa: N818 (control flow, not an error)
    """A source that only Ansible can read: a plugin's configuration, or an encrypted file."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(f"{where}: {reason}")


def is_connection_variable(name: object) -> bool:
    """Whether a variable of this name may say how a host is reached.

    Most of Ansible's own (``ansible_python_interpreter``, ``ansible_become``) say nothing of it.
    """
    return isinstance(name, str) and (name in _CONNECTION_NAMES or name.startswith("sockfleet_"))


def parse_yaml(text: str, where: str, on_repeated_key: OnRepeatedKey | None = None) -> object:
    """Return the value of a YAML or JSON document; None where it is empty.

    Of a repeated key that ``on_repeated_key`` allows, the last value counts; None: none is allowed.
    Raises InventoryError with the line where it is not YAML, `NeedsAnsible` for a file that
    Ansible's vault has encrypted as a whole.
    """
    if text.startswith(_VAULT_HEADER):
        raise NeedsAnsible(where, "is encrypted by ansible-vault")
    if text.lstrip()[:1] == "{":
        try:
            import json  # an inventory in INI needs it nowhere

            return json.loads(text, object_pairs_hook=_make_object)
        except (ValueError, RecursionError):
            pass  # a YAML flow mapping, or an error that the YAML loader reports with its line
    # PyYAML is slow to import, and many fleets have no YAML.
    from .yaml_document import load_document

    return load_document(text, where, on_repeated_key)


def _make_object(pairs: list[tuple[str, object]]) -> object:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    unsafe = value.get(_UNSAFE_KEY) if len(value) == 1 else None
    if isinstance(unsafe, str):
        # Scripts mark a text this way that is no template for Ansible.
        return make_literal(unsafe)
    return value
