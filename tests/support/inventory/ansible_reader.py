"""Read many inventories with Ansible itself; tests run this module in a subprocess.

Starting Ansible is slow, so one run answers many questions. It reads a JSON list of questions on
standard input and prints a JSON list of answers:

    {"cwd": "/a/folder", "sources": ["hosts.ini"], "limits": ["web", "!db"], "patterns": ["g[0]"]}
    {"listing": {...}, "limits": {"web": ["web1"]}, "patterns": {...}} or {"error": "..."}

    {"cwd": "/a/folder", "words": ["-i", "hosts.ini", "--graph"]}
    {"exit_code": 0, "output": "what ansible-inventory prints"}

With ``"values": true`` the answer has ``"values": {"web1": {"name": {"value": …}}}``, each variable
with its templates evaluated, or ``{"error": "…"}``.

It calls the functions behind ``ansible-inventory --list`` and ``ansible --list-hosts``. A setting
of Ansible makes sources that cannot be parsed errors.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

os.environ["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "1"
os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"

from ansible import constants
from ansible.cli.inventory import InventoryCLI
from ansible.plugins.loader import init_plugin_loader, inventory_loader
from ansible.template import Templar


def answer(question: dict[str, Any]) -> dict[str, Any]:
    os.chdir(question["cwd"])
    if "words" in question:
        return run_command(question["words"])
    words = [word for source in question["sources"] for word in ("-i", source)]
    command = InventoryCLI(["ansible-inventory", "--list", *words])
    command.parse()
    command.loader, command.inventory, command.vm = command._play_prereqs()
    top = command.inventory.groups["all"]
    values = evaluate_all(command) if question.get("values") else None
    listing = json.loads(command.dump(command.json_inventory(top)))
    return {
        "listing": listing,
        "values": values,
        "limits": {one: limited(command.inventory, one) for one in question.get("limits", [])},
        "patterns": {one: hosts(command.inventory, one) for one in question.get("patterns", [])},
    }


def run_command(words: list[str]) -> dict[str, Any]:
    """Run ``ansible-inventory WORDS`` and return what it prints on standard output."""
    code = 1
    with tempfile.TemporaryFile() as output:
        os.dup2(output.fileno(), 1)
        try:
            InventoryCLI(["ansible-inventory", *words]).run()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Exception as error:  # Ansible itself fails for some inventories
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            os.dup2(2, 1)
        output.seek(0)
        return {"exit_code": code, "output": output.read().decode()}


def load_plugins() -> None:
    """Load what every answer needs once, before the forks: three quarters of the time of one."""
    init_plugin_loader()
    for name in constants.INVENTORY_ENABLED:
        inventory_loader.get(name, class_only=True)


def evaluate_all(command: Any) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for host in command.inventory.get_hosts():
        variables = command.vm.get_vars(host=host)
        templar = Templar(command.loader, variables)
        values[host.name] = {}
        for name in variables.keys() - {"hostvars", "groups"}:
            try:
                value = json.loads(json.dumps(templar.template(variables[name])))
                values[host.name][name] = {"value": value}
            except Exception as error:  # whatever a template raises
                values[host.name][name] = {"error": str(error)}
    return values


def limited(inventory: Any, limit: str) -> list[str] | None:
    try:
        inventory.subset(limit)
        return [host.name for host in inventory.get_hosts("all")]
    except Exception:  # Ansible itself fails for some patterns
        return None
    finally:
        inventory.subset(None)
        inventory.clear_caches()


def hosts(inventory: Any, pattern: str) -> list[str] | None:
    try:
        return [host.name for host in inventory.get_hosts(pattern)]
    except Exception:  # Ansible itself fails for some patterns
        return None


def answer_in_child(question: dict[str, Any]) -> dict[str, Any]:
    """Answer in a fork of its own, because Ansible has global caches."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.dup2(2, 1)  # Ansible's own output must not mix with the answers
        try:
            found = answer(question)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writer, "w") as pipe:
            json.dump(found, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    found: dict[str, Any] = json.loads(text)
    return found


if __name__ == "__main__":
    load_plugins()
    json.dump([answer_in_child(question) for question in json.load(sys.stdin)], sys.stdout)
