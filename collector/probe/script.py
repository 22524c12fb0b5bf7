"""The one command that a host is asked to run, and how its answer is read.

Traps that gave the command its form, each tried on the shells of
tests/collector/probe/test_script.py:

* ``exec /bin/sh -c '…'`` on one line, without ``!``, single quotes inside or newlines, means the
  same to sh, bash, dash, BusyBox ash, zsh, tcsh and fish.
* dash's ``read`` takes one byte a system call, and the integer files below /proc/sys end after the
  first read: ``read`` alone turned tcp_mem into its first digit. One ``head`` reads every file in
  large reads and labels each by its path, as POSIX says for several operands: one fork in all.
* /proc/net is a link to self/net. Where /proc is mounted with subset=pid the link is hidden and its
  target is not.
* A login shell's start-up files may print anything, numbers that look like ours too: only what
  stands between two lines with this run's random mark counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from ...core.record import record
from .labels import BOOT_ID, NAMESPACES, OSRELEASE, PAGE_SIZE, PROCESSES, TCP_MAX_ORPHANS, TCP_MEM
from .namespace_script import NAMESPACE_SCRIPT
from .process_script import PROCESS_SCRIPT, PROCESS_SCRIPT_WITH_ARGS

__all__ = ["ProbeOptions", "new_marker", "probe_command", "probe_script"]


_SETTINGS = (OSRELEASE, BOOT_ID, TCP_MEM, TCP_MAX_ORPHANS)
_LINES = 200  # of each file at most: far more than any of them has

# head -n: the first lines of each file under a line "==> path <==" (POSIX head, "STDOUT").
# The page size is not in a file of its own; the first mapping of the shell itself tells it without
# another fork (proc_pid_smaps(5)), and BusyBox has no getconf.
_SCRIPT = (
    'm={mark}; n=/proc/net; [ -r $n/sockstat ] || n=/proc/self/net; echo; echo "$m begin"; '
    "head -n {lines} $n/sockstat $n/sockstat6 $n/snmp {settings} 2>/dev/null; "
    'echo "==> {page_size} <=="; if [ -r /proc/self/smaps ]; then while read -r k v u; do '
    'case $k in KernelPageSize:) echo "$v $u"; break;; esac; done </proc/self/smaps; fi; '
    '{more}echo "$m end"'
)


def new_marker() -> str:
    """A mark for one run that nothing on a host can know beforehand."""
    return f"sockfleet-{secrets.token_hex(8)}"


@record
class ProbeOptions:
    """What a host is asked for, besides the files of its own namespace."""

    namespaces: bool = True
    processes: bool = False
    """Who holds the closed sockets; takes the host much longer than all the rest."""
    arguments: bool = False
    """The processes' command lines, which may hold secrets; goes with ``processes``."""

    def scripts(self) -> Iterator[tuple[str, str]]:
        """The label and the script of each further section, in their order."""
        if self.namespaces:
            yield NAMESPACES, NAMESPACE_SCRIPT
        if self.processes:
            yield PROCESSES, PROCESS_SCRIPT_WITH_ARGS if self.arguments else PROCESS_SCRIPT


_USUAL_OPTIONS = ProbeOptions()


def probe_command(mark: str, options: ProbeOptions = _USUAL_OPTIONS) -> str:
    """The command for the host's login shell; it only reads.

    It forks once, and for the namespaces a few times more, whatever runs on the host.
    """
    return f"exec /bin/sh -c '{probe_script(mark, options)}'"


def probe_script(mark: str, options: ProbeOptions) -> str:
    """The same as a script for /bin/sh, to stand within single quotes."""
    more = "".join(f'echo "==> {label} <=="; {script}; ' for label, script in options.scripts())
    return _SCRIPT.format(
        mark=mark,
        lines=_LINES,
        settings=" ".join(_SETTINGS),
        page_size=PAGE_SIZE,
        more=more,
    )
