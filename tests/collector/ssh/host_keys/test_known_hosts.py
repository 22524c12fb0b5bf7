"""The look-up of host keys agrees with ssh-keygen and ssh on the same files."""

from __future__ import annotations

import base64
import hmac
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.collector.ssh.host_keys.known_hosts import KnownHosts, Verdict, known_hosts_name
from sockfleet.collector.ssh.host_keys.known_hosts_parser import parse_known_hosts


def blob_of(number: int, kind: str = "ssh-ed25519") -> bytes:
    """Return the key blob of this number; it is never used to sign."""
    name = kind.encode()
    return struct.pack(">I", len(name)) + name + struct.pack(">I", 32) + number.to_bytes(32, "big")


def row(names: str, number: int, marker: str = "", kind: str = "ssh-ed25519") -> str:
    key = base64.b64encode(blob_of(number, kind)).decode()
    return f"{marker} {names} {kind} {key}\n".lstrip()


def hashed(name: str, salt: bytes | None = None) -> str:
    salt = salt or os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def known(*rows: str) -> KnownHosts:
    found = KnownHosts()
    lines, notes = parse_known_hosts("".join(rows).encode(), "kh")
    assert notes == ()
    for line in lines:
        found.add(line)
    return found


@pytest.mark.parametrize(
    ("name", "port", "written"),
    [
        ("Web1", 22, "web1"),
        ("web1", 2222, "[web1]:2222"),
        ("2001:db8::1", 22, "2001:db8::1"),
        ("2001:db8::1", 2222, "[2001:db8::1]:2222"),
    ],
)
def test_a_host_is_written_as_openssh_writes_it(name: str, port: int, written: str) -> None:
    assert known_hosts_name(name, port) == written


HASHED = pytest.param(hashed("web1"), id="hashed")


@pytest.mark.parametrize("names", ["web1", "other,WEB1", "web*", "we?1,!web2", HASHED])
def test_every_form_of_a_name_gives_trusted_changed_or_unknown(names: str) -> None:
    files = known(row(names, 1), row("db", 2))
    assert files.check(["web1"], 22, blob_of(1)) is Verdict.TRUSTED
    assert files.check(["WEB1"], 22, blob_of(1)) is Verdict.TRUSTED
    assert files.check(["web1"], 22, blob_of(2)) is Verdict.CHANGED
    assert files.check(["nobody"], 22, blob_of(1)) is Verdict.UNKNOWN
    assert [line.blob for line in files.find_lines(["web1"], 22)] == [blob_of(1)]


def test_each_of_several_keys_of_one_host_is_trusted() -> None:
    files = known(row("web1", 1), row("web*", 2), row(hashed("web1"), 3))
    for number in (1, 2, 3):
        assert files.check(["web1"], 22, blob_of(number)) is Verdict.TRUSTED
    assert files.check(["web1"], 22, blob_of(4)) is Verdict.CHANGED


def test_a_key_known_for_one_of_several_names_is_trusted() -> None:
    files = known(row("web1", 1), row("10.0.0.1", 2))
    assert files.check(["web1", "10.0.0.1"], 22, blob_of(2)) is Verdict.TRUSTED
    assert files.check(["other", "10.0.0.1"], 22, blob_of(1)) is Verdict.CHANGED


def test_a_line_with_the_port_comes_before_a_line_with_the_bare_name() -> None:
    bare = known(row("web1", 1))
    assert bare.check(["web1"], 2222, blob_of(1)) is Verdict.TRUSTED
    assert bare.check(["web1"], 2222, blob_of(2)) is Verdict.UNKNOWN
    both = known(row("web1", 1), row("[web1]:2222", 2))
    assert both.check(["web1"], 2222, blob_of(2)) is Verdict.TRUSTED
    assert both.check(["web1"], 2222, blob_of(1)) is Verdict.CHANGED
    assert both.check(["web1"], 22, blob_of(2)) is Verdict.CHANGED


