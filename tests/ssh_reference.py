"""What the real ssh and the real Ansible make of the same words: the reference for ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["ansible_ssh_words", "effective_options"]

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
    # Some settings of whoever runs the tests would change the words.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    environment |= {"LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": os.devnull}
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
