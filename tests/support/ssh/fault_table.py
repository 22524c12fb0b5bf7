"""Every fault that a scan must survive: how it is played, and what each transport must call it.

`SIMULATED` names the faults of `simulator.scenario.faults`, which says what each does; `SSHD`
what a real OpenSSH server does by itself (`fault_servers`); `SAMPLED` the wrong answers of open
sessions, which only repeated samples meet (`lying_server`). Rows with a limit wait for it: nothing
ends them but our own clocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from sockfleet.collector.errors import Category, Phase
from sockfleet.simulator.scenario.faults import Fault

__all__ = ["ROWS", "SAMPLED", "SIMULATED", "SSHD", "Row", "case"]


_BY_CONNECT_TIMEOUT = frozenset(
    {
        Category.TCP_TIMEOUT,
        Category.BANNER_TIMEOUT,
        Category.KEX_TIMEOUT,
        Category.AUTH_TIMEOUT,
    }
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault; no category: it must be read all the same."""

    name: str
    category: Category | None
    phase: Phase | None
    as_root: bool = False
    """Whether only root can play it."""

    @property
    def waits_for_connect_timeout(self) -> bool:
        """Whether only the connect timeout ends it."""
        return self.category in _BY_CONNECT_TIMEOUT

    @property
    def waits_for_host_timeout(self) -> bool:
        """Whether only the timeout for the whole host ends it."""
        return self.category is Category.COMMAND_TIMEOUT


def _rows(phase: Phase | None, category: Category | None, names: Iterable[str]) -> list[Row]:
    return [Row(name=str(name), category=category, phase=phase) for name in names]


