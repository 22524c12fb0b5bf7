"""Temporary accounts of this machine with a chosen login shell.

Only root can make them. Other users run the same shells by a forced command, which passes them the
same words, but not as a login shell.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["can_make_users", "login_user", "shell_path"]


def can_make_users() -> bool:
    """Whether this process may add accounts."""
    return os.geteuid() == 0


def shell_path(shell: str) -> str:
    """Return the path of a shell; fail if it is not installed."""
    found = shutil.which(shell)
    assert found is not None, f"{shell} is missing: apt-get install {shell}"
    return found


@contextmanager
def login_user(name: str, shell: str, home: Path, *, password: str | None = None) -> Iterator[str]:
    """Make an account for the time of the block; yield its name, which begins with ``name``."""
    user = f"{name}{os.getpid()}"[:31]
    home.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-create-home", "--home-dir", str(home), "--shell", shell]
    # "*" matches no password without locking the account, which sshd without PAM would refuse.
    password_hash = "*" if password is None else _hash_password(password)
    subprocess.run(["useradd", *arguments, "--password", password_hash, user], check=True)
    try:
        entry = pwd.getpwnam(user)
        for path in (home, *home.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        yield user
    finally:
        subprocess.run(["userdel", user], check=True, capture_output=True)


def _hash_password(password: str) -> str:
    result = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        capture_output=True,
        check=True,
        text=True,
    )
    return result.stdout.strip()
