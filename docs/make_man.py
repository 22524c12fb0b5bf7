"""Write docs/sockfleet.1, the manual page, from the help texts of the commands.

Usage: python docs/make_man.py [--check]. A test runs the check, so the page in the wheel always
matches the commands.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import click

from sockfleet.cli.command_table import load_command, runnable_commands
from sockfleet.cli.help_screen import HelpfulCommand, grouped_options, paragraphs
from sockfleet.cli.main import cli
from sockfleet.core.exit_codes import Exit

PAGE = Path(__file__).with_name("sockfleet.1")

EXIT_CODES = {
    Exit.OK: "Every host was read.",
    Exit.FAILED: "The run itself failed.",
    Exit.USAGE: "An option or the inventory cannot be used; no host was contacted.",
    Exit.SOME_FAILED: "Some hosts failed; the result of the others is printed.",
    Exit.NONE_READ: "No host could be read.",
    Exit.LOCAL: "A local resource ran out, a result could not be written, or an alert not be sent.",
    Exit.WARNING_FIRES: "An alert fires, with alert \\-\\-exit\\-code.",
    Exit.CRITICAL_FIRES: "A critical alert fires, with alert \\-\\-exit\\-code.",
    Exit.LOCKED: "Another run holds the lock; nothing was done.",
}

FILES = {
    "~/.config/sockfleet/sockfleet.toml, /etc/xdg/sockfleet/sockfleet.toml": "The defaults of "
    "options that neither the command line nor the environment sets; the first that exists, unless "
    "\\-\\-config names another. XDG_CONFIG_HOME and XDG_CONFIG_DIRS name other folders.",
    "~/.local/state/sockfleet/history.db": "The scans that \\-\\-save keeps, unless "
    "\\-\\-store names "
    "another store. XDG_STATE_HOME names another folder. Scans that could not be saved are in "
    "unsaved/ beside it.",
    "~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts": "The trusted host keys, unless "
    "\\-\\-known\\-hosts names others.",
    "~/.ssh/id_ed25519, id_ecdsa, id_rsa": "The keys to log in with where neither "
    "\\-\\-identity nor the inventory names one.",
}


ENVIRONMENT_OF_OPTIONS = (
    "Each option can be set by the variable that is named below it: \\-\\-known\\-hosts by "
    "SOCKFLEET_KNOWN_HOSTS. The command line wins over the environment, and that over "
    "sockfleet.toml."
)
ENVIRONMENT = {
    "SOCKFLEET_PASSWORD": "A password to log in with.",
    "SOCKFLEET_PASSPHRASE": "Unlocks encrypted private keys.",
    "SSH_AUTH_SOCK": "The socket of the ssh\\-agent.",
    "XDG_CONFIG_HOME, XDG_CONFIG_DIRS": "Where sockfleet.toml is looked for.",
    "NO_COLOR": "Turns colour off.",
    "COLUMNS": "The width of tables.",
}
CHECK_CODES = (
    "sockfleet check speaks the codes of monitoring plugins instead: 0 OK, 1 WARNING, 2 CRITICAL, "
    "3 UNKNOWN."
)
DESCRIPTION = (
    "sockfleet logs in to many Linux hosts over SSH at once, reads /proc/net/sockstat "
    "and sockstat6 on each, and reports how many TCP sockets are closed but still held, "
    "per host, group and fleet. It needs no agent on the hosts and changes nothing there."
)


def escape(text: str) -> str:
    """Escape text that roff must print literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))


def format_paragraphs(blocks: Iterable[str]) -> list[str]:
    """Format paragraphs of a help text as roff; one after ``\\b`` keeps its lines."""
    out: list[str] = []
    for block in blocks:
        literal = block.startswith("\b")
        body = escape(block.strip("\b\n"))
        out += ["", ".nf", body, ".fi"] if literal else [".PP", body]
    return out


def format_options(command: click.Command, context: click.Context) -> list[str]:
    """Format the options of a command as tagged paragraphs, by their groups."""
    out: list[str] = []
    for title, options in grouped_options(command, context):
        out.append(f".SS {title}")
        for option in options:
            names, text = option.get_help_record(context) or ("", "")
            out += [".TP", f"\\fB{escape(names)}\\fR", escape(text)]
            if option.envvar:
                out.append(f"(\\fI{escape(str(option.envvar))}\\fR)")
    return out


def format_examples(command: click.Command) -> list[str]:
    """Format the command lines of a command's examples as tagged paragraphs."""
    if not isinstance(command, HelpfulCommand):
        return []
    return _format_tagged(
        {escape(line): f"{escape(text[:1].upper() + text[1:])}." for line, text in command.examples}
    )


def make_page() -> str:
    """Return the whole page."""
    context = click.Context(cli, info_name="sockfleet")
    release = version("sockfleet")
    out = [
        f'.TH SOCKFLEET 1 "" "sockfleet {release}" "User Commands"',
        ".SH NAME",
        "sockfleet \\- TCP sockets that are closed but still held, on every host of a fleet",
        ".SH SYNOPSIS",
        *(
            f".B sockfleet {name}\n{escape(' '.join(_command(name, context)[1]))}\n.br"
            for name in runnable_commands()
        ),
        ".SH DESCRIPTION",
        *format_paragraphs([DESCRIPTION]),
    ]
    for name in runnable_commands():
        command, _ = _command(name, context)
        inner = click.Context(command, info_name=name, parent=context)
        out += [f'.SH "SOCKFLEET {name.upper()}"', *_describe(command)]
        out += format_options(command, inner)
    out += [
        ".SH EXIT STATUS",
        *_format_tagged({str(int(code)): t for code, t in EXIT_CODES.items()}),
    ]
    out += _format_tagged({"129, 130, 143": "Stopped by SIGHUP, SIGINT or SIGTERM."})
    out += [".PP", escape(CHECK_CODES)]
    out += [".SH ENVIRONMENT", ".PP", ENVIRONMENT_OF_OPTIONS, *_format_tagged(ENVIRONMENT)]
    out += [".SH FILES", *_format_tagged(FILES)]
    out += [".SH EXAMPLES"]
    for name in runnable_commands():
        out += format_examples(_command(name, context)[0])
    out += [".SH SEE ALSO", ".BR ss (8),", ".BR ssh (1),", ".BR proc (5)"]
    return "\n".join(out) + "\n"


def _describe(command: click.Command) -> list[str]:
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    named = [each for each in arguments if each.envvar]
    lines = [f"(\\fI{each.envvar}\\fR sets the argument.)" for each in named]
    return format_paragraphs(paragraphs(command, whole=True)) + lines


def _command(name: str, context: click.Context) -> tuple[click.Command, list[str]]:
    command = load_command(name)
    return command, command.collect_usage_pieces(click.Context(command, parent=context))


def _format_tagged(entries: dict[str, str]) -> list[str]:
    return [line for key, text in entries.items() for line in (".TP", f"\\fB{key}\\fR", text)]


def main() -> int:
    text = make_page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
