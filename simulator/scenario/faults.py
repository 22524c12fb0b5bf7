"""The faults that a simulated host can play, and what a scan must call each."""

from __future__ import annotations

from enum import StrEnum

from ...collector.errors import Category

__all__ = ["Fault"]


class Fault(StrEnum):
    """One way for a host to be out of order, in the order of the way to it."""

    UNANSWERED = "unanswered"
    """Its packets are lost: TCP's first packet gets no answer."""
    REFUSED = "refused"
    """Nothing listens on the port."""

    # Before the version line.

    SILENT = "silent"
    """Accepts the connection and never says a word."""
    DRIPPING_VERSION = "dripping-version"
    """Says its version one byte a second."""
    HALF_VERSION = "half-version"
    """Stops in the middle of its version line."""
    NOTICE_ONLY = "notice-only"
    """Sends lines for people, which may come first, and no version (RFC 4253, 4.2)."""
    DROPPED = "dropped"
    """Closes each connection at once."""
    RESET = "reset"
    """Resets each connection at once."""
    HALF_CLOSED = "half-closed"
    """Ends its own direction at once, and keeps the connection."""
    MAX_STARTUPS = "max-startups"
    """Turns each connection away as sshd does beyond MaxStartups."""
    PENALISED = "penalised"
    """Turns each connection away as sshd does under PerSourcePenalties."""
    NOT_SSH = "not-ssh"
    """A web server stands on the port."""
    GARBAGE = "garbage"
    """Sends bytes of no protocol."""
    SSH_1 = "ssh-1"
    """A server of the last millennium."""
    ENDLESS_LINES = "endless-lines"
    """Sends line after line and never a version."""
    ENDLESS_LINE = "endless-line"
    """Sends one line without an end."""
    FOREIGN_LETTERS = "foreign-letters"
    """Its version line is not in US-ASCII."""

    # In the key exchange.

    STALLED_KEX = "stalled-kex"
    """Says its version and nothing more."""
    STALLED_REPLY = "stalled-reply"
    """After a notice, its version and its algorithms it never answers the key exchange."""
    DRIPPING_KEX = "dripping-kex"
    """Proposes algorithms one byte a second."""
    CLOSED_IN_KEX = "closed-in-kex"
    """Closes after its version."""
    RESET_IN_KEX = "reset-in-kex"
    """Resets once the client has proposed algorithms."""
    HALF_CLOSED_IN_KEX = "half-closed-in-kex"
    """Ends its own direction after its version, and keeps the connection."""
    FAREWELL = "farewell"
    """Disconnects in the key exchange with a reason that would colour a terminal."""
    OLD_ALGORITHMS = "old-algorithms"
    """Offers only a key exchange that nobody should accept any more."""
    COMPRESSION_ONLY = "compression-only"
    """Insists on compression, which would make bombs possible."""
    GIANT_PACKET = "giant-packet"
    """Announces a packet of 4 GB and sends on."""
    MALFORMED_PACKET = "malformed-packet"
    """Sends a packet with more padding than it has bytes."""
    MALFORMED_KEXINIT = "malformed-kexinit"
    """Proposes lists of algorithms that run over their message's end."""
    MALFORMED_REPLY = "malformed-reply"
    """Answers the key exchange with fields that run over the message's end."""
    DEBUG_MESSAGES = "debug-messages"
    """Sends a debug message every few milliseconds and gets nowhere (RFC 4253, 11.3)."""
    IGNORE_FLOOD = "ignore-flood"
    """Sends messages to be ignored as fast as it can (RFC 4253, 11.2)."""

    # Its host key.

    CHANGED_KEY = "changed-key"
    """Shows another host key than known_hosts holds."""
    UNKNOWN_KEY = "unknown-key"
    """Stands in no known_hosts file."""
    REVOKED_KEY = "revoked-key"
    """Its host key is marked @revoked."""
    STOLEN_NAME = "stolen-name"
    """Shows the right host key without having its private half."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """Its certificate was valid until yesterday."""
    FOREIGN_CERTIFICATE = "foreign-certificate"
    """Its certificate is by an authority that known_hosts does not trust."""

    # In the login.

    STALLED_AUTH = "stalled-auth"
    """Never decides on the login."""
    CLOSED_IN_AUTH = "closed-in-auth"
    """Closes once it is told who wants to log in."""
    RESET_IN_AUTH = "reset-in-auth"
    """Resets once it is told who wants to log in."""
    DENIED = "denied"
    """Refuses the user's key."""
    PASSWORD_ONLY = "password-only"  # noqa: S105 (a fault's name)
    """Takes passwords alone."""
    TOO_MANY_FAILURES = "too-many-failures"
    """Disconnects as sshd does after MaxAuthTries."""
    OPEN_TO_ALL = "open-to-all"
    """Lets everybody in without proof, as one would who stands in for the real host."""
    BANNER_FLOOD = "banner-flood"
    """Sends login banners as fast as it can (RFC 4252, 5.4)."""

    # In opening the session.

    NO_SESSION = "no-session"
    """Lets the user in and refuses to open a session (MaxSessions 0), or to forward."""
    STALLED_SESSION = "stalled-session"
    """Never decides on the session, or on forwarding."""
    CLOSED_IN_SESSION = "closed-in-session"
    """Closes when a session, or forwarding, is asked for."""
    RESET_IN_SESSION = "reset-in-session"
    """Resets when a session, or forwarding, is asked for."""
    EXEC_REFUSED = "exec-refused"
    """Opens a session and refuses to run a command in it."""
    STALLED_EXEC = "stalled-exec"
    """Opens a session and never answers the request for a command."""

    # Around the output.

    NO_SHELL = "no-shell"
    """The account's shell is nologin."""
    SFTP_ONLY = "sftp-only"
    """The account is for file transfer."""
    FORCED_COMMAND = "forced-command"
    """Runs something else than it is asked to, and its output looks like an answer."""
    WORDLESS = "wordless"
    """Ends with status 0 and prints nothing, as fish does with what it does not understand."""
    NOISY_LOGIN = "noisy-login"
    """The login shell's start-up files print a line that looks like ours: no fault for a scan."""
    FORGED_MARKS = "forged-marks"
    """As noisy-login, with marks around the forged numbers: no fault for a scan."""
    HANGS = "hangs"
    """Starts the command and never ends it."""
    STALLED_OUTPUT = "stalled-output"
    """Freezes in the middle of the output."""
    TRICKLES = "trickles"
    """Prints one byte a second."""
    HELD_OUTPUT = "held-output"
    """The command ends and a child of it holds its output open."""
    LOST = "lost"
    """The connection breaks before the first output."""
    CUT_OFF = "cut-off"
    """The connection breaks in the middle of the output; a jump host's, under who uses it."""
    RESET_IN_OUTPUT = "reset-in-output"
    """Resets in the middle of the output."""
    HALF_CLOSED_IN_OUTPUT = "half-closed-in-output"
    """Ends its own direction in the middle of the output, and keeps the connection."""
    FAREWELL_IN_OUTPUT = "farewell-in-output"
    """Disconnects in the middle of the output, with a reason."""
    CORRUPTED = "corrupted"
    """Bytes that nobody signed come in the middle of the output."""
    NO_EXIT_STATUS = "no-exit-status"
    """Closes the session after the whole output without saying how the command ended."""
    NO_END = "no-end"
    """Ends with status 0, and the output lacks its last line."""
    FAILS = "fails"
    """Prints the whole answer and ends with status 3."""
    KILLED = "killed"
    """The command is ended by a signal."""
    FLOODS = "floods"
    """Prints without end."""
    FLOODS_STDERR = "floods-stderr"
    """Prints errors without end."""
    MESSAGE_FLOOD = "message-flood"
    """Sends debug messages without end, which are no output, while the command runs."""

    # In what it says.

    NOT_LINUX = "not-linux"
    """Has no /proc/net/sockstat."""
    GARBLED = "garbled"
    """Its sockstat is not one."""
    NOT_TEXT = "not-text"
    """Its sockstat holds bytes of no alphabet."""
    GIANT_NUMBER = "giant-number"
    """Its sockstat holds a number of a thousand digits."""

    @property
    def planned(self) -> Category | None:
        """The category that a scan must report; None: the host must be read all the same."""
        return _PLANNED.get(self)


