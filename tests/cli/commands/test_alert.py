"""``sockfleet alert``: what it prints, sends and exits with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from sockfleet.alerting.rules.load import shipped_rules
from sockfleet.cli.main import cli
from sockfleet.core.errors import SockfleetError
from sockfleet.history.store.opening import use_store
from sockfleet.history.store.save import save_scan
from tests.support.history.made_scans import host_summary, scan_of

NOW = datetime.now(UTC)
RULES = """\
version: 1
sinks:
  file: {{type: command, command: [sh, -c, "cat >> {out}"]}}
rules:
  - name: many
    clear-after: 1 scan
    when: [{{measure: tcp_close, warning: "~:100", critical: "~:1000"}}]
    summary: "{{host}}: {{tcp_close:,}} closed"
"""


class Cron:
    """A folder with rules and a store that scans are saved in."""

    def __init__(self, folder):
        self.rules = folder / "rules.yml"
        self.out = folder / "out.json"
        self.store = folder / "h.db"
        self.rules.write_text(RULES.format(out=self.out))

    def save(self, minutes, **hosts):
        made = [host_summary(name, value) for name, value in hosts.items()]
        with use_store(str(self.store), create=True) as store:
            save_scan(store, scan_of(made, NOW + timedelta(minutes=minutes)))

    def alert(self, *words):
        words = words or (str(self.rules),)
        result = CliRunner().invoke(cli, ["alert", *map(str, words), "--store", str(self.store)])
        if isinstance(result.exception, SockfleetError):  # which `main` reports
            error = result.exception
            return SimpleNamespace(exit_code=error.exit_code, stderr=str(error), output="")
        return result

    @property
    def sent(self):
        if not self.out.exists():
            return []
        decoder, text, found = json.JSONDecoder(), self.out.read_text(), []
        while text:
            value, end = decoder.raw_decode(text)
            found += [(one["event"], one["subject"]["name"]) for one in value["alerts"]]
            text = text[end:].lstrip()
        return found


@pytest.fixture
def cron(tmp_path):
    return Cron(tmp_path)


def test_from_scan_to_sink_and_back(cron):
    cron.save(-3, a=500, b=5)
    result = cron.alert()
    assert result.exit_code == 0, result.output
    assert "fires       many: a: 500 closed -> file" in result.output
    assert "1 new scan: 1 alert fires; 1 message sent." in result.output
    cron.save(-2, a=None, b=5)
    assert "0 messages sent" in cron.alert().output
    cron.save(-1, a=5, b=5)
    assert "resolved    many: a: 5 closed -> file" in cron.alert().output
    assert cron.sent == [("firing", "a"), ("resolved", "a")]


def test_a_dry_run_sends_nothing(cron):
    cron.save(-1, a=500)
    result = cron.alert(cron.rules, "--dry-run")
    assert "1 alert would be sent; nothing was." in result.output
    assert cron.sent == []
    assert "1 message sent" in cron.alert().output


def test_a_replay_says_how_many_messages_would_have_been_sent(cron):
    for minutes, value in ((-4, 5), (-3, 500), (-2, 5), (-1, 500)):
        cron.save(minutes, a=value)
    result = cron.alert(cron.rules, "--since", "7d", "--dry-run")
    assert result.exit_code == 0
    assert "would have sent 3 messages. 1 alert fires at the end." in result.output
    assert cron.sent == []


def test_since_without_a_dry_run_is_refused(cron):
    cron.save(-1, a=5)
    result = cron.alert(cron.rules, "--since", "7d")
    assert result.exit_code == 2


def test_check_finds_every_fault_and_reads_no_store(cron):
    cron.rules.write_text("version: 1\nrules:\n  - {name: a, when: [{measure: orphans}], x: 1}\n")
    result = cron.alert("--check", cron.rules)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(f"error: {cron.rules}:3: " in line for line in lines)
    assert not cron.store.exists()


def test_check_runs_the_examples_of_the_rules(cron):
    text = RULES.format(out="/dev/null")
    cron.rules.write_text(text + "    example: {tcp_close: [5, 500], fires-at: 1}\n")
    result = cron.alert("--check", cron.rules)
    assert result.exit_code == 2
    assert "rule many: example: it fires at scan 2, and must fire at scan 1" in result.stderr
    cron.rules.write_text(text + "    example: {tcp_close: [5, 500], fires-at: 2}\n")
    result = cron.alert("--check", cron.rules)
    assert result.output == f"{cron.rules}: 1 rule, 1 sink, 1 example: no fault\n"


def test_the_rules_that_are_printed_are_those_that_ship(cron):
    result = cron.alert("--print-rules")
    assert result.stdout_bytes == shipped_rules()
    cron.rules.write_bytes(result.stdout_bytes)
    assert cron.alert("--check", cron.rules).exit_code == 0
    cron.save(-1, a=5)
    assert cron.alert().exit_code == 0


def test_a_sink_that_is_not_reached_gives_5_and_the_next_run_sends(cron):
    cron.rules.write_text(RULES.format(out=cron.out).replace("cat >> ", "exit 1; cat >> "))
    cron.save(-1, a=500)
    result = cron.alert()
    assert result.exit_code == 5
    assert "error: sink file: " in result.stderr
    assert "what waits is sent by the next run" in result.stderr


def test_exit_code_makes_findings_a_code(cron):
    for minutes, value, code in ((-3, 5, 0), (-2, 500, 11), (-1, 5000, 12)):
        cron.save(minutes, a=value)
        assert cron.alert(cron.rules, "--exit-code").exit_code == code


def test_without_a_store_it_says_how_to_make_one(cron):
    result = cron.alert()
    assert result.exit_code == 1
    assert "sockfleet scan --save makes it" in result.stderr


def test_a_list_shows_what_fires_and_an_acknowledgement_ends_repeats(cron):
    cron.save(-3, a=500)
    assert "No alert fires" in cron.alert("list").output
    cron.alert()
    table = cron.alert("list").output
    assert "firing" in table
    assert "many: a: 500 closed" in table
    assert cron.alert("ack", "many", "a", "--reason", "known").exit_code == 0
    assert "acknowledged: many a: known" in cron.alert("list").output
    assert cron.alert("ack", "many", "b").exit_code == 2
    found = json.loads(cron.alert("list", "-f", "json").output)
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["state"], alert["acknowledged"]) == ("many", "firing", "known")
    assert cron.alert("ack", alert["key"]).exit_code == 0


def test_a_silence_has_an_end_and_a_reason_and_keeps_alerts_back(cron):
    cron.save(-3, a=500)
    assert "needs --for" in cron.alert("silence", "a", "--reason", "x").stderr
    assert "needs --reason" in cron.alert("silence", "a", "--for", "2h").stderr
    result = cron.alert("silence", "a", "--for", "2h", "--reason", "upgrade")
    assert result.output.startswith("Silence 1: a until ")
    result = cron.alert()
    assert "many a: silenced: upgrade (silence 1, until" in result.output
    assert cron.sent == []
    assert "silence 1: a until" in cron.alert("list").output
    assert cron.alert("silence", "--end", "1").exit_code == 0
    assert cron.alert("silence", "--end", "1").exit_code == 2
    cron.save(-2, a=500)
    cron.alert()
    assert cron.sent == [("firing", "a")]


def test_a_silence_that_matches_no_host_says_so_when_it_is_made_and_in_the_list_alone(cron):
    cron.save(-3, web1=500)
    made = cron.alert("silence", "wbe1", "--for", "2h", "--reason", "upgrade")
    warning = "no host or group matches 'wbe1'; did you mean web1? (1 host in the store)"
    assert made.stdout.startswith("Silence 1: wbe1 until ")
    assert f"warning: {warning}" in made.stderr
    assert "warning" not in cron.alert().stderr
    assert cron.sent == [("firing", "web1")]
    assert f"silence 1: {warning}" in " ".join(cron.alert("list").output.split())
    (silence,) = json.loads(cron.alert("list", "-f", "json").output)["silences"]
    assert warning in silence["unmatched"]


@pytest.mark.parametrize("pattern", ["~web(", "@hosts.txt", "web:!"])
def test_what_is_no_pattern_makes_no_silence(cron, pattern):
    cron.save(-3, a=5)
    assert cron.alert("silence", pattern, "--for", "2h", "--reason", "x").exit_code == 2
    assert json.loads(cron.alert("list", "-f", "json").output)["silences"] == []


def test_a_storm_is_some_lines_of_each_rule_the_most_severe_first_and_a_count(cron):
    hosts = {f"h{number:02}": 500 + 20 * number for number in range(32)}
    cron.save(-3, **hosts)
    lines = cron.alert(cron.rules, "--dry-run").stdout.splitlines()
    assert len(lines) == 22
    assert "h31: 1,120 closed -> file" in lines[0]
    assert lines[20] == "+ 12 more of many; sockfleet alert list"
    assert cron.alert("silence", "all", "--for", "2h", "--reason", "x").exit_code == 0
    lines = cron.alert().output.splitlines()
    assert lines[-2] == "+ 12 more held back; sockfleet alert list"
    assert len(json.loads(cron.alert("list", "-f", "json").output)["alerts"]) == 32


def test_a_window_that_recurs_is_checked_when_it_is_made(cron):
    cron.save(-3, a=5)
    words = ("silence", "all", "--for", "90d", "--reason", "backup", "--every")
    good = cron.alert(*words, "Sat,Sun 02:00-04:00", "--zone", "Europe/Berlin")
    assert "Sat,Sun 02:00-04:00 Europe/Berlin" in good.output
    for window, zone in (("Sat", "UTC"), ("Sot 02:00-04:00", "UTC"), ("02:00-04:00", "Berlin")):
        assert cron.alert(*words, window, "--zone", zone).exit_code == 2


def test_quiet_prints_nothing_while_all_goes_well(cron):
    cron.save(-1, a=500)
    result = cron.alert(cron.rules, "-q")
    assert (result.exit_code, result.output) == (0, "")
    assert cron.sent == [("firing", "a")]


def test_the_first_word_may_be_the_file_or_a_command(cron):
    cron.save(-1, a=5)
    assert cron.alert("run", cron.rules).exit_code == 0
    assert CliRunner().invoke(cli, ["alert", "--help"]).exit_code == 0
    assert CliRunner().invoke(cli, ["alert"]).exit_code in (0, 2)
    assert "RULES.yml is missing" in cron.alert("-q").stderr


def test_no_name_of_a_host_steers_the_terminal(cron):
    cron.save(-1, **{"a\x1b[31m": 500})
    assert "\x1b" not in cron.alert().output
    assert "\x1b" not in cron.alert("list").output


def test_rules_may_come_from_standard_input(cron):
    cron.save(-1, a=500)
    result = CliRunner().invoke(
        cli, ["alert", "-", "--store", str(cron.store)], input=cron.rules.read_text()
    )
    assert result.exit_code == 0
    assert cron.sent == [("firing", "a")]


def test_control_characters_of_a_reason_reach_no_terminal(cron):
    cron.save(0, a=500)
    cron.alert()
    cron.alert("ack", "many", "a", "--reason", "x\x1b[31m\ny")
    words = ("silence", "a", "--for", "2h", "--reason", "up\x1b[31m\ngrade")
    assert cron.alert(*words).exit_code == 0
    assert "up\\x1b[31m\\ngrade" in cron.alert("list").output
    cron.save(1, a=5000)
    assert "many a: silenced: up\\x1b[31m\\ngrade (silence 1" in cron.alert().output
    assert "\x1b" not in cron.alert("list").output


def test_the_list_says_that_one_alert_waits(cron):
    cron.rules.write_text(RULES.format(out=cron.out).replace("cat >> ", "false; exit 1 "))
    cron.save(0, a=500)
    assert cron.alert().exit_code == 5
    assert "1 alert waits for file of" in cron.alert("list").output


def test_a_heartbeat_that_is_not_reached_says_so_and_nothing_waits_for_it(cron):
    alive = "alive: {type: heartbeat, url: 'http://127.0.0.1:9/'}"
    cron.rules.write_text(cron.rules.read_text().replace("sinks:\n", f"sinks:\n  {alive}\n"))
    cron.save(0, a=500)
    result = cron.alert()
    assert result.exit_code == 5
    assert "error: heartbeat alive: 127.0.0.1:9: Connection refused\n" in result.stderr
    assert cron.sent == [("firing", "a")]
