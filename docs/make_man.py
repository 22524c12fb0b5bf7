"""Write docs/sockfleet.1, the manual page, from the commands themselves.

Usage: python docs/make_man.py [--check]. A test runs the check, so that the page that the wheel
carries is never older than the commands.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import click

from sockfleet.cli.main import COMMANDS, cli
from sockfleet.core.exit_codes import Exit

PAGE = Path(__file__).with_name("sockfleet.1")

EXIT_CODES = {
    Exit.OK: "Every host was read.",
    Exit.FAILED: "The run itself failed.",
    Exit.USAGE: "An option or the inventory cannot be used; nothing was contacted.",
    Exit.SOME_FAILED: "Some hosts failed; the result of the others is printed.",
    Exit.NONE_READ: "No host could be read.",
    Exit.LOCAL: "A local resource ran out, or a result could not be written.",
    Exit.LOCKED: "Another run holds the lock; nothing was done.",
}

FILES = {
    "~/.config/sockfleet/sockfleet.toml, /etc/xdg/sockfleet/sockfleet.toml": "What the options are "
    "where neither the command line nor the environment says; the first that is there, unless "
    "\\-\\-config names another. XDG_CONFIG_HOME and XDG_CONFIG_DIRS name other folders.",
    "~/.ssh/known_hosts, /etc/ssh/ssh_known_hosts": "The host keys that are trusted, unless "
    "\\-\\-known\\-hosts names others.",
    "~/.ssh/id_ed25519, id_ecdsa, id_rsa": "The keys that are tried where neither "
    "\\-\\-identity nor the inventory names one.",
}


def escaped(text: str) -> str:
    """Text as roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))


def paragraphs(text: str) -> list[str]:
    """A click help text as roff; a block after ``\\b`` keeps its lines."""
    out: list[str] = []
    for block in text.split("\n\n"):
        literal = block.startswith("\b")
        body = escaped(block.strip("\b\n"))
        out += ["", ".nf", body, ".fi"] if literal else [".PP", body]
    return out


def options(command: click.Command, context: click.Context) -> list[str]:
    """The options of a command as a list of tagged paragraphs."""
    out: list[str] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            out += [".TP", f"\\fB{escaped(record[0])}\\fR", escaped(record[1])]
            environment = getattr(parameter, "envvar", None)
            if environment:
                out.append(f"(\\fI{escaped(str(environment))}\\fR)")
    return out


def page() -> str:
    """The whole page."""
    context = click.Context(cli, info_name="sockfleet")
    release = version("sockfleet")
    out = [
        f'.TH SOCKFLEET 1 "" "sockfleet {release}" "User Commands"',
        ".SH NAME",
        "sockfleet \\- TCP sockets that are closed but still held, on every host of a fleet",
        ".SH SYNOPSIS",
        *(
            f".B sockfleet {name}\n{escaped(' '.join(_command(name, context)[1]))}\n.br"
            for name in COMMANDS
        ),
        ".SH DESCRIPTION",
        *paragraphs(
            "sockfleet logs in to many Linux hosts over SSH at once, reads /proc/net/sockstat "
            "and sockstat6 on each, and tells how many TCP sockets are closed but still held, per "
            "host, group and fleet. It needs no agent on the hosts and changes nothing there."
        ),
    ]
    for name in COMMANDS:
        command, _ = _command(name, context)
        inner = click.Context(command, info_name=name, parent=context)
        out += [f'.SH "SOCKFLEET {name.upper()}"', *paragraphs(command.help or "")]
        out += options(command, inner)
    out += [".SH ENVIRONMENT", *paragraphs(ENVIRONMENT)]
    out += [".SH FILES", *_tagged(FILES)]
    out += [".SH EXIT STATUS", *_tagged({str(int(code)): t for code, t in EXIT_CODES.items()})]
    out += _tagged({"129, 130, 143": "Stopped by SIGHUP, SIGINT or SIGTERM."})
    out += [".SH SEE ALSO", ".BR ss (8),", ".BR ssh (1),", ".BR proc (5)"]
    return "\n".join(out) + "\n"


ENVIRONMENT = (
    "Each option can be set by the variable named after it. SOCKFLEET_PASSPHRASE unlocks "
    "encrypted keys, SOCKFLEET_PASSWORD is a password to log in with. NO_COLOR turns colour off, "
    "COLUMNS sets the width of tables."
)


def _command(name: str, context: click.Context) -> tuple[click.Command, list[str]]:
    command = cli.get_command(context, name)
    assert command is not None
    return command, command.collect_usage_pieces(click.Context(command, parent=context))


def _tagged(entries: dict[str, str]) -> list[str]:
    return [line for key, text in entries.items() for line in (".TP", f"\\fB{key}\\fR", text)]


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
