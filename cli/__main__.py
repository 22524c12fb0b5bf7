"""``python -m sockfleet.cli``."""

from .main import main

main()