@pytest.mark.parametrize("names", ["*", "web1", HASHED])
def test_a_revoked_key_is_refused_and_other_keys_stay_trusted(names: str) -> None:
    files = known(row("web1", 1), row("web1", 2), row(names, 1, "@revoked"))
    assert files.check(["web1"], 22, blob_of(1)) is Verdict.REVOKED
    assert files.check(["web1"], 2222, blob_of(1)) is Verdict.REVOKED
    assert files.check(["web1"], 22, blob_of(2)) is Verdict.TRUSTED
    assert files.revoked_keys(["web1"], 22) == (blob_of(1),)


def test_an_authority_is_trusted_for_its_hosts_only_and_not_when_revoked() -> None:
    files = known(row("*.example.org,!bad*", 1, "@cert-authority"))
    assert files.authorities(["a.example.org"], 22) == (blob_of(1),)
    assert files.authorities(["a.example.org"], 2222) == (blob_of(1),)
    assert files.authorities(["bad.example.org"], 22) == ()
    assert files.trusts_authority(["a.example.org"], 22, blob_of(1))
    assert not files.trusts_authority(["a.example.org"], 22, blob_of(2))
    assert files.check(["a.example.org"], 22, blob_of(1)) is Verdict.UNKNOWN
    files = known(row("*", 1, "@cert-authority"), row("*", 1, "@revoked"))
    assert files.authorities(["a.example.org"], 22) == ()
    assert not files.trusts_authority(["a.example.org"], 22, blob_of(1))


def test_key_types_come_in_the_order_of_the_files_and_last_from_the_bare_name() -> None:
    files = known(
        row("web1", 1, kind="ssh-rsa"), row("web*", 2), row("[db]:2222", 3, kind="ssh-rsa")
    )
    assert files.key_types(["web1"], 22) == ("ssh-rsa", "ssh-ed25519")
    assert files.key_types(["web1"], 2222) == ("ssh-rsa", "ssh-ed25519")
    assert files.key_types(["db"], 2222) == ("ssh-rsa",)
    assert files.key_types(["nobody"], 22) == ()


def test_key_types_try_no_hashed_lines_of_a_large_file(mocker) -> None:
    rows = [row(hashed(f"web{n}"), n, kind="ssh-rsa") for n in range(1_100)]
    one_type = known(*rows)
    two_types = known(*rows, row(hashed("db"), 5_000))
    few = known(*rows[:10], row(hashed("web3"), 5_000))
    digest = mocker.spy(hmac, "digest")
    assert one_type.key_types(["web1"], 22) == ("ssh-rsa",)
    assert two_types.key_types(["web1"], 22) == ()
    assert two_types.check(["web1"], 22, blob_of(1, "ssh-rsa")) is Verdict.TRUSTED
    assert digest.call_count == 1
    assert two_types.check(["web1"], 22, blob_of(9_999)) is Verdict.CHANGED
    assert two_types.key_types(["web1"], 22) == ("ssh-rsa",)
    before = digest.call_count
    assert two_types.check(["web1"], 22, blob_of(9_999)) is Verdict.CHANGED
    assert digest.call_count == before
    assert few.key_types(["web3"], 22) == ("ssh-rsa", "ssh-ed25519")


def test_a_hashed_line_added_later_is_found_for_a_name_already_looked_up() -> None:
    files = known(row(hashed("other"), 1))
    assert files.check(["web1"], 22, blob_of(2)) is Verdict.UNKNOWN
    for line in parse_known_hosts(row(hashed("web1"), 3).encode(), "kh")[0]:
        files.add(line)
    assert files.check(["web1"], 22, blob_of(2)) is Verdict.CHANGED


def test_a_pattern_with_many_stars_fails_in_linear_time() -> None:
    files = known(row("*a" * 60 + "b", 1))
    assert files.check(["a" * 200], 22, blob_of(1)) is Verdict.UNKNOWN


