"""Messages for output that is no answer of the probe: what the host said, and what that shows."""

from __future__ import annotations

from ...core.text import clean
from .labels import FORCED_MARK, SOCKSTAT

__all__ = [
    "describe_output",
    "explain_changed_command",
    "explain_missing_mark",
    "explain_missing_namespaces",
    "explain_missing_sockstat",
]


def describe_output(stdout: bytes, stderr: bytes) -> str:
    """What a host printed, quoted, what it said on stderr first."""
    seen, said = clean(stdout, limit=120), clean(stderr.strip(), limit=300)
    if not said:
        return repr(seen) if seen else "nothing"
    return f"{said!r} on stderr" + (f" and {seen!r}" if seen else "")


def explain_missing_mark(stdout: bytes, stderr: bytes) -> str:
    """Why the probe's begin mark did not come, as far as the output shows it."""
    printed = describe_output(stdout, stderr)
    if FORCED_MARK.encode("ascii") in stdout:
        return (
            "the key has the forced command of 'sockfleet authorized-key': scan with --probe "
            f"forced; it printed {printed}"
        )
    return (
        explain_changed_command(stderr)
        or f"the login shell did not run the probe; it printed {printed}"
    )


def explain_changed_command(stderr: bytes) -> str | None:
    """That the login shell changed the command, which is valid in sh and awk; None where not."""
    if b"yntax error" not in stderr:
        return None
    # xonsh reads the quoted script as a string of Python, which warns of its backslashes.
    is_xonsh = b"invalid escape sequence" in stderr
    shell = "xonsh" if is_xonsh else "it is neither POSIX, csh nor fish"
    said = _find_line(stderr, b"yntax error")
    return (
        f"the login shell ({shell}) changed the probe's command before /bin/sh got it: {said!r}. "
        "Give the account another shell"
    )


def explain_missing_sockstat(stderr: bytes) -> str:
    """Why there is no section of /proc/net/sockstat, as far as stderr shows it."""
    said = _find_line(stderr, b"head", b"sockstat")
    if not said:
        return f"no readable {SOCKSTAT}"
    cause = ": not Linux, or /proc is not mounted" if "No such file" in said else ""
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