SIMULATED = [
    *_rows(Phase.CONNECT, Category.TCP_TIMEOUT, [Fault.UNANSWERED]),
    *_rows(Phase.CONNECT, Category.REFUSED, [Fault.REFUSED]),
    *_rows(
        Phase.BANNER,
        Category.BANNER_TIMEOUT,
        [Fault.SILENT, Fault.DRIPPING_VERSION, Fault.HALF_VERSION, Fault.NOTICE_ONLY],
    ),
    *_rows(
        Phase.BANNER,
        Category.DROPPED_PRE_BANNER,
        [Fault.DROPPED, Fault.RESET, Fault.HALF_CLOSED, Fault.MAX_STARTUPS, Fault.PENALISED],
    ),
    *_rows(
        Phase.BANNER,
        Category.NOT_SSH,
        [
            Fault.NOT_SSH,
            Fault.GARBAGE,
            Fault.SSH_1,
            Fault.ENDLESS_LINES,
            Fault.ENDLESS_LINE,
            Fault.FOREIGN_LETTERS,
        ],
    ),
    *_rows(
        Phase.KEX,
        Category.KEX_TIMEOUT,
        [Fault.STALLED_KEX, Fault.STALLED_REPLY, Fault.DRIPPING_KEX, Fault.DEBUG_MESSAGES],
    ),
    *_rows(
        Phase.KEX,
        Category.LOST,
        [Fault.CLOSED_IN_KEX, Fault.RESET_IN_KEX, Fault.HALF_CLOSED_IN_KEX, Fault.FAREWELL],
    ),
    *_rows(Phase.KEX, Category.NO_COMMON_ALG, [Fault.OLD_ALGORITHMS, Fault.COMPRESSION_ONLY]),
    *_rows(
        Phase.KEX,
        Category.PROTOCOL,
        [
            Fault.GIANT_PACKET,
            Fault.MALFORMED_PACKET,
            Fault.MALFORMED_KEXINIT,
            Fault.MALFORMED_REPLY,
            Fault.IGNORE_FLOOD,
            Fault.STOLEN_NAME,
        ],
    ),
    *_rows(Phase.KEX, Category.HOSTKEY_CHANGED, [Fault.CHANGED_KEY]),
    *_rows(Phase.KEX, Category.HOSTKEY_UNKNOWN, [Fault.UNKNOWN_KEY]),
    *_rows(Phase.KEX, Category.HOSTKEY_REVOKED, [Fault.REVOKED_KEY]),
    *_rows(Phase.KEX, Category.HOSTCERT, [Fault.EXPIRED_CERTIFICATE, Fault.FOREIGN_CERTIFICATE]),
    *_rows(Phase.AUTH, Category.AUTH_TIMEOUT, [Fault.STALLED_AUTH]),
    *_rows(Phase.AUTH, Category.LOST, [Fault.CLOSED_IN_AUTH, Fault.RESET_IN_AUTH]),
    *_rows(
        Phase.AUTH,
        Category.AUTH_DENIED,
        [Fault.DENIED, Fault.PASSWORD_ONLY, Fault.TOO_MANY_FAILURES, Fault.OPEN_TO_ALL],
    ),
    *_rows(
        Phase.AUTH,
        Category.PROTOCOL,
        [Fault.BANNER_FLOOD, Fault.CLAIMED_EXTENSIONS, Fault.CLAIMED_PROMPTS],
    ),
    *_rows(Phase.SESSION, Category.SESSION_REFUSED, [Fault.NO_SESSION, Fault.EXEC_REFUSED]),
    *_rows(Phase.SESSION, Category.COMMAND_TIMEOUT, [Fault.STALLED_SESSION, Fault.STALLED_EXEC]),
    *_rows(Phase.SESSION, Category.LOST, [Fault.CLOSED_IN_SESSION, Fault.RESET_IN_SESSION]),
    *_rows(
        Phase.COMMAND,
        Category.COMMAND_TIMEOUT,
        [Fault.HANGS, Fault.STALLED_OUTPUT, Fault.TRICKLES, Fault.HELD_OUTPUT],
    ),
    *_rows(Phase.COMMAND, Category.LOST, [Fault.LOST]),
    *_rows(
        Phase.COMMAND,
        Category.TRUNCATED,
        [
            Fault.CUT_OFF,
            Fault.RESET_IN_OUTPUT,
            Fault.HALF_CLOSED_IN_OUTPUT,
            Fault.FAREWELL_IN_OUTPUT,
            Fault.CORRUPTED,
            Fault.NO_EXIT_STATUS,
        ],
    ),
    *_rows(Phase.COMMAND, Category.COMMAND_FAILED, [Fault.KILLED]),
    *_rows(
        Phase.COMMAND,
        Category.OUTPUT_LIMIT,
        [
            Fault.SESSION_FLOOD,
            Fault.FLOODS,
            Fault.FLOODS_STDERR,
            Fault.REKEYS,
            Fault.MESSAGE_FLOOD,
        ],
    ),
    *_rows(
        Phase.PARSE,
        Category.NO_SHELL,
        [Fault.NO_SHELL, Fault.SFTP_ONLY, Fault.FORCED_COMMAND, Fault.WORDLESS],
    ),
    *_rows(Phase.PARSE, Category.TRUNCATED, [Fault.NO_END]),
    *_rows(Phase.COMMAND, Category.COMMAND_FAILED, [Fault.FAILS]),
    *_rows(Phase.PARSE, Category.UNSUPPORTED_HOST, [Fault.NOT_LINUX]),
    *_rows(Phase.PARSE, Category.PARSE, [Fault.GARBLED, Fault.NOT_TEXT, Fault.GIANT_NUMBER]),
    *_rows(None, None, [Fault.NOISY_LOGIN, Fault.FORGED_MARKS]),
]

