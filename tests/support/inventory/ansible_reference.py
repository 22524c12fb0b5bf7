"""Compare what we understand of inventories with what Ansible does."""

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


def ask_ansible(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ansible's answers, in order; see ansible_reader.py for what is asked and answered."""
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home) / "ansible.cfg"  # an empty one: whoever runs the tests has their own
        settings.touch()
        done = subprocess.run(
            [sys.executable, "-I", str(_READER)],
            input=json.dumps(list(questions)).encode(),
            capture_output=True,
            check=False,
            cwd=home,
            env={**os.environ, "HOME": home, "ANSIBLE_CONFIG": str(settings)},
            timeout=120,
        )
    assert done.returncode == 0, done.stderr.decode()
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def as_listing(inventory: Inventory) -> dict[str, Any]:
    """Our inventory in the shape of ``ansible-inventory --list``."""
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


def comparable(listing: dict[str, Any]) -> dict[str, Any]:
    """Ansible's listing without what it adds for itself."""
    meta = dict(listing["_meta"])
    meta.pop("profile", None)
    plain: dict[str, Any] = _without_marks({**listing, "_meta": meta})
    return plain


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: _without_marks(one) for key, one in value.items()}
    return [_without_marks(one) for one in value] if isinstance(value, list) else value
