"""Read inventories that need Ansible itself: its plugins' configurations, encrypted files, TOML.

``ansible-inventory``, where it is installed, reads all sources of the call in their order, because
a plugin may use the sources before it. It runs twice: ``--list`` prints each host's resolved
variables, ``--list --export`` the groups' own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from ...core.lazy_pattern import lazy_pattern
from ..errors import InventoryError
from .files import decode_text
from .json_listing import read_listing
from .subprocess import run_child, to_one_line
from .unresolved import UnresolvedInventory
from .yaml_text import NeedsAnsible, parse_yaml

__all__ = ["read_with_ansible"]

_PROGRAM = "ansible-inventory"

# By default it exits 0 when it cannot parse a source. Its messages are searched too, because an
# ansible.cfg can override these variables.
_ENVIRONMENT = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
}
_FAILURE = lazy_pattern(r"(?:Failed to parse|Unable to parse|No inventory was parsed)[^\n]*")


def read_with_ansible(
    unresolved: UnresolvedInventory,
    sources: Sequence[str],
    playbook_dir: str | None,
    need: NeedsAnsible,
) -> None:
    """Add the output of ``ansible-inventory`` for all ``sources``; hosts get resolved variables.

    ``need`` gives the reason, for messages. Raises InventoryError where ``ansible-inventory`` is
    not installed, fails, warns of a source that it cannot parse, or exceeds its time limit.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        raise InventoryError(
            need.where,
            f"{need.reason}, which only Ansible can read: install ansible-core, so that "
            f"{_PROGRAM} is on the PATH",
        )
    words = [program, *(f"--inventory={source}" for source in sources)]
    if playbook_dir is not None:
        words += ["--playbook-dir", playbook_dir]
    listing = _run_listing([*words, "--list"], need)
    exported = _run_listing([*words, "--list", "--export"], need)
    where = f"{_PROGRAM} for {need.where}"
    unresolved.add_note(f"{need.where}: {need.reason}; all sources were read by {_PROGRAM}")
    read_listing(unresolved, listing, where)
    for name, group in unresolved.groups.items():
        variables = exported.get(name, {}).get("vars", {})
        unresolved.set_group_variables(group.name, variables, where)


def _run_listing(words: list[str], need: NeedsAnsible) -> dict[str, Any]:
    where = f"{need.where} ({need.reason})"
    output = run_child(words, where, environment=_ENVIRONMENT)
    if output.failure:
        raise InventoryError(
            where, f"{_PROGRAM} {output.failure}; it said: {to_one_line(output.stderr)}"
        )
    failure = _FAILURE().search(output.stderr)
    if failure:
        raise InventoryError(where, f"{_PROGRAM} said: {to_one_line(failure[0])}")
    listing = parse_yaml(decode_text(output.stdout, where), where)
    if not isinstance(listing, dict):
        raise InventoryError(where, f"{_PROGRAM} printed {listing!r:.80}, expected a mapping")
    return listing
