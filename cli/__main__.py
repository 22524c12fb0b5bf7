"""``python -m sockfleet.cli``."""

from .entry import run

run()
