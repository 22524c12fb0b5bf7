"""The build backend: setuptools, with archives that are the same bytes at every build.

setuptools writes the time of the build, the builder's user and the modes of the checkout into an
sdist, and the modes into a wheel (https://reproducible-builds.org/docs/archives/). Here every file
has the time of SOURCE_DATE_EPOCH, or 1980 without it, and the mode 0644, or 0755 for a program.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_FIRST_TIME = 315532800
"""1980-01-01: a ZIP archive has no earlier time."""


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the wheel; return its name."""
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    _normalize_wheel(Path(wheel_directory, name))
    return name


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Build the sdist; return its name."""
    name: str = build_meta.build_sdist(sdist_directory, config_settings)
    _normalize_sdist(Path(sdist_directory, name))
    return name


def _epoch() -> int:
    return max(int(os.environ.get("SOURCE_DATE_EPOCH", _FIRST_TIME)), _FIRST_TIME)


def _mode(given: int) -> int:
    return 0o755 if given & 0o100 else 0o644


def _normalize_wheel(path: Path) -> None:
    with zipfile.ZipFile(path) as wheel:
        files = [(info, wheel.read(info)) for info in wheel.infolist()]
    when = time.gmtime(_epoch())[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        # RECORD is the last file, as the wheel specification recommends.
        for info, data in sorted(files, key=lambda each: (_is_record(each[0]), each[0].filename)):
            entry = zipfile.ZipInfo(info.filename, when)
            entry.external_attr = (0o100000 | _mode(info.external_attr >> 16)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)


def _is_record(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith(".dist-info/RECORD")


def _normalize_sdist(path: Path) -> None:
    with tarfile.open(path) as sdist:
        members = [
            (member, sdist.extractfile(member) if member.isfile() else None) for member in sdist
        ]
        files = [(member, None if file is None else file.read()) for member, file in members]
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as sdist:
        for member, data in sorted(files, key=lambda each: each[0].name):
            entry = tarfile.TarInfo(member.name)
            entry.type, entry.linkname, entry.size = member.type, member.linkname, member.size
            entry.mode = 0o755 if member.isdir() else _mode(member.mode)
            entry.mtime = _epoch()
            sdist.addfile(entry, None if data is None else BytesIO(data))
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=_epoch()) as compressed:
        compressed.write(archive.getvalue())
