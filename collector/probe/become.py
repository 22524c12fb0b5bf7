"""Running the probe as root, where an ordinary user's login sees only that user's own processes.

``sudo -n`` or ``doas -n``: neither ever asks for a password. What they run is always the same
text: this run's mark comes on its standard input and not within it, so that a rule on the host can
allow exactly this text and nothing else. The text sets its own PATH, since a rule may keep the
user's.

* sudoers compares the whole command line, so a line of it can hold the text itself, with sudo 1.8
  and later. It compares the words joined by blanks, so what the line allows is this text or its
  beginning up to some blank: all of it only reads. sudo also logs the whole text each time.
* A word of doas.conf ends at 1,023 bytes (yylex() in doas's parse.y), a command of sudo-rs at 1,024
  (src/sudoers/tokens.rs). There the text is a file of root's, and the rule allows that file without
  arguments. The file is named for its content: one of another version is not run by mistake.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

from ...core.errors import UsageError
from ...core.record import record
from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput

__all__ = [
    "Become",
    "FileRule",
    "become",
    "become_failure",
    "doas_rule",
    "sudo_rs_rule",
    "sudoers_line",
]

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
FILE_FOLDER = "/usr/local/libexec"


class Become(StrEnum):
    """Which program makes the probe root's."""

    AUTO = "auto"
    """sudo where it is installed, else doas."""
    SUDO = "sudo"
    DOAS = "doas"


_PROBE = re.compile(r"exec /bin/sh -c 'm=(?P<mark>sockfleet-[0-9a-f]{16}); (?P<rest>[^']+)'")
_BEGIN = re.compile(rb"^sockfleet-[0-9a-f]{16} begin$", re.MULTILINE)
# All capitals would be an alias of sudoers, or its ALL.
_USER = re.compile(r"(?![A-Z0-9_]+$)[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?")

# "$1" is the probe's text, "$2" the mark; both stand as words of their own behind this shell's
# text, so that no quotes stand within quotes. LC_ALL: what they refuse with is read in English.
_WAY = (
    "for b in {names} none; do command -v $b >/dev/null 2>&1 && break; done; "
    '[ "$(id -u)" = 0 ] && b=root; case $b in '
    'none) echo "sockfleet: not installed: {names}" >&2; exit 127;; root) b=;; *) b="$b -n";; '
    'esac; f={file}; if [ -n "$b" ] && [ -x $f ]; then printf "%s\\n" "$2" | LC_ALL=C $b $f; '
    'else printf "%s\\n" "$2" | LC_ALL=C $b /bin/sh -c "$1"; fi'
)


def become(command: str, method: Become = Become.AUTO) -> str:
    """The command for the host's login shell that runs ``command`` as root.

    ``command`` is one of `script.probe_command`; ValueError for any other. Whether it was
    refused is for `become_failure` to say.
    """
    mark, text = _parted(command)
    names = "sudo doas" if method is Become.AUTO else method.value
    script = _WAY.format(names=names, file=_path(text))
    return f"exec /bin/sh -c '{script}' sockfleet '{text}' {mark}"


def sudoers_line(user: str, command: str) -> str:
    """The line for sudoers that lets ``user`` run the probe ``command`` as root, and nothing else.

    It holds for this version's probe with these options. Raises UsageError for a name that
    sudoers would read as something else than one user, ValueError for another command.
    """
    _, text = _parted(command)
    return f"{_user(user)} ALL=(root) NOPASSWD: /bin/sh -c {_for_sudoers(text)}"


@record
class FileRule:
    """What lets one user run the probe through a file, and nothing else."""

    rule: str
    """The line for sudoers or doas.conf."""
    path: str
    """Where the file has to be, owned by root, mode 0755, in folders of root's."""
    file: str
    """Its whole text."""


def doas_rule(user: str, command: str) -> FileRule:
    """The file and the line of doas.conf for the probe ``command``; raises as `sudoers_line`."""
    return _file_rule("permit nopass {user} as root cmd {path} args", user, command)


def sudo_rs_rule(user: str, command: str) -> FileRule:
    """The file and the line of sudoers; for sudo-rs, and for sudo where its log has to be short.

    Raises as `sudoers_line`.
    """
    return _file_rule('{user} ALL=(root) NOPASSWD: {path} ""', user, command)


def _file_rule(form: str, user: str, command: str) -> FileRule:
    _, text = _parted(command)
    path = _path(text)
    rule = form.format(user=_user(user), path=path)
    return FileRule(rule=rule, path=path, file=f"#!/bin/sh\n{text}\n")


# Patterns as texts, which `re` compiles for the first refusal: most runs see none.
_REFUSALS = (
    (
        r"^sudo: .*((password|terminal|authentication) is required|no tty present)",
        "sudoers needs a NOPASSWD rule for this version's probe with these options",
    ),
    (
        r"^Sorry, user |^\S+ is not in the sudoers file|^sudo: .*not in the sudoers",
        "no rule of sudoers allows this version's probe with these options",
    ),
    (
        r"^sudo: sorry, you must have a tty",
        "sudoers says requiretty; set 'Defaults:USER !requiretty' for the account",
    ),
    (
        r"^doas: Auth\w+ (required|failed)|^doas: a tty is required",
        "it wants a password; the account's rule in doas.conf needs nopass",
    ),
    (
        r"^doas: (Operation not permitted|doas is not enabled)",
        "no rule of doas.conf allows this version's probe with these options",
    ),
    (
        r"^sockfleet: not installed: ",
        "install one, or log in as root",
    ),
    (
        r"^(sudo|sudo-rs|doas): (?!unable to resolve host)",
        "it could not run the probe as root",
    ),
)


def become_failure(output: CommandOutput) -> HostError | None:
    """Why the probe did not become root's; None where it did, or something else went wrong.

    The words are those of sudo 1.8 and later and of OpenDoas; what they print is quoted.
    """
    if output.exit_status == 0 or _BEGIN.search(output.stdout):
        return None
    said = [clean(row) for row in output.stderr.splitlines()[:100]]
    for pattern, meaning in _REFUSALS:
        for row in said:
            if re.search(pattern, row):
                message = f"could not become root: {row!r}: {meaning}"
                return HostError(Category.BECOME_DENIED, Phase.COMMAND, message)
    return None


def _parted(command: str) -> tuple[str, str]:
    """The mark, and the text that runs as root, which reads it first."""
    parts = _PROBE.fullmatch(command)
    if parts is None:
        raise ValueError(f"not a command of the probe: {command[:80]!r}")
    # What follows has nothing to read there, and shall not wait for the user's input.
    text = f"PATH={SAFE_PATH}; export PATH; read -r m; exec </dev/null; {parts['rest']}"
    return parts["mark"], text


def _path(text: str) -> str:
    return f"{FILE_FOLDER}/sockfleet-probe-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _user(name: str) -> str:
    if not _USER.fullmatch(name):
        raise UsageError(
            f"{name!r} is not the name of a user that a rule can hold: expected letters, digits, "
            "'_', '.' and '-', a letter or '_' first"
        )
    return name


def _for_sudoers(text: str) -> str:
    """The text as sudoers(5) has it: its own special characters, and those of fnmatch(3).

    A backslash is one for both, hence four. Of blanks in a row sudoers keeps one, unless escaped.
    """
    escaped = re.sub(r"[*?\[\],:=#]", r"\\\g<0>", text.replace("\\", "\\" * 4))
    return re.sub(r"(?<= ) ", r"\\ ", escaped)
