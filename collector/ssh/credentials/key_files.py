"""Read private key files and certificates from disk, as strictly as ssh does."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from .private_keys import KeyFileError, public_key_blob, read_key_file
from .public_key import blob_key_type

__all__ = ["is_certificate_for", "read_certificate", "read_private_key", "read_public_key"]

_LARGEST_FILE = 1024 * 1024


def read_private_key(path: str) -> bytes:
    """Return the content of a private key file.

    Raises KeyFileError when it cannot be read, is no private key, or belongs to us and is readable
    by others, which ssh refuses too (sshkey_perm_ok() in its authfile.c).
    """
    data, status = _read(path)
    read_key_file(data)
    if status.st_uid == os.geteuid() and status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise KeyFileError(
            f"can be read by others (mode {mode:04o}): chmod 600 {shlex.quote(path)}"
        )
    return data


def read_public_key(path: str) -> tuple[bytes | None, bool]:
    """Return the public key of the key file ``path``, and whether the file is locked.

    The public key is None when the file does not show it. A public key file counts as locked: only
    an agent can sign for it. Never raises.
    """
    try:
        data, _ = _read(path)
        public = public_key_blob(data)
        if public is not None:
            return public, True
        locked = read_key_file(data)
        if locked.public is None:
            return public_key_blob(_read(f"{path}.pub")[0]), locked.encrypted
    except KeyFileError:
        return None, False
    return locked.public, locked.encrypted


def read_certificate(path: str) -> bytes:
    """Return the one line of an OpenSSH certificate file. Raises KeyFileError if it is none."""
    data, _ = _read(path)
    blob = public_key_blob(data)
    if blob is None or not (blob_key_type(blob) or "").endswith("-cert-v01@openssh.com"):
        raise KeyFileError("is not an OpenSSH certificate")
    return data.strip()


def is_certificate_for(certificate: bytes, public: bytes) -> bool:
    """Whether a certificate certifies the public key.

    After its type and a nonce a certificate holds the fields of the key in the order of the key's
    own blob (PROTOCOL.certkeys in OpenSSH's sources).
    """
    blob = public_key_blob(certificate) or b""
    return _skip_string(_skip_string(blob)).startswith(_skip_string(public))


def _skip_string(data: bytes) -> bytes:
    return data[4 + int.from_bytes(data[:4], "big") :]


def _read(path: str) -> tuple[bytes, os.stat_result]:
    try:
        with Path(path).expanduser().open("rb") as stream:
            status = os.fstat(stream.fileno())
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"cannot be read: {os.strerror(error.errno or 0)}") from error
    if len(data) > _LARGEST_FILE:
        raise KeyFileError("is not a key: it is larger than 1 MiB")
    return data, status
