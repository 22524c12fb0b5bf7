"""Accounts of this machine with a login shell of choice, made for one test module and removed.

Only root can make them. For other users the same shells run behind a forced command, which gives
them the same words, though not as the login shell.
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
    """Where a shell is; it is installed, or the test fails."""
    found = shutil.which(shell)
    assert found is not None, f"{shell} is missing: apt-get install {shell}"
    return found


@contextmanager
def login_user(name: str, shell: str, home: Path, *, password: str | None = None) -> Iterator[str]:
    """An account ``name`` of its own for this process; yields what it is called."""
    user = f"{name}{os.getpid()}"[:31]
    home.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-create-home", "--home-dir", str(home), "--shell", shell]
    # "*" is no password, but no lock either: sshd without PAM refuses a locked account.
    secret = "*" if password is None else _crypted(password)
    subprocess.run(["useradd", *arguments, "--password", secret, user], check=True)
    try:
        entry = pwd.getpwnam(user)
        for path in (home, *home.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        yield user
    finally:
        subprocess.run(["userdel", user], check=True, capture_output=True)


def _crypted(password: str) -> str:
    made = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        capture_output=True,
        check=True,
        text=True,
    )
    return made.stdout.strip()
