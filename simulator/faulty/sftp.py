"""SFTP on a simulated host: its /proc files to read, and nothing else to reach."""

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
    """Serves ``files`` from memory; no path of this machine is ever looked at.

    A kept handle gives the present text at offset 0 again, as /proc does; sizes are 0, as there.
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
        """Refuse what the methods below do not answer themselves.

        Every method of the base class that takes a path asks here for the real one.
        """
        raise asyncssh.SFTPPermissionDenied(f"{path!r}: Permission denied")

    def open(self, path: bytes, pflags: int, _attrs: asyncssh.SFTPAttrs) -> object:
        """Open one of the files for reading."""
        if pflags != asyncssh.FXF_READ:
            raise asyncssh.SFTPPermissionDenied("only to read")
        return _OpenFile(self._known(path))

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Bytes of an open file, after the host's delay."""
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        return self._files[_opened(file_obj).path][offset : offset + size]

    def write(self, _file_obj: object, _offset: int, _data: bytes) -> int:
        """Refused: /proc is there to be read."""
        raise asyncssh.SFTPPermissionDenied("only to read")

    def close(self, file_obj: object) -> None:
        """Nothing is held."""

    def fstat(self, _file_obj: object) -> asyncssh.SFTPAttrs:
        """A read-only file of size 0, as the kernel says of its own."""
        return _proc_attrs()

    def fsetstat(self, _file_obj: object, _attrs: asyncssh.SFTPAttrs) -> None:
        """Refused."""
        raise asyncssh.SFTPPermissionDenied("only to read")

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Attributes of one of the files."""
        self._known(path)
        return _proc_attrs()

    lstat = stat

    def realpath(self, path: bytes) -> bytes:
        """Paths are taken as they are: there is no folder to be in."""
        return path

    def readlink(self, path: bytes) -> bytes:
        """There are no links."""
        raise asyncssh.SFTPNoSuchFile(repr(path))

    def _known(self, path: bytes) -> str:
        text = path.decode("utf-8", "replace")
        if text not in self._files:
            raise asyncssh.SFTPNoSuchFile(f"{text}: No such file or directory")
        return text


def _opened(file_obj: object) -> _OpenFile:
    if not isinstance(file_obj, _OpenFile):
        raise asyncssh.SFTPFailure("not an open file")
    return file_obj


def _proc_attrs() -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(permissions=stat.S_IFREG | 0o444, size=0, uid=0, gid=0)
