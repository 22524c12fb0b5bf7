"""A real Nagios in the foreground, in its own folders, that reports each check result."""

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

DEBIAN_OBJECTS = Path("/etc/nagios4/objects")
_TEMPLATE = (
    "$SERVICEDESC$\\t$SERVICESTATETYPE$ $SERVICESTATE$\\t$SERVICEOUTPUT$\\t$SERVICEPERFDATA$"
)


class Nagios:
    """Nagios with Debian's object files and those in ``objects``; a minute lasts a second.

    ``folder`` must have a short path, because Nagios listens on a socket in it. Each result is
    written to a FIFO, on which a test waits.
    """

    def __init__(self, folder: Path, objects: list[Path], resources: list[str]) -> None:
        self._folder = folder
        self.results = CheckResults(
            folder / "results", log=lambda: (folder / "nagios.log").read_text()
        )
        """States are ``HARD OK``, ``SOFT CRITICAL`` and so on: soft while Nagios retries."""
        (folder / "spool").mkdir()
        (folder / "resource.cfg").write_text("".join(f"{line}\n" for line in resources))
        files = [DEBIAN_OBJECTS / f"{name}.cfg" for name in ("commands", "contacts", "timeperiods")]
        files += [DEBIAN_OBJECTS / "templates.cfg", *objects]
        self._main = folder / "nagios.cfg"
        self._main.write_text(
            "".join(f"cfg_file={file}\n" for file in files)
            + f"""\
log_file={folder}/nagios.log
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
resource_file={folder}/resource.cfg
status_file={folder}/status.dat
state_retention_file={folder}/retention.dat
retain_state_information=0
lock_file={folder}/nagios.pid
temp_file={folder}/nagios.tmp
temp_path={folder}
check_result_path={folder}/spool
command_file={folder}/nagios.cmd
query_socket={folder}/nagios.qh
log_archive_path={folder}
nagios_user={getpass.getuser()}
nagios_group={grp.getgrgid(os.getgid()).gr_name}
illegal_macro_output_chars=`~$&|'"<>
use_syslog=0
check_for_updates=0
enable_notifications=0
enable_flap_detection=0
interval_length=1
service_check_timeout=60
service_inter_check_delay_method=n
service_interleave_factor=1
process_performance_data=1
service_perfdata_file={self.results.path}
service_perfdata_file_mode=p
service_perfdata_file_template={_TEMPLATE}
"""
        )

    def warnings(self) -> list[str]:
        """Return the warnings of ``nagios -v``; raise CalledProcessError if it finds errors."""
        command = [_program(), "-v", str(self._main)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if line.startswith("Warning:")]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the daemon until the end of the block, which also closes the results."""
        with (
            closing(self.results),
            logged_daemon([_program(), str(self._main)], self._folder / "stdout"),
        ):
            yield


def _program() -> str:
    found = shutil.which("nagios4", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "Debian's nagios4-core is not installed"
    return found
