"""The command that a host runs.

The reasons for its form, each tested with the shells of tests/collector/probe/test_script.py:

* ``exec /bin/sh -c '…'`` on one line, without ``!``, single quotes inside or newlines, means the
  same to sh, bash, dash, BusyBox ash, zsh, tcsh and fish.
* dash's ``read`` reads one byte a system call, and the integer files below /proc/sys end after the
  first read, so ``read`` returned only the first digit of tcp_mem. One ``head`` reads every file in
  large reads and labels each with its path, as POSIX requires for several operands: one fork in
  all.
* /proc/net is a link to self/net. Where /proc is mounted with subset=pid, the link is hidden but
  its target is not.
* A login shell's start-up files may print anything, also lines that look like the probe's. Only the
  lines between two marks count, which are random for each run.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from ...core.record import record
from .labels import (
    BOOT_ID,
    FILE_NR,
    LOGIN_SHELL,
    NAMESPACES,
    NO_PROC,
    OSRELEASE,
    PAGE_SIZE,
    PROCESSES,
    TCP_MAX_ORPHANS,
    TCP_MEM,
)
from .namespace_script import NAMESPACE_SCRIPT
from .process_script import PROCESS_SCRIPT, PROCESS_SCRIPT_WITH_ARGS

__all__ = ["ProbeOptions", "new_marker", "probe_command", "probe_script"]

_SETTINGS = (OSRELEASE, BOOT_ID, TCP_MEM, TCP_MAX_ORPHANS, FILE_NR)
_LINES = 200  # of each file at most; none has that many

# head -n: the first lines of each file under a line "==> path <==" (POSIX head, "STDOUT"). A second
# head, only where a file is missing, says on stderr why sockstat cannot be read, if it cannot; and
# the shell, whether there is a /proc.
# The login shell stands before the mark, for the message where it changed the rest of the script.
# No file contains the page size alone. The first mapping of the shell itself has it, without
# another fork (proc_pid_smaps(5)); BusyBox has no getconf.
_SCRIPT = (
    "m={mark}; n=/proc/net; [ -r $n/sockstat ] || n=/proc/self/net; "
    'echo; echo "{login_shell} $SHELL"; echo "$m begin"; '
    "head -n {lines} $n/sockstat $n/sockstat6 $n/snmp {settings} 2>/dev/null "
    "|| {{ head -n 1 $n/sockstat >/dev/null; "
    '[ -e /proc/self ] || echo "{no_proc}" >&2; }}; '
    'echo "==> {page_size} <=="; if [ -r /proc/self/smaps ]; then while read -r k v u; do '
    'case $k in KernelPageSize:) echo "$v $u"; break;; esac; done </proc/self/smaps; fi; '
    '{more}echo "$m end"'
)


def new_marker() -> str:
    """A random mark for one run, which no host can predict."""
    return f"sockfleet-{secrets.token_hex(8)}"


@record
class ProbeOptions:
    """What the probe reads besides the host's own network namespace."""

    namespaces: bool = True
    processes: bool = False
    """List the processes that hold closed sockets; takes much longer than all the rest."""
    arguments: bool = False
    """With ``processes``: also their command lines, which may contain secrets."""

    def scripts(self) -> Iterator[tuple[str, str]]:
        """Yield the label and the script of each further section, in order."""
        if self.namespaces:
            yield NAMESPACES, NAMESPACE_SCRIPT
        if self.processes:
            yield PROCESSES, PROCESS_SCRIPT_WITH_ARGS if self.arguments else PROCESS_SCRIPT


_DEFAULT_OPTIONS = ProbeOptions()


def probe_command(mark: str, options: ProbeOptions = _DEFAULT_OPTIONS) -> str:
    """The command for the host's login shell, which only reads.

    It forks once, and a few times more for namespaces, however many processes the host has.
    """
    return f"exec /bin/sh -c '{probe_script(mark, options)}'"


def probe_script(mark: str, options: ProbeOptions) -> str:
    """The script for /bin/sh within that command; it has no single quote."""
    more = "".join(f'echo "==> {label} <=="; {script}; ' for label, script in options.scripts())
    return _SCRIPT.format(
        mark=mark,
        lines=_LINES,
        settings=" ".join(_SETTINGS),
        page_size=PAGE_SIZE,
        no_proc=NO_PROC,
        login_shell=LOGIN_SHELL,
        more=more,
    )
