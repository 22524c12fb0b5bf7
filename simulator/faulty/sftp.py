"""SFTP on a simulated host, with read access to its /proc files only."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass

import asyncssh

__all__ = ["ProcFileServer"]


@dataclass(frozen=True, slots=True)
class _OpenFile:
    path: str


class ProcFileServer(asyncssh.SFTPServer):
    """Serves ``files`` from memory and never opens a path of this machine.

    As with /proc, a read at offset 0 of an open handle returns the present text, and sizes are 0.
    """

    def __init__(
        self,
        chan: asyncssh.SSHServerChannel[bytes],
        files: Mapping[str, bytes],
        delay_s: float,
    ) -> None:
        super().__init__(chan)
        self._files = files
        self._delay_s = delay_s

    def map_path(self, path: bytes) -> bytes:
        """Refuse every path that the methods below do not handle.

        Every method of the base class that takes a path calls this for the real one.
        """
        raise asyncssh.SFTPPermissionDenied(f"{path!r}: Permission denied")

    def open(self, path: bytes, pflags: int, _attrs: asyncssh.SFTPAttrs) -> object:
        """Open one of the files for reading."""
        if pflags != asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("only to read")
        return _OpenFile(self._check_path(path))

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Read from an open file, after the host's delay."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        return self._files[_check_open(file_obj).path][offset : offset + size]

    def write(self, _file_obj: object, _offset: int, _data: bytes) -> int:
        """Refuse: the files are read-only."""
        raise asyncssh.SFTPPermissionDenied("only to read")

    def close(self, file_obj: object) -> None:
        """Do nothing: an open file holds no resource."""

    def fstat(self, _file_obj: object) -> asyncssh.SFTPAttrs:
        """Attributes of a read-only file of size 0, as of the kernel's files."""
        return _proc_attrs()

    def fsetstat(self, _file_obj: object, _attrs: asyncssh.SFTPAttrs) -> None:
        """Refuse: the files are read-only."""
        raise asyncssh.SFTPPermissionDenied("only to read")

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Attributes of one of the files."""
        self._check_path(path)
        return _proc_attrs()

    lstat = stat

    def realpath(self, path: bytes) -> bytes:
        """Return the path unchanged: there is no current folder."""
        return path

    def readlink(self, path: bytes) -> bytes:
        """Raise SFTPNoSuchFile: there are no links."""
        raise asyncssh.SFTPNoSuchFile(repr(path))

    def _check_path(self, path: bytes) -> str:
        text = path.decode("utf-8", "replace")
        if text not in self._files:
            raise asyncssh.SFTPNoSuchFile(f"{text}: No such file or directory")
        return text


def _check_open(file_obj: object) -> _OpenFile:
    if not isinstance(file_obj, _OpenFile):
        raise asyncssh.SFTPFailure("not an open file")
    return file_obj


def _proc_attrs() -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(permissions=stat.S_IFREG | 0o444, size=0, uid=0, gid=0)