_FAULTS = {
    Category.TCP_TIMEOUT: [Fault.UNANSWERED],
    Category.REFUSED: [Fault.REFUSED],
    Category.BANNER_TIMEOUT: [
        Fault.SILENT,
        Fault.DRIPPING_VERSION,
        Fault.HALF_VERSION,
        Fault.NOTICE_ONLY,
    ],
    Category.DROPPED_PRE_BANNER: [
        Fault.DROPPED,
        Fault.RESET,
        Fault.HALF_CLOSED,
        Fault.MAX_STARTUPS,
        Fault.PENALISED,
    ],
    Category.NOT_SSH: [
        Fault.NOT_SSH,
        Fault.GARBAGE,
        Fault.SSH_1,
        Fault.ENDLESS_LINES,
        Fault.ENDLESS_LINE,
        Fault.FOREIGN_LETTERS,
    ],
    Category.KEX_TIMEOUT: [
        Fault.STALLED_KEX,
        Fault.STALLED_REPLY,
        Fault.DRIPPING_KEX,
        Fault.DEBUG_MESSAGES,
    ],
    Category.NO_COMMON_ALG: [Fault.OLD_ALGORITHMS, Fault.COMPRESSION_ONLY],
    Category.PROTOCOL: [
        Fault.GIANT_PACKET,
        Fault.MALFORMED_PACKET,
        Fault.MALFORMED_KEXINIT,
        Fault.MALFORMED_REPLY,
        Fault.IGNORE_FLOOD,
        Fault.STOLEN_NAME,
        Fault.BANNER_FLOOD,
    ],
    Category.HOSTKEY_CHANGED: [Fault.CHANGED_KEY],
    Category.HOSTKEY_UNKNOWN: [Fault.UNKNOWN_KEY],
    Category.HOSTKEY_REVOKED: [Fault.REVOKED_KEY],
    Category.HOSTCERT: [Fault.EXPIRED_CERTIFICATE, Fault.FOREIGN_CERTIFICATE],
    Category.AUTH_TIMEOUT: [Fault.STALLED_AUTH],
    Category.AUTH_DENIED: [
        Fault.DENIED,
        Fault.PASSWORD_ONLY,
        Fault.TOO_MANY_FAILURES,
        Fault.OPEN_TO_ALL,
    ],
    Category.SESSION_REFUSED: [Fault.NO_SESSION, Fault.EXEC_REFUSED],
    Category.LOST: [
        Fault.CLOSED_IN_KEX,
        Fault.RESET_IN_KEX,
        Fault.HALF_CLOSED_IN_KEX,
        Fault.FAREWELL,
        Fault.CLOSED_IN_AUTH,
        Fault.RESET_IN_AUTH,
        Fault.CLOSED_IN_SESSION,
        Fault.RESET_IN_SESSION,
        Fault.LOST,
    ],
    Category.NO_SHELL: [
        Fault.NO_SHELL,
        Fault.SFTP_ONLY,
        Fault.FORCED_COMMAND,
        Fault.WORDLESS,
    ],
    Category.COMMAND_TIMEOUT: [
        Fault.STALLED_SESSION,
        Fault.STALLED_EXEC,
        Fault.HANGS,
        Fault.STALLED_OUTPUT,
        Fault.TRICKLES,
        Fault.HELD_OUTPUT,
    ],
    Category.TRUNCATED: [
        Fault.CUT_OFF,
        Fault.RESET_IN_OUTPUT,
        Fault.HALF_CLOSED_IN_OUTPUT,
        Fault.FAREWELL_IN_OUTPUT,
        Fault.CORRUPTED,
        Fault.NO_EXIT_STATUS,
        Fault.NO_END,
    ],
    Category.COMMAND_FAILED: [Fault.FAILS, Fault.KILLED],
    Category.OUTPUT_LIMIT: [Fault.FLOODS, Fault.FLOODS_STDERR, Fault.MESSAGE_FLOOD],
    Category.UNSUPPORTED_HOST: [Fault.NOT_LINUX],
    Category.PARSE: [Fault.GARBLED, Fault.NOT_TEXT, Fault.GIANT_NUMBER],
}
_PLANNED = {fault: category for category, faults in _FAULTS.items() for fault in faults}
