"""Failures of this machine are named; any other error stays what it is."""

from __future__ import annotations

import errno

import pytest

from sockfleet.core.local_failure import describe_local_failure


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "no memory left"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "no memory left"),
        (ImportError("libx.so: failed to map segment from shared object"), "no memory left"),
        (RuntimeError("can't start new thread"), "no further thread"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left on device"),
        (OSError("of a library"), "of a library"),
    ],
    ids=repr,
)
def test_a_failure_of_this_machine_has_a_message(error, expected):
    assert expected in (describe_local_failure(error) or "")


@pytest.mark.parametrize("error", [KeyError("x"), ImportError("No module named x"), RuntimeError()])
def test_any_other_error_has_none(error):
    assert describe_local_failure(error) is None


def test_a_deleted_working_folder_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "deleted"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError) as raised:
        (folder / "x").read_text()
    assert "working folder" in (describe_local_failure(raised.value) or "")
