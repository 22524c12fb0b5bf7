"""Log lines on stderr (-v) that no host can forge, nor use to steer a terminal."""

from __future__ import annotations

import logging
import sys

from ...core.text import escape

__all__ = ["LogLines", "log_to_stderr"]

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class LogLines(logging.Formatter):
    """One line for each message, and indented ones for its traceback.

    Messages of the SSH libraries and of exceptions hold a host's bytes unchanged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format the record; newlines between lines are its only control characters."""
        whole = super().format(record)
        message = f"sockfleet: {record.name}: {record.message}"
        traceback = whole.removeprefix(record.message).strip("\n")
        rows = traceback.split("\n") if traceback else []
        return "\n".join([escape(message), *(f"    {escape(row)}" for row in rows)])


def log_to_stderr(verbosity: int) -> None:
    """Show the log from this level on: 0 our warnings, 1 information, 2 debugging, 3 the logs of
    the SSH libraries too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines())
    logging.basicConfig(level=_LEVELS[min(verbosity, 2)], handlers=[handler])
    if verbosity == 0:
        # Python's hashlib logs an error with a traceback for each hash that lacks the memory.
        logging.getLogger().setLevel(logging.CRITICAL)
        logging.getLogger("sockfleet").setLevel(logging.WARNING)
    # The SSH libraries log every connection at INFO: too much below -vvv.
    foreign = logging.DEBUG if verbosity > 2 else logging.CRITICAL
    for name in ("asyncssh", "paramiko", "asyncio"):
        logging.getLogger(name).setLevel(foreign)
