"""Write docs/errors.md's sections: every error category with its meaning and its cure.

Usage: python docs/make_errors.py [--check]. The categories and which of them are tried again come
from the code; a category without an entry here, or an entry without its category, is an error.
A test runs the check.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from sockfleet.collector.errors import Category, HostError, Phase
from sockfleet.collector.pacing.retry import is_transient

PAGE = Path(__file__).with_name("errors.md")
BEGIN, END = "<!-- categories: begin -->\n", "<!-- categories: end -->\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a category means, and what to do about it."""

    meaning: str
    cure: str


GUIDE = {
    Category.CONFIG: Entry(
        "The login cannot be prepared on this machine: a key, a known_hosts file or an option "
        "cannot be used.",
        "Mend the file or the option that the message names. No packet was sent to the host.",
    ),
    Category.DNS: Entry(
        "The host's name has no address. The message tells a name that does not exist from a "
        "resolver that failed for the moment; only the latter is tried again.",
        "Set `ansible_host` to a name or an address that `getent ahosts NAME` knows here. The "
        "command in the message shows where the address is from.",
    ),
    Category.DNS_TIMEOUT: Entry(
        "The name service did not answer in time.",
        "Look at /etc/resolv.conf; addresses in `ansible_host` need no name service.",
    ),
    Category.TCP_TIMEOUT: Entry(
        "Nothing answered at the address and port: the host is off, or a firewall drops the "
        "packets.",
        "Try `nc -vz ADDRESS PORT` from this machine. Raise `--connect-timeout` for distant hosts.",
    ),
    Category.REFUSED: Entry(
        "The host answered that nothing listens at the port.",
        "Start sshd there, or set `ansible_port`. The command in the message shows where address "
        "and port are from.",
    ),
    Category.UNREACHABLE: Entry(
        "The kernel or a router has no route to the address.",
        "Compare `ip route get ADDRESS` with what you expect; a jump host may be needed "
        "(`ProxyJump`).",
    ),
    Category.BANNER_TIMEOUT: Entry(
        "The connection was made, and no SSH version line came.",
        "The host may be overloaded or out of memory, or the port belongs to another service.",
    ),
    Category.NOT_SSH: Entry(
        "Another protocol answers at the port.",
        "Set `ansible_port`; the message shows the first bytes.",
    ),
    Category.DROPPED_PRE_BANNER: Entry(
        "The host closed the connection before its SSH version line, as sshd does with too many "
        "logins at once (MaxStartups) or after failed ones (PerSourcePenalties).",
        "Lower `--concurrency`, or raise MaxStartups in the host's sshd_config. Look for "
        "tcp_wrappers or fail2ban there.",
    ),
    Category.KEX_TIMEOUT: Entry(
        "The key exchange did not end in time.",
        "Look at the host's load. A path with a too small MTU stops here as well: try "
        "`ping -M do -s 1400 ADDRESS`.",
    ),
    Category.NO_COMMON_ALG: Entry(
        "Server and client share no algorithm.",
        "The message lists what the server offers, and the ssh option that adds one for this "
        "host. Better: update its sshd.",
    ),
    Category.PROTOCOL: Entry(
        "The server broke the rules of SSH, or ended the connection with a message.",
        "Read the server's own words in the message and its log. Compare with `ssh -v`; "
        "`--transport paramiko` is a second implementation.",
    ),
    Category.HOSTKEY_UNKNOWN: Entry(
        "No key of this host is trusted yet.",
        "On a terminal a scan asks once about all such keys. Elsewhere compare the fingerprint, "
        "then run the command that the message prints; `--host-keys accept-new` trusts the first "
        "key of each unknown host.",
    ),
    Category.HOSTKEY_CHANGED: Entry(
        "The host shows another key than the trusted one: it was installed anew, or somebody "
        "intercepts the connection.",
        "Find out which. The message names the file and line of the old key and the command that "
        "removes it. No option accepts a changed key.",
    ),
    Category.HOSTKEY_REVOKED: Entry(
        "The key or its authority is marked `@revoked` in known_hosts.",
        "Give the host a new key.",
    ),
    Category.HOSTCERT: Entry(
        "The host's certificate is not valid for this name, at this time, or for a host.",
        "Sign the host key anew, with the names that the inventory uses as principals.",
    ),
    Category.AUTH_TIMEOUT: Entry(
        "The login was under way and did not end in time.",
        "Slow directory services (LDAP, SSSD), PAM modules and reverse DNS on the host are the "
        "usual causes; `--connect-timeout` gives more time.",
    ),
    Category.AUTH_DENIED: Entry(
        "The host refused every key and password that it was offered.",
        "The message says what was offered to whom, and the command in it where user, keys and "
        "agent are from. Check them and the host's authorized_keys; `ssh -v` with the same key "
        "shows the host's view.",
    ),
    Category.SESSION_REFUSED: Entry(
        "The login succeeded, and the host opened no session.",
        "Look at MaxSessions and at PAM's session modules there (full disk, process limit, "
        "/run/nologin).",
    ),
    Category.NO_SHELL: Entry(
        "The account cannot run a command: nologin, a menu, a chroot or an appliance's own shell.",
        "Give the account a login shell, or use another account.",
    ),
    Category.COMMAND_TIMEOUT: Entry(
        "The command started and did not end within the time for one host.",
        "Raise `--timeout`; the host may be out of memory or its disk may hang.",
    ),
    Category.COMMAND_FAILED: Entry(
        "The command ended with an error; its last words are in the message.",
        "Run `sockfleet scan --print-probe` and paste the command into a shell of that host.",
    ),
    Category.TRUNCATED: Entry(
        "The command ended and its answer is incomplete.",
        "Look for a full process table, the OOM killer, or a start-up file that ends the shell.",
    ),
    Category.LOST: Entry(
        "The connection ended in the middle.",
        "The host may have rebooted, or a firewall ended the connection. It is tried again by "
        "itself.",
    ),
    Category.OUTPUT_LIMIT: Entry(
        "The host sent more bytes than any honest answer has.",
        "Look for a start-up file that prints without end; else do not trust that host.",
    ),
    Category.UNSUPPORTED_HOST: Entry(
        "The host has no /proc/net/sockstat, or none that the account may read: it is not Linux, "
        "or hides /proc, or is a sandbox without the file.",
        "Leave it out with `--limit 'all:!NAME'`.",
    ),
    Category.PARSE: Entry(
        "The answer is complete and is not what a Linux kernel prints.",
        "Please report it with the output of `cat /proc/net/sockstat` of that host.",
    ),
    Category.BECOME_DENIED: Entry(
        "sudo or doas did not allow the probe without a password.",
        "Install the rule that `sockfleet become-rule USER` prints, or scan without `--become`.",
    ),
    Category.VIA_JUMP: Entry(
        "A jump host failed, or could not reach the host behind it; the message names the hop.",
        "Log in to that jump host; the rest of the message is what happened there.",
    ),
    Category.LOCAL_RESOURCE: Entry(
        "This machine lacks something: descriptors, memory, ports, a library.",
        "The message names it and its limit (`ulimit -n`, ip_local_port_range).",
    ),
    Category.CLIENT_OVERLOAD: Entry(
        "This machine was too busy to keep the time limit; nothing is known about the host.",
        "Scan from a less busy machine, or lower `--concurrency`.",
    ),
    Category.DEADLINE: Entry(
        "The time of the whole run (`--deadline`) was over before the host was read.",
        "Raise it, or look at the failures that took the time.",
    ),
    Category.NOT_ATTEMPTED: Entry(
        "The run was stopped before this host was contacted.",
        "Run again; `--limit @SCAN.json` selects the hosts that failed.",
    ),
}


def format_section(category: Category) -> str:
    entry = GUIDE[category]
    # A timeout that this machine caused is made as transient (collector/timeouts.py).
    overload = category is Category.CLIENT_OVERLOAD
    again = is_transient(HostError(category, Phase.QUEUED, "", transient=overload))
    tried = " It is tried again within `--retries`." if again else ""
    return f"### {category}\n{entry.meaning}{tried}\n\n**What to do:** {entry.cure}\n\n"


def format_page(text: str) -> str:
    """Return the page with a section for each category, in the order of a login."""
    if set(GUIDE) != set(Category):
        raise SystemExit(f"entries and categories differ: {set(GUIDE) ^ set(Category)}")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    sections = "".join(format_section(category) for category in Category)
    return f"{before}{BEGIN}{sections}{END}{after}"


def main() -> int:
    """Write the page, or with --check say by the exit code whether it is up to date."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(format_page(text) != text)
    PAGE.write_text(format_page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