def test_load_reads_several_files_and_notes_bad_lines_of_each(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(row("web1", 1) + "spoilt\n")
    (tmp_path / "two").write_text(row("web1", 2))
    files = KnownHosts.load([str(tmp_path / name) for name in ("one", "missing", "two")])
    assert files.check(["web1"], 22, blob_of(1)) is Verdict.TRUSTED
    assert files.check(["web1"], 22, blob_of(2)) is Verdict.TRUSTED
    assert [line.file for line in files.find_lines(["web1"], 22)] == [
        str(tmp_path / "one"),
        str(tmp_path / "two"),
    ]
    assert len(files.notes) == 1
    assert f"{tmp_path / 'one'}:2: cut short" in files.notes[0]


# Against ssh-keygen -F, which prints the number of every line that matches.

NAMES = ["web1", "web2", "db", "a.b", "[web1]:2222", "10.0.0.1", "2001:db8::1", "[::1]:2222", "*"]
words = st.sampled_from([*NAMES, "Web1", "DB", "web*", "*.b", "?b", "w?b*", "*", "[*", "[web1]*"])
noise = st.text(alphabet="web1db.:[]*?-", max_size=6)
pattern = st.tuples(st.sampled_from(["", "", "", "!"]), words | noise).map("".join)
clear = st.lists(pattern, min_size=1, max_size=4).map(",".join).filter(lambda text: text.strip())
names_field = clear | st.builds(hashed, st.sampled_from(NAMES), st.binary(min_size=20, max_size=20))
gap = st.sampled_from([" ", "\t", "  "])


@st.composite
def known_hosts_rows(draw: st.DrawFn) -> list[str]:
    rows = []
    for number in range(draw(st.integers(1, 8))):
        marker = draw(st.sampled_from(["", "", "", "@revoked", "@cert-authority"]))
        words = [draw(names_field)]
        key = base64.b64encode(blob_of(number)).decode()
        words += ["ssh-ed25519", key, *draw(st.sampled_from([[], ["a comment"], ["#"]]))]
        space, end = draw(gap), draw(st.sampled_from(["\n", "\r\n"]))
        # OpenSSH takes a tab after a marker only in a line without blanks; we take it always.
        start = draw(st.sampled_from(["", " ", "\t"])) + (f"{marker} " if marker else "")
        rows.append(start + space.join(words) + end)
        rows.append(draw(st.sampled_from(["", "", "# comment\n", "\n", "@odd x\n", "alone\n"])))
    return rows


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=known_hosts_rows(), name=st.sampled_from(NAMES))
def test_agrees_with_ssh_keygen(tmp_path: Path, rows: list[str], name: str) -> None:
    path = tmp_path / "kh"
    text = "".join(rows)
    path.write_text(text, newline="")
    # No word of a generated name begins with a dash, so none can be taken for an option.
    run = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", str(path)], capture_output=True, text=True, check=False
    )
    theirs = {int(n) for n in re.findall(r"^# Host .* found: line (\d+)", run.stdout, re.MULTILINE)}
    files = KnownHosts.load([str(path)])
    ours = set()
    for line in parse_known_hosts(text.encode(), "kh")[0]:
        at = ([name], 22, line.blob)
        if files.check(*at) in (Verdict.TRUSTED, Verdict.REVOKED) or files.trusts_authority(*at):
            ours.add(line.line)
    assert ours == theirs, text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(NAMES[:-1]), min_size=1, max_size=5, unique=True))
def test_names_that_ssh_keygen_hashed_are_found(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "kh"
    path.write_text("".join(row(name, number) for number, name in enumerate(names)))
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    assert not any(name in path.read_text() for name in names if len(name) > 3)
    files = KnownHosts.load([str(path)])
    for number, name in enumerate(names):
        assert files.check([name], 22, blob_of(number)) is Verdict.TRUSTED
        assert files.check([name], 22, blob_of(99)) is Verdict.CHANGED
