"""A copy of /etc with accounts of its own, for the mount namespace of a test.

The namespace mounts the whole folder. A mount on /etc/passwd alone disappears as soon as useradd
renames its new file to /etc/passwd outside of the namespace (``man 2 rename`` since Linux 3.18).
"""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["copy_etc"]

# What useradd and its relatives write for a moment.
_PASSING = shutil.ignore_patterns("*.lock", "*+", "*-", "passwd.*", "group.*", "*shadow.*")


def copy_etc(folder: Path, user: str, *, uid: int, home: Path | str = "/") -> None:
    """Copy /etc to a new folder and add an account, and a group if it is not root's."""
    shutil.copytree("/etc", folder, symlinks=True, ignore=_PASSING)
    with (folder / "passwd").open("a") as passwd:
        passwd.write(f"{user}:x:{uid}:{uid}::{home}:/bin/sh\n")
    if uid:
        with (folder / "group").open("a") as group:
            group.write(f"{user}:x:{uid}:\n")
