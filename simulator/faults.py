"""The faults that a simulated host can play, and what a scan must call each."""

from __future__ import annotations

from enum import StrEnum

from ..collector.errors import Category

__all__ = ["Fault"]


class Fault(StrEnum):
    """One way for a host to be out of order, in the order of the way to it."""

    UNANSWERED = "unanswered"
    """Its packets are lost: TCP's first packet gets no answer."""
    REFUSED = "refused"
    """Nothing listens on the port."""
    SILENT = "silent"
    """Accepts the connection and never says a word."""
    DROPPED = "dropped"
    """Closes each connection at once, as sshd does beyond MaxStartups."""
    NOT_SSH = "not-ssh"
    """A web server stands on the port."""
    STALLED_KEX = "stalled-kex"
    """Says its version and nothing more."""
    OLD_ALGORITHMS = "old-algorithms"
    """Offers only a key exchange that nobody should accept any more."""
    CHANGED_KEY = "changed-key"
    """Shows another host key than known_hosts holds."""
    UNKNOWN_KEY = "unknown-key"
    """Stands in no known_hosts file."""
    REVOKED_KEY = "revoked-key"
    """Its host key is marked @revoked."""
    STALLED_AUTH = "stalled-auth"
    """Never decides on the login."""
    DENIED = "denied"
    """Refuses the user's key."""
    NO_SESSION = "no-session"
    """Lets the user in and refuses to open a session (MaxSessions 0)."""
    NO_SHELL = "no-shell"
    """The account's shell is nologin."""
    NOISY_LOGIN = "noisy-login"
    """The login shell's start-up files print a line that looks like ours: no fault for a scan."""
    HANGS = "hangs"
    """Starts the command and never ends it."""
    CUT_OFF = "cut-off"
    """The connection breaks in the middle of the output."""
    FLOODS = "floods"
    """Prints without end."""
    NOT_LINUX = "not-linux"
    """Has no /proc/net/sockstat."""
    GARBLED = "garbled"
    """Its sockstat is not one."""

    @property
    def planned(self) -> Category | None:
        """The category that a scan must report; None: the host must be read all the same."""
        return _PLANNED.get(self)


_PLANNED = {
    Fault.UNANSWERED: Category.TCP_TIMEOUT,
    Fault.REFUSED: Category.REFUSED,
    Fault.SILENT: Category.BANNER_TIMEOUT,
    Fault.DROPPED: Category.DROPPED_PRE_BANNER,
    Fault.NOT_SSH: Category.NOT_SSH,
    Fault.STALLED_KEX: Category.KEX_TIMEOUT,
    Fault.OLD_ALGORITHMS: Category.NO_COMMON_ALG,
    Fault.CHANGED_KEY: Category.HOSTKEY_CHANGED,
    Fault.UNKNOWN_KEY: Category.HOSTKEY_UNKNOWN,
    Fault.REVOKED_KEY: Category.HOSTKEY_REVOKED,
    Fault.STALLED_AUTH: Category.AUTH_TIMEOUT,
    Fault.DENIED: Category.AUTH_DENIED,
    Fault.NO_SESSION: Category.SESSION_REFUSED,
    Fault.NO_SHELL: Category.NO_SHELL,
    Fault.HANGS: Category.COMMAND_TIMEOUT,
    Fault.CUT_OFF: Category.TRUNCATED,
    Fault.FLOODS: Category.OUTPUT_LIMIT,
    Fault.NOT_LINUX: Category.UNSUPPORTED_HOST,
    Fault.GARBLED: Category.PARSE,
}
