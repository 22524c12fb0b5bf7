"""Write the store that today's sockfleet makes as SQL, when its layout gets a new version.

Usage: PYTHONPATH=bench python -m tests.history.store.layouts.make. The files of older versions stay
as they are: test_layouts.py opens each of them.
"""

from __future__ import annotations

import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

from sockfleet.history.store import layout
from sockfleet.history.store.maintenance.retention import maintain
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import BEGIN, host_summary, namespaces_of, scan_of
from tests.support.history.postgresql import find_programs, run_postgres

FOLDER = Path(__file__).parent


def fill(url: str) -> None:
    """Save three scans of two hosts, one of which fails once, and roll up their hour."""
    with use_store(url, create=True) as store:
        for number, failing in ((1, None), (2, 20), (3, 30)):
            within = namespaces_of({"nginx.service": number})
            hosts = [
                host_summary("db1", failing),
                host_summary("web1", number, namespaces=within),
            ]
            at = BEGIN + timedelta(minutes=20 * number)
            save_scan(store, scan_of(hosts, at, uid=f"{number:032x}"), details=number == 3)
        maintain(store, BEGIN + timedelta(days=2), most_s=None)


def main() -> None:
    """Write both files of today's version."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        fill(str(folder / "history.db"))
        # .dump leaves out what the head of the file says of it.
        application = "PRAGMA application_id = 1936679787;\n"
        dump = subprocess.run(
            ["sqlite3", folder / "history.db", ".dump"], capture_output=True, check=True, text=True
        ).stdout
        (FOLDER / f"v{layout.VERSION}.sqlite.sql").write_text(application + dump)
        with run_postgres(folder / "p") as server:
            url = server.make_database()
            fill(url)
            words = ["--no-owner", "--no-acl", "--inserts", f"--dbname={url}"]
            dump = subprocess.run(
                [find_programs() / "pg_dump", *words], capture_output=True, check=True, text=True
            ).stdout
            lines = [line for line in dump.splitlines() if not line.startswith("\\")]
            (FOLDER / f"v{layout.VERSION}.postgresql.sql").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
