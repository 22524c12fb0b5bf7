"""What the real ssh and the real Ansible make of the same words: the reference for ours."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sockfleet.inventory.models import HostKeyPolicy
from sockfleet.inventory.ssh_options.login import Login

__all__ = ["ansible_ssh_words", "as_ssh_shows", "effective_options", "list_missed"]

_RECORDER = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
"""


def effective_options(words: Sequence[str]) -> dict[str, list[str]]:
    """Keyword in lower case and its values, as ``ssh -G`` settles them; raises ValueError."""
    done = subprocess.run(
        ["ssh", "-G", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    options: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        options.setdefault(keyword, []).append(value)
    return options


def as_ssh_shows(found: Login) -> dict[str, list[str]]:
    """Our settings in the words of ``ssh -G``, where they are set at all."""
    return {keyword: values for keyword, values in _show_all(found).items() if any(values)}


def list_missed(found: Login, theirs: Mapping[str, list[str]]) -> set[str]:
    """The keywords that ssh takes from its options, and ours leaves unset."""
    defaults = _default_options()
    unset = [keyword for keyword, values in _show_all(found).items() if not any(values)]
    return {
        keyword
        for keyword in unset
        if theirs.get(keyword, ["none"]) not in (defaults.get(keyword), ["none"])
    }


@cache
def _default_options() -> dict[str, list[str]]:
    return effective_options(["-F", "none", "web1"])


def _show_all(found: Login) -> dict[str, list[str]]:
    ssh = found.ssh
    policy = {HostKeyPolicy.STRICT: "true", HostKeyPolicy.ACCEPT_NEW: "accept-new"}
    return {
        "hostname": [found.address],
        "port": [str(found.port)],
        "user": [ssh.user or getpass.getuser()],
        "addressfamily": [
            {0: "any", socket.AF_INET: "inet", socket.AF_INET6: "inet6"}[ssh.address_family]
        ],
        "gssapiauthentication": ["yes" if ssh.gssapi else "no"],
        "identitiesonly": ["yes" if ssh.identities_only else "no"],
        "identityfile": list(ssh.identity_files or ()),
        "certificatefile": list(ssh.certificate_files),
        "hostkeyalias": [ssh.host_key_alias or ""],
        "bindaddress": [ssh.bind_address or ""],
        "kexalgorithms": [",".join(ssh.kex_algorithms)],
        "ciphers": [",".join(ssh.ciphers)],
        "macs": [",".join(ssh.macs)],
        "hostkeyalgorithms": [",".join(ssh.host_key_algorithms)],
        "pubkeyacceptedalgorithms": [",".join(ssh.public_key_algorithms)],
        "casignaturealgorithms": [",".join(ssh.authority_algorithms)],
        "requiredrsasize": [str(ssh.least_rsa_bits or "")],
        "connecttimeout": [f"{ssh.connect_timeout_s:.0f}" if ssh.connect_timeout_s else ""],
        "stricthostkeychecking": [policy[ssh.host_keys] if ssh.host_keys else ""],
        "proxycommand": [ssh.proxy_command or ""],
    }


def ansible_ssh_words(
    hosts: Mapping[str, Mapping[str, Any]], folder: Path, *options: str
) -> dict[str, list[str]]:
    """The command line that Ansible's ssh connection builds for each host, without the command.

    Runs ``ansible`` once with a recorder in the place of ssh. A host is known by its variable
    ``SetEnv``, an option that Ansible passes on and nothing else here uses.
    """
    log = folder / "words"
    recorder = folder / "recorder"
    recorder.write_text(_RECORDER.format(python=sys.executable, log=str(log)))
    recorder.chmod(0o700)
    marked = {
        name: {
            **variables,
            "ansible_ssh_executable": str(recorder),
            "ansible_ssh_extra_args": (
                f"{variables.get('ansible_ssh_extra_args') or ''} -o SetEnv=MARK={name}"
            ),
        }
        for name, variables in hosts.items()
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": marked}}))
    settings = folder / "ansible.cfg"
    settings.write_text("[defaults]\n")
    # Some settings of whoever runs the tests would change the words.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    environment |= {"LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(settings)}
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible")), "all", "-i", str(inventory)),
            *("-m", "raw", "-a", "true", *options),
        ],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=120,
    )
    found: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        words = json.loads(line)
        mark = next((word for word in words if word.startswith("SetEnv=MARK=")), None)
        if mark is not None:
            found[mark.removeprefix("SetEnv=MARK=")] = words[:-1]
    return found
