"""SFTP of a lean fleet: version 3 (draft-ietf-secsh-filexfer-02), only to read /proc files."""

from __future__ import annotations

import struct

from ..fleet.plain_packets import encode_string
from .host import LeanHost
from .wire import Fields, MalformedError

__all__ = ["LeanSftp"]

_INIT, _VERSION, _OPEN, _CLOSE, _READ = 1, 2, 3, 4, 5
_LSTAT, _FSTAT, _REALPATH, _STAT = 7, 8, 16, 17
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
_OK, _EOF, _NO_SUCH_FILE, _PERMISSION_DENIED, _FAILURE, _UNSUPPORTED = 0, 1, 2, 3, 4, 8
_FXF_READ = 1
_SIZE_AND_PERMISSIONS = 0x05
_PROC_ATTRS = struct.pack(">IQI", _SIZE_AND_PERMISSIONS, 0, 0o100444)
_MOST_READ = 256 * 1024
_MOST_REQUEST = 256 * 1024
_WORDS = {
    _OK: b"",
    _EOF: b"end of file",
    _NO_SUCH_FILE: b"no such file",
    _PERMISSION_DENIED: b"only to read",
    _FAILURE: b"not an open file",
    _UNSUPPORTED: b"not known here",
}


class LeanSftp:
    """One SFTP session.

    As with /proc, a read at offset 0 returns the present content, and sizes are 0.
    """

    __slots__ = ("_handles", "_host", "_rest")

    def __init__(self, host: LeanHost) -> None:
        self._host = host
        self._handles: dict[bytes, str] = {}
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return the answers to all complete requests, in order."""
        if self._rest:
            data = self._rest + data
        at, end, answers = 0, len(data), []
        while end - at >= 4:
            length = int.from_bytes(data[at : at + 4], "big")
            if not 0 < length <= _MOST_REQUEST:
                raise MalformedError(f"an SFTP request of {length} bytes")
            if end - at - 4 < length:
                break
            answers.append(encode_string(self._answer(data[at + 4 : at + 4 + length])))
            at += 4 + length
        self._rest = data[at:]
        return b"".join(answers)

    def _answer(self, request: bytes) -> bytes:
        kind = request[0]
        fields = Fields(request)
        fields.uint32()
        number = request[1:5]
        if kind == _READ:
            return self._read(number, fields)
        if kind == _INIT:
            return struct.pack(">BI", _VERSION, 3)
        if kind == _OPEN:
            return self._open(number, fields)
        if kind == _CLOSE:
            known = self._handles.pop(fields.string(), None)
            return _make_status(number, _FAILURE if known is None else _OK)
        if kind == _FSTAT:
            known = self._handles.get(fields.string())
            return _make_status(number, _FAILURE) if known is None else _make_attrs(number)
        if kind in {_STAT, _LSTAT}:
            path = fields.string().decode("utf-8", "replace")
            return (
                _make_attrs(number)
                if path in self._host.files
                else _make_status(number, _NO_SUCH_FILE)
            )
        if kind == _REALPATH:
            path_text = encode_string(fields.string())
            names = struct.pack(">I", 1) + path_text + path_text + bytes(4)
            return bytes([_NAME]) + number + names
        return _make_status(number, _UNSUPPORTED)

    def _open(self, number: bytes, fields: Fields) -> bytes:
        path, flags = fields.string().decode("utf-8", "replace"), fields.uint32()
        if flags != _FXF_READ:
            return _make_status(number, _PERMISSION_DENIED)
        if path not in self._host.files:
            return _make_status(number, _NO_SUCH_FILE)
        handle = struct.pack(">I", len(self._handles))
        while handle in self._handles:
            handle = struct.pack(">I", int.from_bytes(handle, "big") + 1)
        self._handles[handle] = path
        return bytes([_HANDLE]) + number + encode_string(handle)

    def _read(self, number: bytes, fields: Fields) -> bytes:
        path = self._handles.get(fields.string())
        offset, size = fields.uint64(), fields.uint32()
        if path is None:
            return _make_status(number, _FAILURE)
        part = self._host.files[path][offset : offset + min(size, _MOST_READ)]
        if not part:
            return _make_status(number, _EOF)
        return bytes([_DATA]) + number + encode_string(part)


def _make_status(number: bytes, code: int) -> bytes:
    words = encode_string(_WORDS[code]) + encode_string(b"en")
    return bytes([_STATUS]) + number + struct.pack(">I", code) + words


def _make_attrs(number: bytes) -> bytes:
    return bytes([_ATTRS]) + number + _PROC_ATTRS
