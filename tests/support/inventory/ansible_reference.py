"""Run Ansible on inventories, and make its listings and ours comparable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sockfleet.inventory.models import Inventory

_READER = Path(__file__).with_name("ansible_reader.py")


def run_ansible(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Ansible's answers, in order; ansible_reader.py describes questions and answers."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / "ansible.cfg"  # an empty one, instead of the user's own
        settings.touch()
        done = subprocess.run(
            [sys.executable, "-I", str(_READER)],
            input=json.dumps(list(questions)).encode(),
            capture_output=True,
            check=False,
            cwd=home,
            env={
                **environment,
                "HOME": home,
                "ANSIBLE_CONFIG": str(settings),
                "LC_ALL": "C.UTF-8",
            },
            timeout=120,
        )
    assert done.returncode == 0, done.stderr.decode()
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def make_listing(inventory: Inventory) -> dict[str, Any]:
    """Return our inventory in the form of ``ansible-inventory --list``."""
    listing: dict[str, Any] = {}
    for name, group in inventory.groups.items():
        body: dict[str, Any] = {}
        if group.hosts and name != "all":
            body["hosts"] = list(group.hosts)
        if group.children:
            body["children"] = list(group.children)
        if body:
            listing[name] = body
    listing["_meta"] = {
        "hostvars": {
            name: dict(host.variables) for name, host in inventory.hosts.items() if host.variables
        }
    }
    plain: dict[str, Any] = json.loads(json.dumps(listing, default=lambda value: value.isoformat()))
    return plain


def remove_additions(listing: dict[str, Any]) -> dict[str, Any]:
    """Return Ansible's listing without its own additions: the profile and marks of unsafe text."""
    meta = dict(listing["_meta"])
    meta.pop("profile", None)
    plain: dict[str, Any] = remove_unsafe_marks({**listing, "_meta": meta})
    return plain


def remove_unsafe_marks(value: Any) -> Any:
    """Return the value without the marks that Ansible puts on text that no template may touch."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: remove_unsafe_marks(one) for key, one in value.items()}
    return [remove_unsafe_marks(one) for one in value] if isinstance(value, list) else value
