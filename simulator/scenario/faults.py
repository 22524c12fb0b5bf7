"""The faults of simulated hosts, and the category that a scan must report for each."""

from __future__ import annotations

from enum import StrEnum

from ...collector.errors import Category

__all__ = ["Fault"]


class Fault(StrEnum):
    """A fault of a host, in the order in which a connection meets it."""

    UNANSWERED = "unanswered"
    """Its packets are lost: TCP's first packet gets no answer."""
    REFUSED = "refused"
    """Nothing listens on the port."""

    # Before the version line.

    SILENT = "silent"
    """Accepts the connection and never sends a byte."""
    DRIPPING_VERSION = "dripping-version"
    """Sends its version line one byte a second."""
    HALF_VERSION = "half-version"
    """Stops in the middle of its version line."""
    NOTICE_ONLY = "notice-only"
    """Sends lines of text, which may precede the version, and no version (RFC 4253, 4.2)."""
    DROPPED = "dropped"
    """Closes each connection at once."""
    RESET = "reset"
    """Resets each connection at once."""
    HALF_CLOSED = "half-closed"
    """Shuts down its own direction at once, and keeps the connection."""
    MAX_STARTUPS = "max-startups"
    """Refuses each connection as sshd does beyond MaxStartups."""
    PENALISED = "penalised"
    """Refuses each connection as sshd does under PerSourcePenalties."""
    NOT_SSH = "not-ssh"
    """A web server listens on the port."""
    GARBAGE = "garbage"
    """Sends bytes of no protocol."""
    SSH_1 = "ssh-1"
    """Offers only version 1 of the protocol."""
    ENDLESS_LINES = "endless-lines"
    """Sends lines without end and never a version."""
    ENDLESS_LINE = "endless-line"
    """Sends one line without an end."""
    FOREIGN_LETTERS = "foreign-letters"
    """Its version line is not in US-ASCII."""

    # In the key exchange.

    STALLED_KEX = "stalled-kex"
    """Sends its version and nothing more."""
    STALLED_REPLY = "stalled-reply"
    """Sends a notice, its version and its algorithms, and never answers the key exchange."""
    DRIPPING_KEX = "dripping-kex"
    """Proposes algorithms one byte a second."""
    CLOSED_IN_KEX = "closed-in-kex"
    """Closes after its version."""
    RESET_IN_KEX = "reset-in-kex"
    """Resets once the client has proposed algorithms."""
    HALF_CLOSED_IN_KEX = "half-closed-in-kex"
    """Shuts down its own direction after its version, and keeps the connection."""
    FAREWELL = "farewell"
    """Disconnects in the key exchange; its reason holds a terminal escape sequence."""
    OLD_ALGORITHMS = "old-algorithms"
    """Offers only a key exchange that is no longer secure."""
    COMPRESSION_ONLY = "compression-only"
    """Offers only compression, which clients refuse because of decompression bombs."""
    GIANT_PACKET = "giant-packet"
    """Announces a packet of 4 GB and continues to send."""
    MALFORMED_PACKET = "malformed-packet"
    """Sends a packet whose padding is longer than the packet."""
    MALFORMED_KEXINIT = "malformed-kexinit"
    """Proposes lists of algorithms that exceed their message."""
    MALFORMED_REPLY = "malformed-reply"
    """Answers the key exchange with fields that exceed the message."""
    DEBUG_MESSAGES = "debug-messages"
    """Sends only debug messages, one every few milliseconds (RFC 4253, 11.3)."""
    IGNORE_FLOOD = "ignore-flood"
    """Sends ignore messages as fast as possible (RFC 4253, 11.2)."""

    # Its host key.

    CHANGED_KEY = "changed-key"
    """Shows a host key that differs from the one in known_hosts."""
    UNKNOWN_KEY = "unknown-key"
    """Is in no known_hosts file."""
    REVOKED_KEY = "revoked-key"
    """Its host key is marked @revoked in known_hosts."""
    STOLEN_NAME = "stolen-name"
    """Shows the right host key without its private half."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """Its host certificate has expired."""
    FOREIGN_CERTIFICATE = "foreign-certificate"
    """Its host certificate is signed by an authority that known_hosts does not trust."""

    # In the login.

    STALLED_AUTH = "stalled-auth"
    """Never answers the login request."""
    CLOSED_IN_AUTH = "closed-in-auth"
    """Closes after the login request."""
    RESET_IN_AUTH = "reset-in-auth"
    """Resets after the login request."""
    DENIED = "denied"
    """Refuses the user's key."""
    PASSWORD_ONLY = "password-only"  # noqa: S105 (a fault's name)
    """Accepts only passwords."""
    TOO_MANY_FAILURES = "too-many-failures"
    """Disconnects as sshd does after MaxAuthTries."""
    OPEN_TO_ALL = "open-to-all"
    """Accepts every login without authentication, as an impostor of the real host may do."""
    BANNER_FLOOD = "banner-flood"
    """Sends login banners as fast as possible (RFC 4252, 5.4)."""
    CLAIMED_EXTENSIONS = "claimed-extensions"
    """Announces 4 billion extensions in a message without one (RFC 8308, 2.3)."""
    CLAIMED_PROMPTS = "claimed-prompts"
    """Announces 4 billion prompts in a message without one (RFC 4256, 3.2)."""

    # In opening the session.

    NO_SESSION = "no-session"
    """Accepts the login, and refuses to open a session (MaxSessions 0) or to forward."""
    STALLED_SESSION = "stalled-session"
    """Never answers the request for a session or for forwarding."""
    SESSION_FLOOD = "session-flood"
    """Answers the request for a session or for forwarding by small requests of its own (RFC 4254,
    4), as fast as possible."""
    CLOSED_IN_SESSION = "closed-in-session"
    """Closes after the request for a session or for forwarding."""
    RESET_IN_SESSION = "reset-in-session"
    """Resets after the request for a session or for forwarding."""
    EXEC_REFUSED = "exec-refused"
    """Opens a session, and refuses to run a command in it."""
    STALLED_EXEC = "stalled-exec"
    """Opens a session, and never answers the request for a command."""

    # Around the output; some also in what a jump host forwards (`faulty.forwarding_faults`).

    NO_SHELL = "no-shell"
    """The account's shell is nologin."""
    SFTP_ONLY = "sftp-only"
    """The account allows only file transfer."""
    FORCED_COMMAND = "forced-command"
    """Runs another command than the requested one; its output resembles a probe's answer."""
    WORDLESS = "wordless"
    """Prints nothing and exits with status 0, as fish does for a command it cannot parse."""
    NOISY_LOGIN = "noisy-login"
    """The login shell's start-up files print a line of sockstat; the scan must ignore it."""
    FORGED_MARKS = "forged-marks"
    """As noisy-login, with marks around the forged numbers; the scan must ignore them."""
    HANGS = "hangs"
    """Starts the command, which never ends."""
    STALLED_OUTPUT = "stalled-output"
    """Stops in the middle of the output, and keeps the connection."""
    TRICKLES = "trickles"
    """Prints one byte a second."""
    HELD_OUTPUT = "held-output"
    """The command ends, and a child of it keeps its output open."""
    LOST = "lost"
    """The connection breaks before the first output."""
    CUT_OFF = "cut-off"
    """The connection breaks in the middle of the output."""
    RESET_IN_OUTPUT = "reset-in-output"
    """Resets in the middle of the output."""
    HALF_CLOSED_IN_OUTPUT = "half-closed-in-output"
    """Shuts down its own direction in the middle of the output, and keeps the connection."""
    FAREWELL_IN_OUTPUT = "farewell-in-output"
    """Disconnects in the middle of the output, with a reason."""
    CORRUPTED = "corrupted"
    """Sends bytes with a wrong authentication tag in the middle of the output."""
    NO_EXIT_STATUS = "no-exit-status"
    """Closes the session after the whole output, without an exit status."""
    NO_END = "no-end"
    """Exits with status 0; the output lacks its last line."""
    FAILS = "fails"
    """Prints the whole answer and exits with status 3."""
    KILLED = "killed"
    """A signal ends the command."""
    FLOODS = "floods"
    """Prints output without end."""
    FLOODS_STDERR = "floods-stderr"
    """Prints errors without end."""
    REKEYS = "rekeys"
    """Exchanges keys again and again while the command runs (RFC 4253, 9)."""
    MESSAGE_FLOOD = "message-flood"
    """Sends debug messages without end while the command runs; they are no output."""

    # In its sockstat.

    NOT_LINUX = "not-linux"
    """Has no /proc/net/sockstat."""
    GARBLED = "garbled"
    """Its sockstat cannot be parsed."""
    NOT_TEXT = "not-text"
    """Its sockstat holds bytes that are no text."""
    GIANT_NUMBER = "giant-number"
    """Its sockstat holds a number of a thousand digits."""

    @property
    def planned(self) -> Category | None:
        """The category that a scan must report. None: the scan must read the host."""
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
        Fault.CLAIMED_EXTENSIONS,
        Fault.CLAIMED_PROMPTS,
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
    Category.OUTPUT_LIMIT: [
        Fault.SESSION_FLOOD,
        Fault.FLOODS,
        Fault.FLOODS_STDERR,
        Fault.REKEYS,
        Fault.MESSAGE_FLOOD,
    ],
    Category.UNSUPPORTED_HOST: [Fault.NOT_LINUX],
    Category.PARSE: [Fault.GARBLED, Fault.NOT_TEXT, Fault.GIANT_NUMBER],
}
_PLANNED = {fault: category for category, faults in _FAULTS.items() for fault in faults}
