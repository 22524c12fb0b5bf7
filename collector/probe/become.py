"""Run the probe as root by sudo or doas, as an ordinary user sees only its own processes.

``sudo -n`` and ``doas -n`` never prompt for a password. They always run the same script text: the
run's mark comes on standard input and is not part of it, so that a rule on the host can allow
exactly this text. The text sets its own PATH, as a rule may keep the user's.

* sudoers compares the whole command line, so with sudo 1.8 and later a rule can contain the text.
  sudo compares the words joined by blanks, so the rule also allows the beginning of the text up to
  any blank; every part of it only reads. sudo logs the whole text each time.
* A word in doas.conf is limited to 1,023 bytes (yylex() in doas's parse.y), a command of sudo-rs to
  1,024 (src/sudoers/tokens.rs). There the text is a file owned by root, and the rule allows this
  file without arguments. The file's name contains a hash of its content, so that a file of another
  version is not run by mistake.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum

from ...core.errors import UsageError
from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import clean
from ..errors import Category, HostError, Phase
from ..transport import CommandOutput

__all__ = [
    "Become",
    "FileRule",
    "become_command",
    "become_failure",
    "doas_rule",
    "sudo_rs_rule",
    "sudoers_line",
]

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
FILE_FOLDER = "/usr/local/libexec"


class Become(StrEnum):
    """Which program runs the probe as root."""

    AUTO = "auto"
    """sudo where it is installed, else doas."""
    SUDO = "sudo"
    DOAS = "doas"


_PROBE = lazy_pattern(r"exec /bin/sh -c 'm=(?P<mark>sockfleet-[0-9a-f]{16}); (?P<rest>[^']+)'")
_BEGIN = lazy_pattern(rb"^sockfleet-[0-9a-f]{16} begin$", re.MULTILINE)
# A name in capitals only would be an alias in sudoers, or ALL.
_USER = lazy_pattern(r"(?![A-Z0-9_]+$)[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?")

# "$1" is the probe's text, "$2" the mark: separate words after this script, which avoids quotes
# within quotes. LC_ALL: `become_failure` knows the English messages.
_SCRIPT = (
    "for b in {names} none; do command -v $b >/dev/null 2>&1 && break; done; "
    '[ "$(id -u)" = 0 ] && b=root; case $b in '
    'none) echo "sockfleet: not installed: {names}" >&2; exit 127;; root) b=;; *) b="$b -n";; '
    'esac; f={file}; if [ -n "$b" ] && [ -x $f ]; then printf "%s\\n" "$2" | LC_ALL=C $b $f; '
    'else printf "%s\\n" "$2" | LC_ALL=C $b /bin/sh -c "$1"; fi'
)


def become_command(command: str, method: Become = Become.AUTO) -> str:
    """The command for the host's login shell that runs ``command`` as root.

    ``command`` is one of `script.probe_command`; raises ValueError for any other. `become_failure`
    says whether sudo or doas refused it.
    """
    mark, text = _split_command(command)
    names = "sudo doas" if method is Become.AUTO else method.value
    script = _SCRIPT.format(names=names, file=_file_path(text))
    return f"exec /bin/sh -c '{script}' sockfleet '{text}' {mark}"


def sudoers_line(user: str, command: str) -> str:
    """The line for sudoers that lets ``user`` run only the probe ``command`` as root.

    It is valid for this version's probe with these options. Raises UsageError for a name that
    sudoers would not read as one user, ValueError for another command.
    """
    _, text = _split_command(command)
    return f"{_check_user(user)} ALL=(root) NOPASSWD: /bin/sh -c {_escape_for_sudoers(text)}"


@record
class FileRule:
    """A rule that lets one user run only the probe as root, from a file."""

    rule: str
    """The line for sudoers or doas.conf."""
    path: str
    """The file's path; it must be owned by root with mode 0755, in directories owned by root."""
    file: str
    """The file's content."""


def doas_rule(user: str, command: str) -> FileRule:
    """The file and the line of doas.conf for the probe ``command``; raises as `sudoers_line`."""
    return _make_file_rule("permit nopass {user} as root cmd {path} args", user, command)


def sudo_rs_rule(user: str, command: str) -> FileRule:
    """The file and the line of sudoers, for sudo-rs, or for sudo with a short log.

    Raises as `sudoers_line`.
    """
    return _make_file_rule('{user} ALL=(root) NOPASSWD: {path} ""', user, command)


def _make_file_rule(form: str, user: str, command: str) -> FileRule:
    _, text = _split_command(command)
    path = _file_path(text)
    rule = form.format(user=_check_user(user), path=path)
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
    """Why sudo or doas did not run the probe as root; None where it did, or failed otherwise.

    Knows the messages of sudo 1.8 and later, sudo-rs and OpenDoas, and quotes them.
    """
    if output.exit_status == 0 or _BEGIN().search(output.stdout):
        return None
    lines = [clean(row) for row in output.stderr.splitlines()[:100]]
    for pattern, meaning in _REFUSALS:
        for row in lines:
            if re.search(pattern, row):
                message = f"could not become root: {row!r}: {meaning}"
                return HostError(Category.BECOME_DENIED, Phase.COMMAND, message)
    return None


def _split_command(command: str) -> tuple[str, str]:
    """The mark, and the text that runs as root and reads the mark first."""
    parts = _PROBE().fullmatch(command)
    if parts is None:
        raise ValueError(f"not a command of the probe: {command[:80]!r}")
    # The rest reads no input, and must not wait for any.
    text = f"PATH={SAFE_PATH}; export PATH; read -r m; exec </dev/null; {parts['rest']}"
    return parts["mark"], text


def _file_path(text: str) -> str:
    return f"{FILE_FOLDER}/sockfleet-probe-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _check_user(name: str) -> str:
    if not _USER().fullmatch(name):
        raise UsageError(
            f"{name!r} is not the name of a user that a rule can hold: expected letters, digits, "
            "'_', '.' and '-', a letter or '_' first"
        )
    return name


def _escape_for_sudoers(text: str) -> str:
    """Escape the text for sudoers(5): its own special characters and those of fnmatch(3).

    A backslash is special for both, hence four. sudoers keeps one of several blanks in a row
    unless they are escaped.
    """
    escaped = re.sub(r"[*?\[\],:=#]", r"\\\g<0>", text.replace("\\", "\\" * 4))
    return re.sub(r"(?<= ) ", r"\\ ", escaped)
