"""known_hosts lines: usable ones are parsed, the others become notes, no bytes raise."""

from __future__ import annotations

import base64
import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.collector.ssh.host_keys.known_hosts_parser import (
    NOTES_PER_FILE,
    NOTHING_READ,
    Marker,
    parse_known_hosts,
    read_known_hosts,
)
from sockfleet.core.errors import UsageError
from tests.support.ssh.sshd import ssh_keygen


def ed25519_blob(seed: int = 0) -> bytes:
    kind = b"ssh-ed25519"
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + seed.to_bytes(32, "big")


KEY = base64.b64encode(ed25519_blob()).decode()


def test_every_form_of_a_line_is_parsed() -> None:
    text = (
        "# a comment\n"
        "\n"
        f"Web1,[web1]:2222 ssh-ed25519 {KEY} a comment of it\r\n"
        f"\t @cert-authority *.Example.org,!bad.example.org\tssh-ed25519\t{KEY}\n"
        f"@revoked * ssh-ed25519 {KEY}\n"
        f"|1|{'A' * 27}=|{'B' * 27}= ssh-ed25519 {KEY}\n"
        f"last ssh-ed25519 {KEY}"
    )
    lines, notes = parse_known_hosts(text.encode(), "kh")
    assert notes == ()
    assert [(line.line, line.marker, line.patterns) for line in lines] == [
        (3, Marker.HOST_KEY, (b"web1", b"[web1]:2222")),
        (4, Marker.AUTHORITY, (b"*.example.org", b"!bad.example.org")),
        (5, Marker.REVOKED, (b"*",)),
        (6, Marker.HOST_KEY, ()),
        (7, Marker.HOST_KEY, (b"last",)),
    ]
    assert {line.key_type for line in lines} == {"ssh-ed25519"}
    assert {line.blob for line in lines} == {ed25519_blob()}
    hashed = lines[3].hashed
    assert hashed is not None
    assert [len(part) for part in hashed] == [20, 20]


@pytest.mark.parametrize("marker", ["", "@revoked ", "@cert-authority "])
def test_a_line_with_the_name_of_an_rsa_signature_holds_an_rsa_key(
    marker: str, tmp_path: Path
) -> None:
    rsa = ssh_keygen(tmp_path / "key", key_type="rsa")
    key = Path(f"{rsa}.pub").read_text().split()[1]
    file = tmp_path / "known_hosts"
    kinds = ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", "rsa", "RSA-SHA2-512", "rsa-sha2-384"]
    kinds += ["rsa-sha2-512-cert-v01@openssh.com"]
    for kind in kinds:
        file.write_text(f"{marker}web1 {kind} {key}\n")
        theirs = subprocess.run(
            ["ssh-keygen", "-l", "-F", "web1", "-f", str(file)],
            capture_output=True,
            check=False,
        )
        lines, _ = parse_known_hosts(file.read_bytes(), str(file))
        assert [line.key_type for line in lines] == ["ssh-rsa"] * (b"SHA256" in theirs.stdout), kind
    file.write_text(f"web1 rsa-sha2-512 {KEY}\n")
    assert parse_known_hosts(file.read_bytes(), str(file))[0] == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("web1", "cut short: names, key type and key are expected"),
        (f"web1 {KEY}", "cut short"),
        ("web1 1024 35 123456789", "unknown key type '1024'"),
        (f"web1 ssh-newer {KEY}", "unknown key type 'ssh-newer'"),
        ("web1 ssh-ed25519 ????", "the ssh-ed25519 key is not base64"),
        (f"web1 ssh-rsa {KEY}", "says ssh-rsa, but"),
        ("web1 ssh-ed25519 AAAA", "says ssh-ed25519, but"),
        (f"@trusted web1 ssh-ed25519 {KEY}", "unknown marker '@trusted'"),
        (f"@revoked @cert-authority web1 ssh-ed25519 {KEY}", "one marker"),
        ("@revoked", "one marker and then names"),
        (f"|1|short|hash ssh-ed25519 {KEY}", "is not a hashed name"),
        (f"|2|{'A' * 27}=|{'B' * 27}= ssh-ed25519 {KEY}", "is not a hashed name"),
        (f"{'x' * 1023} ssh-ed25519 {KEY}", "more than 1022 bytes"),
        ("\x1b[2Jweb1 \x1b[31m AAAA", r"'\x1b[31m'"),
        (f"wéb1 ssh-\xff {KEY}", "unknown key type"),
    ],
)
def test_a_bad_line_becomes_a_note_and_the_next_line_is_parsed(row: str, reason: str) -> None:
    data = f"{row}\nweb2 ssh-ed25519 {KEY}\n".encode()
    lines, notes = parse_known_hosts(data, "kh")
    assert [line.patterns for line in lines] == [(b"web2",)]
    assert len(notes) == 1
    assert notes[0].startswith("kh:1: ")
    assert notes[0].endswith("; the line is ignored")
    assert reason in notes[0]
    assert notes[0].isprintable()


def test_a_file_full_of_garbage_gives_few_notes() -> None:
    lines, notes = parse_known_hosts(b"garbage\n" * 10_000, "kh")
    assert not lines
    assert len(notes) == NOTES_PER_FILE + 1
    assert notes[-1] == f"kh: {10_000 - NOTES_PER_FILE} more lines are ignored"


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    lines, notes = parse_known_hosts(data, "kh")
    assert len(lines) + len(notes) <= data.count(b"\n") + 1
    assert all(note.isprintable() for note in notes)


@pytest.mark.parametrize("name", ["missing", "a_file/below", "/dev/null", "/dev/zero"])
def test_a_missing_file_and_a_device_are_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "a_file").touch()
    assert read_known_hosts(str(tmp_path / name)) == (b"", NOTHING_READ)


def test_a_folder_and_a_loop_raise_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path, tmp_path / "loop"):
        with pytest.raises(UsageError, match=r"known_hosts file .*make it readable") as caught:
            read_known_hosts(str(path))
        assert str(path) in str(caught.value)


def test_permission_denied_raises_a_usage_error(tmp_path: Path, mocker) -> None:
    (tmp_path / "kh").touch()
    mocker.patch("os.open", side_effect=PermissionError(13, "Permission denied"))
    with pytest.raises(UsageError, match="Permission denied"):
        read_known_hosts(str(tmp_path / "kh"))


def test_a_home_relative_name_is_found() -> None:
    folder = Path(os.environ["HOME"]) / ".ssh"
    folder.mkdir()
    (folder / "known_hosts").write_bytes(b"abc")
    assert read_known_hosts("~/.ssh/known_hosts")[0] == b"abc"


def test_only_added_bytes_are_read_unless_the_file_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kh"
    path.write_bytes(b"one\n")
    data, first = read_known_hosts(str(path))
    assert (data, first.lines) == (b"one\n", 1)
    with path.open("ab") as stream:
        stream.write(b"two\n")
    data, second = read_known_hosts(str(path), first)
    assert (data, second.lines) == (b"two\n", 2)
    other = tmp_path / "other"
    other.write_bytes(b"a\nb\nc\nd\ne\n")
    other.replace(path)
    assert read_known_hosts(str(path), second)[0] == b"a\nb\nc\nd\ne\n"
    path.write_bytes(b"x\n")
    assert read_known_hosts(str(path), second)[0] == b"x\n"


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "known_hosts")
    with pytest.raises(UsageError, match="it is a FIFO"):
        read_known_hosts(str(tmp_path / "known_hosts"))
