"""Files that root makes in the folder of another user, such as a service's, and that user opens."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["open_for_folder_owner"]


def open_for_folder_owner(path: Path) -> int:
    """Open a file to read and write; return the descriptor, which no child process inherits.

    A new file has mode 0600. One that root makes belongs to the owner of its folder: else a run by
    hand would leave a file there that the folder's own user cannot open. Raises OSError.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        with suppress(OSError):
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor
