"""``sockfleet report`` on stores and files that are filled with made scans."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sockfleet.aggregator.document_writer import to_document
from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.history.report.scan_files import memory_folder
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from sockfleet.output.machine.schema import load_schema
from tests.support.cli.command_line import run_command
from tests.support.history.made_report import SCANS, fill_store
from tests.support.history.made_scans import BEGIN, host_summary, scan_of
from tests.support.hostile_text import assert_harmless_text

END = BEGIN + timedelta(hours=SCANS)
WINDOW = ("--since", f"{BEGIN:%Y-%m-%dT%H:%MZ}", "--until", f"{END:%Y-%m-%dT%H:%MZ}")
MAIL = ("--mail-to", "ops@example.org", "--mail-from", "sockfleet@example.org")


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    """A store with six days of ten hosts, of which web1 leaks."""
    with memory_folder() as folder, use_store(str(folder / "history.db"), create=True) as store:
        fill_store(store)
        yield str(store.location)


@pytest.fixture
def report(monkeypatch, capsysbinary, filled):
    """Run the command on that store, or on what the words name."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words, store=filled, window=WINDOW):
        named = () if store is None else ("--store", store)
        given = (*named, *window, *map(str, words))
        return run_command("report", *given, monkeypatch=monkeypatch, captured=capsysbinary)

    return call


def read_mail(file: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(file.read_bytes(), policy=email.policy.default)


def test_the_first_sentence_says_who_leaks_and_when_it_hurts(report):
    code, out, err = report()
    assert (code, err) == (0, "")
    first = " ".join(out.split("\n\n")[0].split())
    assert first.startswith("One host leaks sockets. It is at its limit in ")
    assert "web1 gains 5.0 an hour since 3 Nov" in first
    assert "One host could not be read." in first
    *lines, command = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert command.endswith("explain --host web1 --inventory inventory.yml --processes")
    assert "New levels: db1 +200 on 4 Nov" in out
    assert "db2 (tcp_timeout, last read " in out


def test_the_json_conforms_to_its_schema_and_has_every_host(report):
    code, out, _ = report("-f", "json")
    document = json.loads(out)
    Draft202012Validator(load_schema("report")).validate(document)
    assert code == 0
    assert document["verdict"].startswith("One host leaks sockets.")
    assert document["hosts"] == {"total": 10, "ok": 9, "failed": 1}
    (leak,) = document["leaks"]
    assert leak["host"] == "web1"
    assert leak["per_hour_low"] <= 5 <= leak["per_hour_high"]
    assert round(leak["per_hour"], 1) == 5
    assert leak["holders"][0]["command"] == "php"
    assert leak["forecast"]["limit"] == "open files of php (123)"
    assert leak["next"].endswith("explain --host web1 --inventory inventory.yml --processes")
    kinds = {line["host"]: line["kind"] for line in document["host_lines"]}
    assert len(kinds) == 10
    assert kinds["db1"] == "step"
    assert kinds["db2"] == "failed"


def test_a_pattern_selects_hosts_by_the_groups_of_the_store(report):
    _, out, _ = report("-l", "db", "-f", "json")
    assert [line["host"] for line in json.loads(out)["host_lines"]] == ["db1", "db2"]
    code, _, err = report("-l", "nobody")
    assert code == 2
    assert "nobody" in err


@pytest.fixture
def inventory(tmp_path) -> Path:
    """The filled store's hosts in racks, but for db2, beneath two sites."""
    hosts = "\n".join(f"          web{n}: {{rack: r{n % 2}}}" for n in range(1, 9))
    file = tmp_path / "racks.yml"
    file.write_text(
        "all:\n"
        "  children:\n"
        "    eu:\n"
        "      children:\n"
        "        web:\n"
        f"          hosts:\n{hosts.replace('          web', '            web')}\n"
        "          vars: {api_token: secret}\n"
        "    us:\n"
        "      hosts: {db1: {rack: <b>r9</b>}, db2: {}}\n"
    )
    return file


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("rack", {"r0": 4, "r1": 4, "<b>r9</b>": 1, "without rack": 1}),
        ("all", {"eu": 8, "us": 2}),
        ("eu", {"web": 8, "without eu": 2}),
    ],
)
def test_any_group_or_variable_of_the_inventory_divides_the_fleet(
    report, inventory, group_by, expected
):
    words = ("--group-by", group_by, "--inventory", inventory)
    _, out, err = report("-f", "json", *words)
    document = json.loads(out)
    assert err == ""
    assert document["group_by"] == group_by
    assert {group["name"]: group["hosts"] for group in document["groups"]} == expected
    total = sum(group["tcp_close"] or 0 for group in document["groups"])
    assert total == document["tcp_close"]
    _, out, _ = report(*words)
    assert group_by.upper() in out
    assert all(name in out for name in expected)
    assert max(map(len, out.splitlines()[:-1])) <= 80


