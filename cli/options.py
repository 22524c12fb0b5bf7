"""The options that several commands share, each also readable from SOCKFLEET_<NAME>."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .parameter_types import WorkerCount

__all__ = [
    "against_option",
    "color_option",
    "connection_options",
    "dask_options",
    "inventory_argument",
    "limit_option",
    "message_options",
    "option",
    "output_options",
    "pace_options",
    "probe_options",
    "repeat_options",
    "shard_option",
    "threshold_option",
    "workers_option",
]

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


def option(*names: str, **settings: Any) -> Decorator:
    """click.option with the environment variable that the option's long name gives."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "SOCKFLEET_" + long.lstrip("-").replace("-", "_").upper())
    settings.setdefault("show_envvar", False)
    return click.option(*names, **settings)


def together(*decorators: Decorator) -> Decorator:
    """One decorator out of several, shown in their order."""

    def decorate(command: Function) -> Function:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def inventory_argument(*, required: bool = True) -> Decorator:
    """INVENTORY...: files, folders, scripts, ``-``, or ``host1,host2,``."""
    return click.argument(
        "inventory",
        nargs=-1,
        required=required,
        metavar="INVENTORY...",
        envvar="SOCKFLEET_INVENTORY",  # parted by spaces
    )


def limit_option() -> Decorator:
    """--limit, in Ansible's patterns."""
    return option(
        "-l",
        "--limit",
        metavar="PATTERN",
        help="Ansible host pattern; @SCAN.json takes the hosts that failed in that scan.",
    )


def shard_option() -> Decorator:
    """--shard; what it splits by stands in docs/scale.md."""
    return option(
        "--shard",
        metavar="I/N",
        help="Ask only part I of N, split by the hosts' names; merge joins the parts.",
    )


def against_option() -> Decorator:
    """--against; what is compared stands in docs/monitoring.md."""
    return option(
        "--against",
        metavar="SCAN.json",
        help="Compare with an earlier scan: what grew and how fast, new, lost and rebooted hosts. "
        "It may be the file that --output replaces.",
    )


def connection_options() -> Decorator:
    """How to log in, where the inventory does not say otherwise."""
    return together(
        option("-u", "--user", help="Log in as this user.  [default: your own name]"),
        option("-i", "--identity", multiple=True, metavar="FILE", help="Private key; repeatable."),
        option(
            "--agent/--no-agent",
            default=False,
            help="Use the keys of the ssh-agent at SSH_AUTH_SOCK.  [default: no-agent]",
        ),
        option(
            "-k",
            "--ask-pass/--no-ask-pass",
            default=False,
            help="Ask for a password to log in with.",
        ),
        option(
            "--password-file",
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Read the password from a file; SOCKFLEET_PASSWORD holds one directly.",
        ),
        option("--ssh-config", metavar="FILE", help="Take what it says of each host, as ssh -F."),
        option(
            "--allow-proxy-command/--no-allow-proxy-command",
            default=False,
            help="Run the ProxyCommand that an inventory or ssh_config names.",
        ),
        option(
            "--known-hosts",
            multiple=True,
            metavar="FILE",
            help="Known host keys; repeatable.  [default: ~/.ssh/known_hosts and the system's]",
        ),
        option(
            "--host-keys",
            type=click.Choice(["strict", "accept-new"]),
            default="strict",
            show_default=True,
            help="accept-new trusts and remembers keys of unknown hosts, never a changed one.",
        ),
        option(
            "--transport",
            default="asyncssh",
            show_default=True,
            help="asyncssh, paramiko, or one that a plugin adds.",
        ),
    )


def probe_options() -> Decorator:
    """What each host is asked for."""
    return together(
        option(
            "--probe",
            type=click.Choice(["full", "forced"]),
            default="full",
            show_default=True,
            help="forced is for a key that may run nothing else (sockfleet authorized-key): the "
            "host's own namespace alone.",
        ),
        option(
            "--namespaces/--no-namespaces",
            default=True,
            help="Read every network namespace of a host, or its own alone, which is a little "
            "cheaper and makes tcp_close an upper bound.  [default: namespaces]",
        ),
        option(
            "--processes/--no-processes",
            default=False,
            help="Name the processes that hold the closed sockets: your own, or with root's "
            "rights all.",
        ),
        option(
            "--process-args/--no-process-args",
            default=False,
            help="The same with their arguments, which may hold secrets.",
        ),
        option("--become/--no-become", default=False, help="Ask as root, by sudo -n or doas -n."),
        option(
            "--become-method",
            type=click.Choice(["auto", "sudo", "doas"]),
            default="auto",
            show_default=True,
            help="What --become uses.",
        ),
    )


