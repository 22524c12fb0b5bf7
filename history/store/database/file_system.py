"""Whether a folder is on a network file system, where SQLite's WAL mode cannot work."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["is_network_file_system"]

_MOUNTS = Path("/proc/self/mountinfo")
# Types of file systems that several machines may share (mount(8) and their own manuals).
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "9p", "lustre", "gfs2", "ocfs2"),
        *("glusterfs", "beegfs", "gpfs", "orangefs", "pvfs2", "coda", "ncpfs", "vboxsf"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph", "fuse.juicefs", "fuse.moosefs"),
        *("fuse.rclone", "fuse.davfs2", "fuse.gcsfuse", "prl_fs", "virtiofs"),
    }
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def is_network_file_system(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the folder, or its nearest parent that exists, is on a network file system.

    ``mounts`` is a table as in proc_pid_mountinfo(5). False where it cannot be read.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        real = folder.resolve()
    except OSError:
        return False
    longest, kind = -1, ""
    for line in lines:
        mount, _, source = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) < 5 or not source:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of two mounts at one place the later one covers the earlier one.
        if len(point.parts) >= longest and (point == real or point in real.parents):
            longest, kind = len(point.parts), source.split(" ")[0]
    return kind in _NETWORK
