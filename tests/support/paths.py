"""Folders of the checkout that tests read."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
EXAMPLES = ROOT / "examples"
CORPUS = TESTS / "inventory" / "corpus"
"""Inventories that sockfleet and Ansible both read."""
WORKED = TESTS / "fixtures" / "worked-example"
"""The sockstat files of the worked example in the documentation."""
