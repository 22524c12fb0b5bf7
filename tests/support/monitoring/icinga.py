"""A real Icinga 2 in the foreground, in its own folders, that reports each change of state."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.monitoring.check_results import CheckResults
from tests.support.monitoring.running_daemons import logged_daemon

_MAIN = """
const SockfleetProgram = "{program}"
include <itl>
include "{objects}"
object CheckerComponent "checker" {{ }}
object NotificationComponent "notification" {{ }}
object FileLogger "log" {{ path = "{folder}/icinga.log" }}
object User "test" {{ }}
object NotificationCommand "write-result" {{
  command = [ "{folder}/write-result" ]
  env = {{ SERVICE = "$service.name$", STATE = "$service.state$", TEXT = "$service.output$" }}
}}
apply Notification "write-result" to Service {{
  command = "write-result"
  users = [ "test" ]
  interval = 0
  assign where true
}}
"""
_WRITE_RESULT = """#!/bin/sh
newline="
"
printf '%s\\t%s\\t%s\\n' "$SERVICE" "$STATE" "${{TEXT%%$newline*}}" >> {fifo}
"""


class Icinga:
    """``objects`` is a file of services for ``program``."""

    def __init__(self, folder: Path, objects: Path, program: Path) -> None:
        self._folder = folder
        log = folder / "icinga.log"
        self.results = CheckResults(folder / "results", log=log.read_text)
        self._main = folder / "main.conf"
        self._main.write_text(_MAIN.format(program=program, objects=objects, folder=folder))
        write_result = folder / "write-result"
        write_result.write_text(_WRITE_RESULT.format(fifo=self.results.path))
        write_result.chmod(0o755)
        self._defines = []
        for name in ("DataDir", "CacheDir", "LogDir", "SpoolDir", "InitRunDir"):
            (folder / name).mkdir()
            self._defines += ["-D", f"{name}={folder / name}"]
        self._defines += ["-D", f"PidPath={folder}/pid"]

    def _command(self, *options: str) -> list[str]:
        program_path = shutil.which("icinga2", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program_path, "Debian's icinga2-bin is not installed"
        return [program_path, "daemon", "-c", str(self._main), *self._defines, *options]

    def _environment(self) -> dict[str, str]:
        group = grp.getgrgid(os.getgid()).gr_name
        return os.environ | {"ICINGA2_USER": getpass.getuser(), "ICINGA2_GROUP": group}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the daemon until the end of the block, which also closes the results."""
        with (
            closing(self.results),
            logged_daemon(
                self._command(), self._folder / "stdout", environment=self._environment()
            ),
        ):
            yield

    def warnings(self) -> list[str]:
        """Return the warnings of ``daemon -C``; raise CalledProcessError if it finds errors."""
        done = subprocess.run(
            self._command("-C"), env=self._environment(), capture_output=True, text=True, check=True
        )
        return [line for line in done.stdout.splitlines() if "warning/" in line]