def test_groups_stand_in_the_page_and_in_markdown(report, inventory, tmp_path):
    page, notes = tmp_path / "week.html", tmp_path / "week.md"
    words = ("--html", page, "--markdown", notes)
    assert report("--group-by", "rack", "--inventory", inventory, *words) == (0, "", "")
    assert "&lt;b&gt;r9&lt;/b&gt;</td>" in page.read_text()
    assert "| &lt;b&gt;r9&lt;/b&gt; | 1 | " in notes.read_text()


def test_secrets_and_unknown_names_divide_nothing(report, inventory):
    for name in ("api_token", "shelf"):
        code, out, err = report("--group-by", name, "--inventory", inventory)
        assert (code, out) == (2, "")
        assert "neither a group nor a variable" in err
        assert "secret" not in err


def test_what_the_last_scan_was_grouped_by_needs_no_inventory(report, tmp_path):
    rows = (("web1", "r1"), ("web2", "r2"), ("web3", None))
    hosts = [
        host_summary(name, 5, variables={} if rack is None else {"rack": rack})
        for name, rack in rows
    ]
    file = tmp_path / "scan.json"
    scan = summarize_fleet(hosts, scan_of(hosts).scan, group_by="rack")
    file.write_text(json.dumps(to_document(scan)))
    given = {"store": None, "window": ()}
    _, out, err = report(file, "--group-by", "rack", "-f", "json", **given)
    assert err == ""
    groups = {group["name"]: group["hosts"] for group in json.loads(out)["groups"]}
    assert groups == {"r1": 1, "r2": 1, "without rack": 1}
    # Not by another name: the racks are no sites.
    code, _, err = report(file, "--group-by", "site", **given)
    assert code == 2
    assert "the last scan was not grouped by it" in err


def test_changes_count_from_another_time_or_scan(report, tmp_path):
    hours = timedelta(hours=SCANS - 25)
    day_before = f"{BEGIN + hours:%Y-%m-%dT%H:%MZ}"
    _, out, _ = report("-f", "json", "--against", day_before)
    document = json.loads(out)
    assert document["against"].startswith(f"{BEGIN + hours:%Y-%m-%dT%H}")
    web1 = next(line for line in document["host_lines"] if line["host"] == "web1")
    assert web1["change"] == web1["day_change"] == 120
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(to_document(scan_of([host_summary("web1", 1)]))))
    _, out, _ = report("-f", "json", "--against", file)
    web1 = next(line for line in json.loads(out)["host_lines"] if line["host"] == "web1")
    assert web1["change"] == web1["tcp_close"] - 1
    _, out, _ = report("-f", "json", "--against", "last-1")
    assert json.loads(out)["tcp_close_change"] < 10


def test_scans_in_files_need_no_store(report, tmp_path):
    files = []
    for hour in range(4):
        scan = scan_of([host_summary("web1", 5 + 20 * hour)], BEGIN + timedelta(hours=hour))
        files.append(tmp_path / f"scan-{hour}.json")
        files[-1].write_text(json.dumps(to_document(scan)))
    code, out, err = report(*files, store=None, window=())
    assert (code, err) == (0, "")
    assert out.startswith("Too early to tell who leaks: four days of scans show it.")
    assert "web1" in out
    assert "+60" in out
    page = tmp_path / "early.html"
    assert report(*files, "--html", page, store=None, window=())[0] == 0
    assert "Nothing to do" not in page.read_text()


def test_files_are_written_and_nothing_is_printed(report, tmp_path):
    page, notes = tmp_path / "week.html", tmp_path / "week.md"
    assert report("--html", page, "--markdown", notes) == (0, "", "")
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o600
    assert notes.read_text().startswith("## One host leaks sockets.")
    code, _, err = report("--html", tmp_path / "none" / "week.html")
    assert code == 2
    assert "there is no folder" in err


