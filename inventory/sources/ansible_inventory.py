"""Inventories that only Ansible can read: its plugins' configurations, encrypted files, TOML.

Where ``ansible-inventory`` is installed it reads the whole call, all sources in their order, since
a plugin may build on the sources before it. It runs twice: ``--list`` has each host's variables as
they hold in the end, ``--list --export`` the groups' own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import Any

from ..errors import InventoryError
from .files import decode_text
from .json_listing import read_listing
from .subprocess import one_line, run_child
from .unresolved import UnresolvedInventory
from .yaml_text import NeedsAnsible, parse_yaml

__all__ = ["read_with_ansible"]

_PROGRAM = "ansible-inventory"

# It exits 0 on a source that it could not parse, unless told otherwise; the texts are watched too
# because an ansible.cfg can say otherwise again.
_ENVIRONMENT = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
}
_FAILURE = re.compile(r"(?:Failed to parse|Unable to parse|No inventory was parsed)[^\n]*")


def read_with_ansible(
    draft: UnresolvedInventory, sources: Sequence[str], playbook_dir: str | None, need: NeedsAnsible
) -> None:
    """Add what ``ansible-inventory`` makes of all ``sources``; hosts get their final variables.

    ``need`` says why, for messages. Raises InventoryError where it is not installed, fails, warns
    of a source it could not parse, or is not done in time.
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
    listing = _ask([*words, "--list"], need)
    exported = _ask([*words, "--list", "--export"], need)
    where = f"{_PROGRAM} for {need.where}"
    draft.note(f"{need.where}: {need.reason}; all sources were read by {_PROGRAM}")
    read_listing(draft, listing, where)
    for name, group in draft.groups.items():
        variables = exported.get(name, {}).get("vars", {})
        draft.set_group_variables(group.name, variables, where)


def _ask(words: list[str], need: NeedsAnsible) -> dict[str, Any]:
    where = f"{need.where} ({need.reason})"
    output = run_child(words, where, environment=_ENVIRONMENT)
    if output.ending:
        raise InventoryError(
            where, f"{_PROGRAM} {output.ending}; it said: {one_line(output.stderr)}"
        )
    failure = _FAILURE.search(output.stderr)
    if failure:
        raise InventoryError(where, f"{_PROGRAM} said: {one_line(failure[0])}")
    listing = parse_yaml(decode_text(output.stdout, where), where)
    if not isinstance(listing, dict):
        raise InventoryError(where, f"{_PROGRAM} printed {listing!r:.80}, expected a mapping")
    return listing
