"""``-o`` and ``--mode``: path, format and mode of an output, and values that are refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.cli.runs.delivery import Delivery
from sockfleet.cli.runs.output_files import OutputFile, parse_mode, parse_output
from sockfleet.core.errors import UsageError
from sockfleet.output.formats import Format, RenderOptions, load_format
from tests.support.cli.command_line import run_command
from tests.support.fleet.sample_fleet import reading, scan, summaries

SUMMARY = summarize_fleet(summaries(reading("web1")), scan())


@pytest.mark.parametrize(
    ("text", "mode"), [(None, None), ("600", 0o600), ("0644", 0o644), ("000", 0)]
)
def test_a_mode_is_read_as_octal(text, mode):
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", ["", "6", "0o644", "844", "u+r", "1777", "04755", "00644", "٦٤٤"])
def test_an_invalid_mode_is_refused(text):
    with pytest.raises(UsageError, match="expected rights in octal"):
        parse_mode(text)


def test_the_format_decides_the_mode_of_a_new_file_and_the_option_overrides(tmp_path, mocker):
    public = Format(name="public", suffixes=(".pub",), render=lambda *_: b"x\n", mode=0o644)
    mocker.patch(
        "sockfleet.cli.runs.delivery.parse_output",
        lambda text: OutputFile(path=Path(text), format=public),
    )

    def mode_of_output(name: str, mode: str | None) -> int:
        path = tmp_path / name
        delivery = Delivery([str(path)], None, RenderOptions(), mode=mode, quiet=False)
        assert delivery.deliver(SUMMARY)
        return stat.S_IMODE(path.stat().st_mode)

    assert mode_of_output("new", None) == 0o644
    assert mode_of_output("other", "0640") == 0o640
    assert mode_of_output("new", "0600") == 0o600


def test_a_result_that_no_file_takes_is_printed(tmp_path, capsysbinary):
    delivery = Delivery(["json:/dev/full", "csv:/dev/full"], None, RenderOptions(), quiet=False)
    assert not delivery.deliver(SUMMARY)
    out, err = (text.decode() for text in capsysbinary.readouterr())
    assert out.startswith("HOST ")
    assert err.count("No space left on device") == 2
    kept = Delivery(
        ["json:/dev/full", f"csv:{tmp_path}/scan.csv"], None, RenderOptions(), quiet=False
    )
    assert not kept.deliver(SUMMARY)
    assert capsysbinary.readouterr().out == b"", "the other file has it"


def test_merge_applies_the_mode(tmp_path, monkeypatch, capsysbinary):
    part = tmp_path / "part.json"
    part.write_bytes(load_format("json").render(SUMMARY, RenderOptions()))
    for words, mode in (([], 0o600), (["--mode", "640"], 0o640), ([], 0o640)):
        run_command(
            "merge",
            *(part, "-o", tmp_path / "all.json", *words),
            monkeypatch=monkeypatch,
            captured=capsysbinary,
        )
        assert stat.S_IMODE((tmp_path / "all.json").stat().st_mode) == mode
    code, _, err = run_command(
        "merge", part, "--mode", "rw", monkeypatch=monkeypatch, captured=capsysbinary
    )
    assert (code, err) == (
        2,
        "sockfleet: error: --mode rw: expected rights in octal, such as 0640\n",
    )


def test_a_prefix_overrides_the_suffix_if_it_names_a_format(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_output("csv:a.json").format.name == "csv"
    assert parse_output("a:b.json").path == Path("a:b.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.doc", "no format has the suffix '.doc'"),
        ("json:.", ". is a folder; name a file in it"),
        ("missing/a.json", "there is no folder"),
        ("json:", "is a folder"),
    ],
)
def test_an_impossible_output_is_refused(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        parse_output(text)
    assert expected in str(caught.value)


def test_another_users_link_in_a_sticky_folder_is_refused(tmp_path, mocker):
    """Refuse what fs.protected_symlinks does: links of neither this user nor the folder's owner."""
    folder = tmp_path / "everybody"
    folder.mkdir()
    folder.chmod(0o1777)
    (tmp_path / "target.json").write_text("precious")
    link = folder / "out.json"
    link.symlink_to(tmp_path / "target.json")
    parse_output(str(link))  # this user's own link
    mocker.patch.object(Path, "lstat", lambda self: _change_owner(os.lstat(self)))
    with pytest.raises(UsageError, match="another user's link"):
        parse_output(str(link))
    folder.chmod(0o700)
    parse_output(str(link))


def _change_owner(status: os.stat_result) -> os.stat_result:
    fields = list(status)
    fields[4] += 4711
    return os.stat_result(fields)


def test_a_failing_format_loses_only_its_own_output(tmp_path, mocker, capsysbinary):
    def fail(*_: object) -> bytes:
        raise ZeroDivisionError("of a plugin\x1b[31m")

    broken = Format(name="broken", suffixes=(".broken",), render=fail)
    formats = {"broken": broken, "json": load_format("json")}
    mocker.patch(
        "sockfleet.cli.runs.delivery.parse_output",
        lambda text: OutputFile(path=tmp_path / text, format=formats[text]),
    )
    delivery = Delivery(["broken", "json"], None, RenderOptions(), quiet=False)
    assert not delivery.deliver(SUMMARY)
    assert not (tmp_path / "broken").exists()
    assert json.loads((tmp_path / "json").read_bytes())["fleet"]["hosts"]["ok"] == 1
    stderr = capsysbinary.readouterr().err.decode()
    assert stderr == (
        "sockfleet: error: the format broken failed: of a plugin\\x1b[31m; -vv shows where\n"
    )