SSHD = [
    *_rows(Phase.CONNECT, Category.REFUSED, ["sshd: stopped"]),
    *_rows(Phase.BANNER, Category.BANNER_TIMEOUT, ["sshd: frozen listener"]),
    *_rows(Phase.BANNER, Category.DROPPED_PRE_BANNER, ["sshd: MaxStartups"]),
    *_rows(Phase.KEX, Category.NO_COMMON_ALG, ["sshd: old key exchange"]),
    *_rows(Phase.KEX, Category.HOSTKEY_CHANGED, ["sshd: changed key"]),
    *_rows(Phase.KEX, Category.HOSTKEY_UNKNOWN, ["sshd: unknown key"]),
    *_rows(Phase.KEX, Category.HOSTKEY_REVOKED, ["sshd: revoked key"]),
    *_rows(
        Phase.KEX, Category.HOSTCERT, ["sshd: expired certificate", "sshd: foreign certificate"]
    ),
    *_rows(
        Phase.AUTH,
        Category.AUTH_DENIED,
        ["sshd: unknown user", "sshd: key not authorised", "sshd: no public keys", "sshd: denied"],
    ),
    Row(name="sshd: locked account", category=Category.AUTH_DENIED, phase=Phase.AUTH, as_root=True),
    *_rows(Phase.SESSION, Category.SESSION_REFUSED, ["sshd: MaxSessions 0"]),
    *_rows(
        Phase.PARSE,
        Category.NO_SHELL,
        ["sshd: nologin", "sshd: forced command", "sshd: sftp only", "sshd: no output"],
    ),
    *_rows(
        Phase.COMMAND, Category.COMMAND_TIMEOUT, ["sshd: never ends", "sshd: child holds stdout"]
    ),
    *_rows(Phase.COMMAND, Category.COMMAND_FAILED, ["sshd: killed"]),
    *_rows(Phase.COMMAND, Category.TRUNCATED, ["sshd: connection killed"]),
    *_rows(Phase.COMMAND, Category.OUTPUT_LIMIT, ["sshd: endless stdout", "sshd: endless stderr"]),
    *_rows(None, None, ["sshd: noisy and forged"]),
]

SAMPLED = [
    *_rows(
        Phase.COMMAND,
        Category.PROTOCOL,
        [
            "sftp: a status for a file",
            "sftp: one file twice",
            "sftp: answers to no request",
            "sftp: a claimed packet",
            "sftp: a claimed text",
            "sftp: empty packets",
            "sftp: text instead",
            "sftp: flood",
        ],
    ),
    *_rows(
        Phase.COMMAND,
        Category.COMMAND_TIMEOUT,
        [
            "sftp: both files in one",
            "shell: no end",
            "shell: text instead",
            *(
                f"{session}: {lie}"
                for session in ("sftp", "shell")
                for lie in ("half and silence", "silence", "one byte a second", "late")
            ),
        ],
    ),
    *_rows(
        Phase.COMMAND,
        Category.OUTPUT_LIMIT,
        [
            "sftp: stderr flood",
            "shell: stderr flood",
            "shell: flood",
            *(
                f"{session}: {lie}"
                for session in ("sftp", "shell")
                for lie in ("message flood", "key exchanges without end")
            ),
        ],
    ),
    *_rows(
        Phase.PARSE,
        Category.PARSE,
        [
            "sftp: a word for a number",
            "shell: a word for a number",
            "shell: no counters",
            "shell: a number of processes beyond all numbers",
            "shell: a hundred thousand numbers",
        ],
    ),
    # The connection or session is replaced within the round.
    *_rows(
        None,
        None,
        [
            "shell: ten thousand namespaces",
            "shell: two answers in one",
            *(
                f"{session}: {lie}"
                for session in ("sftp", "shell")
                for lie in ("half and the end", "half and a lost connection")
            ),
        ],
    ),
]

ROWS = [*SIMULATED, *SSHD]


def case(row: Row, *further: object) -> pytest.ParameterSet:
    """A parameter set of pytest with the row's name as its id."""
    marks = [pytest.mark.as_root] if row.as_root else []
    return pytest.param(row, *further, id=row.name.replace(" ", "-"), marks=marks)
