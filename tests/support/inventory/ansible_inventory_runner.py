"""Run ``ansible-inventory`` many times in one process, because it starts slowly.

Reads a JSON list of ``[folder, words]`` on standard input and prints a JSON list of
``[exit code, standard output]``. Each run is a fork, because Ansible has global caches.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from ansible.cli.inventory import InventoryCLI


def run(folder: str, words: list[str]) -> tuple[int, str]:
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
            os.dup2(output.fileno(), 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            code = 1
            try:
                InventoryCLI(["ansible-inventory", *words]).run()
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode()


if __name__ == "__main__":
    json.dump([run(folder, words) for folder, words in json.load(sys.stdin)], sys.stdout)