def test_a_mail_has_text_a_table_and_the_page(report, tmp_path):
    file = tmp_path / "mail.eml"
    assert report("--mail", file, *MAIL)[0] == 0
    message = read_mail(file)
    assert message["To"] == "ops@example.org"
    assert message["Subject"].startswith("[sockfleet] One host leaks sockets (")
    text, table, page = (part for part in message.walk() if not part.is_multipart())
    assert text.get_content().startswith("One host leaks sockets.")
    assert max(map(len, text.get_content().splitlines()[:-1])) < 80
    assert "<table" in table.get_content()
    assert "<svg" not in table.get_content()
    assert page.get_filename().endswith(".html")
    assert page.get_content().startswith("<!doctype html>")
    assert max(map(len, file.read_bytes().split(b"\r\n"))) <= 998


def test_what_a_mail_named_is_known_to_the_next_one(report, tmp_path):
    words = ("--mail", tmp_path / "mail.eml", *MAIL, "--title", "monday")
    assert report(*words, "--only-if", "changed")[0] == 0
    first = (tmp_path / "mail.eml").read_bytes()
    assert b"1 new" in first
    assert report(*words, "--only-if", "changed") == (0, "", "")
    assert (tmp_path / "mail.eml").read_bytes() == first
    assert report(*words, "--only-if", "leak")[0] == 0
    assert "0 new, 1 known since " in read_mail(tmp_path / "mail.eml")["Subject"]
    # Another report has its own readers.
    _, out, _ = report("-f", "json", "--title", "tuesday")
    assert json.loads(out)["new_leaks"] == 1


def test_a_quiet_fleet_is_not_mailed_and_the_page_is_calm(report, tmp_path):
    page, mail = tmp_path / "week.html", tmp_path / "mail.eml"
    words = (
        "--html",
        page,
        "--mail",
        mail,
        *MAIL,
        "--only-if",
        "leak,failed,changed",
        "-l",
        "web2",
    )
    assert report(*words) == (0, "", "")
    assert not mail.exists()
    assert "<em>Nothing leaks</em>: 1 host as before." in page.read_text()


def test_a_store_without_scans_of_the_time_says_so(report):
    code, out, err = report(window=("--since", "2020-01-01", "--until", "2020-01-02"))
    assert (code, out) == (2, "")
    assert "sockfleet scan --save saves one" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only-if", "lead"), "--only-if: 'lead' is none of leak, failed, changed"),
        (("--send",), "a mail needs --mail-to and --mail-from"),
        (("--send", "--smtp", "smtp://u:secret@h", *MAIL), "a password does not belong here"),
        (("--send", "--smtp", "gopher://h", *MAIL), "expected smtp://"),
        (("--send", "--smtp", "smtp://u@h", *MAIL), "--smtp-password-file"),
        (("--mail", "x.eml", "--mail-to", "a\nBcc: b@c", "--mail-from", "d@e"), "--mail-to"),
        (("--group-by", "rack"), "the last scan was not grouped by it"),
        (("--since", "3/4/26"), "slashes"),
    ],
)
def test_a_wrong_option_is_a_usage_error(report, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = report(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert "secret" not in err


@pytest.mark.parametrize("title", ["a\x1b[31mb\n", "\u202ea\x9b", "\udcff"])
def test_a_hostile_title_is_harmless_in_every_output(report, tmp_path, title):
    page, mail = tmp_path / "week.html", tmp_path / "mail.eml"
    words = ("--title", title, "--html", page, "--mail", mail, *MAIL)
    code, out, err = report("-f", "json", *words)
    assert (code, err) == (0, "")
    Draft202012Validator(load_schema("report")).validate(json.loads(out))
    assert_harmless_text(out)
    assert_harmless_text(json.loads(out)["title"])
    assert "\x1b" not in page.read_text()
    assert_harmless_text(read_mail(mail)["Subject"])


def test_shards_of_one_scan_are_one_fleet(report, tmp_path):
    from sockfleet.aggregator.shards import Shards

    with use_store(str(tmp_path / "shards.db"), create=True) as store:
        for part, host in enumerate(("web1", "web2"), 1):
            shards = Shards(of=2, parts=(part,))
            save_scan(store, scan_of([host_summary(host, 5)], BEGIN, shards=shards))
    _, out, _ = report("-f", "json", store=tmp_path / "shards.db")
    assert json.loads(out)["hosts"] == {"total": 2, "ok": 2, "failed": 0}
