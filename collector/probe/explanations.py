"""Messages for output that is no answer of the probe: what the host said, and what that shows."""

from __future__ import annotations

import re

from ...core.lazy_pattern import lazy_pattern
from ...core.text import clean
from ..transport import describe_output
from .labels import FORCED_MARK, LOGIN_SHELL, NO_PROC, SOCKSTAT

__all__ = [
    "explain_changed_command",
    "explain_missing_mark",
    "explain_missing_namespaces",
    "explain_missing_sockstat",
]

# Both begin with their own name (mksh with "E: " before it); errors of a start-up file begin with
# the file's, or the login shell's. "Unexpected token": BusyBox awk.
_REFUSAL = lazy_pattern(
    rb"^(?:E: )?(?:/bin/sh|[gmn]?awk|original-awk):.*(?:[sS]yntax error|Unexpected token).*$",
    re.MULTILINE,
)

_NAMED_SHELL = lazy_pattern(
    rb"^%b (/\S{1,200})\r?\nsockfleet-[0-9a-f]+ begin\r?$" % LOGIN_SHELL.encode(), re.MULTILINE
)


def explain_missing_mark(stdout: bytes, stderr: bytes) -> str:
    """Why the probe's begin mark did not come, as far as the output shows it."""
    printed = describe_output(stdout, stderr)
    if FORCED_MARK.encode("ascii") in stdout:
        return (
            "the key has the forced command of 'sockfleet authorized-key': scan with --probe "
            f"forced; it printed {printed}"
        )
    return (
        explain_changed_command(stdout, stderr)
        or f"the login shell did not run the probe; it printed {printed}"
    )


def explain_changed_command(stdout: bytes, stderr: bytes) -> str | None:
    """That /bin/sh or awk refused its part of the command, which is valid there; None where not."""
    refusal = _REFUSAL().search(stderr)
    if refusal is None:
        return None
    named = _NAMED_SHELL().search(stdout)
    shell = f", and this account's is {clean(named[1])}" if named else ""
    return (
        f"the host could not read the probe's command: {clean(refusal[0], limit=200)!r}. A login "
        f"shell that is neither POSIX, csh nor fish changes it{shell}: give the account another one"
    )


def explain_missing_sockstat(stderr: bytes) -> str:
    """Why there is no section of /proc/net/sockstat, as far as stderr shows it."""
    said = _find_line(stderr, b"head", b"sockstat")
    if not said:
        return f"no readable {SOCKSTAT}"
    # gVisor, for one, has a /proc without this file.
    cause = ": not Linux, or /proc is not mounted" if NO_PROC.encode() in stderr else ""
    return f"no readable {SOCKSTAT}: {said}{cause}"


def explain_missing_namespaces(stderr: bytes) -> str:
    """Why the script of the namespaces printed none, as far as stderr shows it."""
    said = _find_line(stderr, b"awk", b"xargs", b"ls:")
    return "the network namespaces could not be read" + (f": {said}" if said else "")


def _find_line(stderr: bytes, *words: bytes) -> str:
    """The first line with one of the words, else the last line."""
    rows = stderr.strip().split(b"\n")
    row = next((row for row in rows if any(word in row for word in words)), rows[-1])
    return clean(row, limit=200)
