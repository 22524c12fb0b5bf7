"""What a scan does: every option once, with its type, default, help and flags.

`ScanOptions` is public API. Values are checked when it is made, so that a wrong one is an error
before any host is contacted; their types are for the type checker.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from ..core.errors import UsageError
from ..core.record import record
from ..inventory.models import HostKeyPolicy, Probe, Secret
from .option_declaration import OptionGroup, option

__all__ = ["CONNECT_TIMEOUT_S", "RepeatOptions", "ScanOptions"]

CONNECT_TIMEOUT_S = 10.0


@record
class ScanOptions:
    """Which hosts to read, how to log in to them, what to read, and within which limits.

    The inventory's variables win over the options of a login, as in Ansible. Raises UsageError for
    options that exclude each other.
    """

    inventory: Sequence[str] = ()
    """Ansible inventories: files, folders, scripts, ``-`` for standard input, ``web1,web2,``."""
    password: Secret | None = None
    """To log in with; None: ``ask_pass``, ``password_file`` or SOCKFLEET_PASSWORD give one."""

    limit: str | None = option(
        None,
        "-l",
        "--limit",
        metavar="PATTERN",
        help="Ansible host pattern; @SCAN.json takes the hosts that failed in that scan.",
        group=OptionGroup.SELECTION,
        brief="Only hosts of an Ansible pattern",
    )
    shard: str | None = option(
        None,
        "--shard",
        metavar="I/N",
        help="Read only part I of N, split by the hosts' names; merge joins the parts.",
        group=OptionGroup.SCALE,
    )
    sort: str = option(
        "tcp_close",
        "--sort",
        metavar="KEY",
        show_default=True,
        help="Rank by this.",
        group=OptionGroup.OUTPUT,
        brief="Rank by this number",
    )
    group_by: str | None = option(
        None,
        "--group-by",
        metavar="GROUP|VAR",
        help="Sum up by a group's children or a variable.",
        group=OptionGroup.OUTPUT,
        brief="Sums by group or variable",
    )
    against: str | None = option(
        None,
        "--against",
        metavar="SCAN.json",
        is_path=True,
        help="Compare with an earlier scan: growth and its rate, new, lost and rebooted hosts. "
        "It may be the file that --output replaces, or a scan of the store: last, last-1, an ID or "
        "a time (2d, yesterday, Monday).",
        group=OptionGroup.COMPARISON,
        brief="Growth and rate since that scan",
    )
    threshold: Sequence[str] = option(
        (),
        "--threshold",
        metavar="KEY=VALUE",
        help="The level from which a diagnosis applies, such as held_sockets=500 or "
        "orphans_warning_share=30%; repeatable. A wrong KEY lists them all.",
        group=OptionGroup.COMPARISON,
    )

    user: str | None = option(
        None,
        "-u",
        "--user",
        help="Log in as this user where the inventory names none.  [default: ssh_config's, or your "
        "own name]",
        metavar="NAME",
        group=OptionGroup.LOGIN,
        brief="User, where the inventory names none",
    )
    identity: Sequence[str] = option(
        (),
        "-i",
        "--identity",
        metavar="FILE",
        is_path=True,
        help="Private key where the inventory names none; repeatable.",
        group=OptionGroup.LOGIN,
        brief="Private key, where it names none",
    )
    agent: bool | None = option(
        None,
        "--agent",
        help="Use the keys of the ssh-agent at SSH_AUTH_SOCK.  [default: where it is set]",
        group=OptionGroup.LOGIN,
        brief="Use no key of the ssh-agent",
    )
    """None: where SSH_AUTH_SOCK is set."""
    ask_pass: bool = option(
        False,
        "-k",
        "--ask-pass",
        help="Ask for a password to log in with.",
        group=OptionGroup.LOGIN,
    )
    password_file: str | None = option(
        None,
        "--password-file",
        metavar="FILE",
        is_path=True,
        help="Read the password from a file; SOCKFLEET_PASSWORD holds one directly.",
        group=OptionGroup.LOGIN,
    )
    ssh_config: str | None = option(
        None,
        "--ssh-config",
        metavar="FILE|none",
        is_path=True,
        help="Read this ssh_config, as ssh -F, or none.  [default: ~/.ssh/config and the system's]",
        group=OptionGroup.LOGIN,
        brief="Use this ssh_config, or none",
    )
    allow_proxy_command: bool = option(
        False,
        "--allow-proxy-command",
        help="Run the ProxyCommand that an inventory or ssh_config names.",
        group=OptionGroup.LOGIN,
    )
    known_hosts: Sequence[str] = option(
        (),
        "--known-hosts",
        metavar="FILE",
        is_path=True,
        help="Known host keys; repeatable.  [default: ~/.ssh/known_hosts and the system's]",
        group=OptionGroup.HOST_KEYS,
        brief="Instead of ~/.ssh/known_hosts",
    )
    host_keys: HostKeyPolicy = option(
        HostKeyPolicy.STRICT,
        "--host-keys",
        show_default=True,
        help="accept-new trusts and remembers keys of unknown hosts, never a changed one.",
        group=OptionGroup.HOST_KEYS,
        brief="accept-new: trust new hosts",
    )
    transport: str = option(
        "asyncssh",
        "--transport",
        show_default=True,
        help="asyncssh, paramiko, or one that a plugin adds.",
        metavar="NAME",
        group=OptionGroup.LOGIN,
    )

    probe: Probe = option(
        Probe.FULL,
        "--probe",
        show_default=True,
        help="forced is for a key that may run nothing else (sockfleet authorized-key) and reads "
        "only the host's own namespace.",
        group=OptionGroup.LOGIN,
    )
    namespaces: bool = option(
        True,
        "--namespaces",
        help="Read every network namespace of a host, or only its own, which is a little "
        "cheaper and makes tcp_close an upper bound.  [default: namespaces]",
        group=OptionGroup.SELECTION,
    )
    processes: bool = option(
        False,
        "--processes",
        help="Name the processes that hold the closed sockets: your own, or all of them as root.",
        group=OptionGroup.SELECTION,
        brief="Name who holds the sockets",
    )
    process_args: bool = option(
        False,
        "--process-args",
        help="As --processes, with arguments, which may hold secrets.",
        group=OptionGroup.SELECTION,
    )
    become: bool = option(
        False,
        "--become",
        help="Read as root, by sudo -n or doas -n.",
        group=OptionGroup.LOGIN,
        brief="Read as root, by sudo or doas",
    )
    become_method: Literal["auto", "sudo", "doas"] = option(
        "auto",
        "--become-method",
        show_default=True,
        help="What --become uses.",
        group=OptionGroup.LOGIN,
    )

    concurrency: int = option(
        2000,
        "-c",
        "--concurrency",
        minimum=1,
        show_default=True,
        help="Hosts read at once.",
        metavar="N",
        group=OptionGroup.LIMITS,
        brief="Hosts read at once",
    )
    per_bastion: int = option(
        64,
        "--per-bastion",
        minimum=1,
        show_default=True,
        help="Hosts read at once through one jump host.",
        metavar="N",
        group=OptionGroup.LIMITS,
    )
    connect_timeout_s: float = option(
        CONNECT_TIMEOUT_S,
        "--connect-timeout",
        metavar="S",
        minimum=0,
        minimum_excluded=True,
        show_default=True,
        help="From the name query to the end of the login.",
        group=OptionGroup.LIMITS,
    )
    timeout_s: float = option(
        30.0,
        "--timeout",
        metavar="S",
        minimum=0,
        minimum_excluded=True,
        show_default=True,
        help="Everything for one host, retries included.",
        group=OptionGroup.LIMITS,
        brief="Seconds for one host",
    )
    deadline_s: float | None = option(
        None,
        "--deadline",
        metavar="S",
        minimum=0,
        minimum_excluded=True,
        help="The whole run.  [default: none]",
        group=OptionGroup.LIMITS,
        brief="Seconds for the whole run",
    )
    retries: int = option(
        1,
        "--retries",
        minimum=0,
        show_default=True,
        help="Further attempts after a transient failure; never after a refused login.",
        metavar="N",
        group=OptionGroup.LIMITS,
    )

    workers: int | Literal["auto"] = option(
        "auto",
        "--workers",
        metavar="N|auto",
        minimum=1,
        show_default=True,
        help="Processes that share the work; auto takes one for each processor, from 1,000 hosts "
        "on.",
        group=OptionGroup.SCALE,
        brief="Processes that read the hosts",
    )
    dask: str | None = option(
        None,
        "--dask",
        metavar="ADDRESS|local",
        help="Let the workers of this Dask scheduler read the hosts (tcp://HOST:PORT or "
        "tls://HOST:PORT), or processes of this machine that end with the scan.",
        group=OptionGroup.SCALE,
        brief="Share with a Dask cluster",
    )
    dask_ship_secrets: bool = option(
        False,
        "--dask-ship-secrets",
        help="Send passwords and passphrases to the workers, over tls:// only; private keys "
        "are never sent.  [default: no-dask-ship-secrets]",
        group=OptionGroup.SCALE,
    )

    def __post_init__(self) -> None:
        self._check_probe()
        self._check_cluster()

    def _check_probe(self) -> None:
        for name in ("become", "processes", "process_args"):
            if self.probe is Probe.FORCED and getattr(self, name):
                raise UsageError(
                    f"--probe forced and --{name.replace('_', '-')} exclude each other: the key's "
                    "forced command answers the same, whatever is asked"
                )

    def _check_cluster(self) -> None:
        if self.dask is None:
            if self.dask_ship_secrets:
                raise UsageError("--dask-ship-secrets is for --dask ADDRESS")
            return
        if self.dask != "local" and not re.fullmatch(r"(tcp|tls)://.+", self.dask):
            raise UsageError(
                f"--dask {self.dask}: expected local, tcp://HOST:PORT or tls://HOST:PORT, as the "
                "scheduler says when it starts"
            )
        if self.workers != "auto":
            raise UsageError(
                "--dask and --workers exclude each other: the cluster's workers are the processes"
            )
        if self.dask_ship_secrets and self.dask.startswith("tcp://"):
            raise UsageError(
                f"--dask-ship-secrets: secrets go to tls:// addresses only, and not to {self.dask}"
            )

    @property
    def uses_keys_here(self) -> bool:
        """Whether this machine's key files are used, and their passphrases of any use."""
        return self.dask in (None, "local") or self.dask_ship_secrets


@record
class RepeatOptions:
    """How often a scan is repeated over connections that stay open."""

    rounds: int | None = option(
        None,
        "--repeat",
        metavar="N",
        minimum=0,
        help="Read every host N times over connections that stay open, and show what changes; "
        "0: until stopped.",
        group=OptionGroup.REPEAT,
        brief="Read N times; 0: until stopped",
    )
    """None or 0: until it is stopped."""
    interval_s: float = option(
        10.0,
        "--interval",
        metavar="S",
        minimum=0.1,
        show_default=True,
        help="With --repeat: from the start of one round to the start of the next.",
        group=OptionGroup.REPEAT,
        brief="Seconds from round to round",
    )
