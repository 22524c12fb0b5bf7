"""``sockfleet merge``: one document from several files, its exit codes, and what is refused."""

import json
import stat
from functools import partial

import pytest

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.output.formats import RenderOptions, load_format
from tests.support.cli.command_line import run_command
from tests.support.fleet.sample_fleet import failure, reading, scan, summaries


@pytest.fixture
def merge(monkeypatch, capsysbinary):
    """Run ``sockfleet merge`` as the console script does: exit code, stdout, stderr."""

    return partial(run_command, "merge", monkeypatch=monkeypatch, captured=capsysbinary)


def document(*outcomes):
    summary = summarize_fleet(summaries(*outcomes), scan())
    return load_format("json").render(summary, RenderOptions())


@pytest.fixture
def write_part(tmp_path):
    """Return a function that writes a scan of these outcomes and returns its path."""

    def write(name, *outcomes):
        path = tmp_path / name
        path.write_bytes(document(*outcomes))
        return path

    return write


def test_parts_are_merged_into_a_table(merge, write_part):
    code, out, err = merge(
        write_part("a.json", reading("web1")), write_part("b.json", reading("web2"))
    )
    assert (code, err) == (0, "")
    assert "2 of 2 hosts read" in out


def test_a_host_in_two_parts_counts_once_with_a_warning(merge, write_part):
    code, out, err = merge(
        write_part("a.json", reading("web1"), failure("db1")),
        write_part("b.json", reading("db1")),
        "--format",
        "json",
    )
    merged = json.loads(out)
    assert code == 0
    assert {host["name"]: host["rank"] for host in merged["hosts"]} == {"db1": 1, "web1": 2}
    assert merged["fleet"]["totals"]["tcp_close"] == 200
    assert err == f"sockfleet: warning: {merged['fleet']['warnings'][0]}\n"
    assert "db1" in err


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [([reading("a")], 0), ([reading("a"), failure("b")], 3), ([failure("b")], 4), ([], 0)],
)
def test_the_exit_code_depends_on_the_hosts(merge, write_part, outcomes, code):
    assert merge(write_part("a.json", *outcomes))[0] == code


def test_standard_input_may_be_a_part(merge, write_part):
    code, out, _ = merge(
        "-", write_part("b.json", reading("b")), "-fcsv", stdin=document(reading("a"))
    )
    assert code == 0
    assert [line.split(",")[:2] for line in out.splitlines()[1:]] == [["1", "a"], ["2", "b"]]


def test_output_files_leave_stdout_empty(merge, write_part, tmp_path):
    parts = [write_part("a.json", reading("a"))]
    code, out, err = merge(*parts, "-o", tmp_path / "all.json", "-o", f"csv:{tmp_path}/all")
    assert (code, out, err) == (0, "", "")
    assert json.loads((tmp_path / "all.json").read_bytes())["fleet"]["hosts"]["ok"] == 1
    assert (tmp_path / "all").read_text().startswith("rank,name,")
    assert stat.S_IMODE((tmp_path / "all").stat().st_mode) == 0o600


def test_a_full_disk_is_exit_5(merge, write_part):
    code, _, err = merge(write_part("a.json", reading("a")), "-o", "json:/dev/full")
    assert code == 5
    assert "cannot write /dev/full: No space left on device" in err


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "bad.json: not a scan of sockfleet: not JSON"),
        (b"{}", "bad.json: not a scan of sockfleet: the document: object missing required field"),
        (b'{"schema": "sockfleet/scan/v1", "scan": 3}', "scan: expected object, got whole number"),
        (b"\x00" * 100, "bad.json: not a scan of sockfleet: not JSON"),
    ],
)
def test_a_file_that_is_no_scan_is_named(merge, write_part, tmp_path, data, expected):
    (tmp_path / "bad.json").write_bytes(data)
    code, out, err = merge(write_part("a.json", reading("a")), tmp_path / "bad.json")
    assert (code, out) == (2, "")
    assert expected in err


def test_a_missing_file_is_a_usage_error(merge, tmp_path):
    code, _, err = merge(tmp_path / "missing.json")
    assert code == 2
    assert err.endswith("missing.json: No such file or directory\n")


def test_an_unknown_format_is_refused_before_any_file_is_read(merge, tmp_path):
    code, _, err = merge(tmp_path / "missing.json", "-f", "yaml")
    assert code == 2
    assert "no format 'yaml'" in err


def test_the_merged_scan_is_compared_with_an_earlier_one(merge, write_part, tmp_path):
    earlier = json.loads(write_part("earlier.json", reading("web1"), reading("web2")).read_bytes())
    earlier["scan"]["started_at"] = "2026-11-22T06:00:00.000Z"
    (tmp_path / "earlier.json").write_text(json.dumps(earlier))
    parts = write_part("a.json", reading("web1")), write_part("b.json", reading("web2"))
    code, out, err = merge(*parts, "--against", tmp_path / "earlier.json", "-f", "json")
    assert (code, err) == (0, "")
    change = json.loads(out)["fleet"]["change"]
    assert (change["compared"], change["tcp_close"]) == (2, 0)
    assert change["against"]["elapsed_s"] == 3600.0
    code, out, err = merge(*parts, "--against", tmp_path / "none.json", "-f", "json")
    assert (code, json.loads(out)["fleet"].get("change")) == (0, None)
    assert "no such file yet" in err