def threshold_option() -> Decorator:
    """--threshold; what the keys mean stands in docs/closed-sockets.md."""
    return option(
        "--threshold",
        multiple=True,
        metavar="KEY=VALUE",
        help="From where on a diagnosis holds, such as held_sockets=500 or orphans_warning_share="
        "30%; repeatable. A wrong KEY lists them all.",
    )


def pace_options(*, is_plugin: bool = False) -> Decorator:
    """How much at once, and for how long.

    In a monitoring plugin -c is --critical, -t the time for everything, and that is limited.
    """
    seconds = click.FloatRange(min=0, min_open=True)
    return together(
        option(
            *(() if is_plugin else ("-c",)),
            "--concurrency",
            type=click.IntRange(min=1),
            default=2000,
            show_default=True,
            help="Hosts asked at once.",
        ),
        option(
            "--per-bastion",
            type=click.IntRange(min=1),
            default=64,
            show_default=True,
            help="Hosts asked at once through one jump host.",
        ),
        option(
            "--connect-timeout",
            type=seconds,
            default=10.0,
            show_default=True,
            metavar="S",
            help="From the name to the end of the login.",
        ),
        option(
            "--timeout",
            type=seconds,
            default=30.0,
            show_default=True,
            metavar="S",
            help="Everything for one host, retries included.",
        ),
        option(
            *(("-t",) if is_plugin else ()),
            "--deadline",
            type=seconds,
            default=50.0 if is_plugin else None,
            metavar="S",
            help=f"The whole run.  [default: {50 if is_plugin else 'none'}]",
        ),
        option(
            "--retries",
            type=click.IntRange(min=0),
            default=1,
            show_default=True,
            help="Further attempts after what may pass by itself; never after a refused login.",
        ),
    )


def workers_option() -> Decorator:
    """--workers; what they share stands in docs/scale.md."""
    return option(
        "--workers",
        type=WorkerCount(),
        default="auto",
        show_default=True,
        metavar="N|auto",
        help="Processes that share the work; auto takes one for each processor, from 1,000 hosts "
        "on.",
    )


def dask_options() -> Decorator:
    """--dask and what it may send; docs/dask.md tells how to start workers."""
    return together(
        option(
            "--dask",
            metavar="ADDRESS|local",
            help="Let the workers of this Dask scheduler ask the hosts (tcp://HOST:PORT or "
            "tls://HOST:PORT), or processes of this machine that live as long as the scan.",
        ),
        option(
            "--dask-ship-secrets/--no-dask-ship-secrets",
            default=False,
            help="Send passwords and passphrases to the workers, over tls:// only; private keys "
            "are never sent.  [default: no-dask-ship-secrets]",
        ),
    )


def repeat_options() -> Decorator:
    """--repeat and --interval; what a round is stands in docs/repeating.md."""
    return together(
        option(
            "--repeat",
            type=click.IntRange(min=0),
            metavar="N",
            help="Read every host N times over connections that stay open, and show what changes; "
            "0: until stopped.",
        ),
        option(
            "--interval",
            type=click.FloatRange(min=0.1),
            default=10.0,
            show_default=True,
            metavar="S",
            help="With --repeat: from the beginning of one round to that of the next.",
        ),
    )


def output_options() -> Decorator:
    """In which formats the result goes where."""
    return together(
        option(
            "-f",
            "--format",
            "format_name",
            help="table, json, ndjson, csv, prometheus, influx.  [default: table]",
        ),
        option(
            "-o",
            "--output",
            multiple=True,
            metavar="[FORMAT:]FILE",
            help="Write to a file, whole or not at all; repeatable. Nothing goes to stdout then, "
            "unless --format is given.",
        ),
        option(
            "--mode",
            metavar="OCTAL",
            help="Rights of the files of --output, such as 0640.  [default: an existing file's; "
            "0600 for a new one]",
        ),
        option(
            "--top",
            type=click.IntRange(min=1),
            metavar="N",
            help="Only the first N in the table.",
        ),
    )


def color_option() -> Decorator:
    """--color; NO_COLOR and TERM=dumb count under auto."""
    return option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Colour in tables and on stderr.",
    )


def message_options() -> Decorator:
    """What is told on stderr beside the result."""
    return together(
        option(
            "-q", "--quiet/--no-quiet", default=False, help="No progress and no notes; errors only."
        ),
        option("-v", "--verbose", count=True, help="Tell more on stderr; -vv for debugging."),
    )
