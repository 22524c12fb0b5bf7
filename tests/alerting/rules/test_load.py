"""A rules file: all faults at once, each with its line, and what a good one means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfleet.alerting.examples import find_example_faults
from sockfleet.alerting.levels.range import Range
from sockfleet.alerting.rules.document import RulesError
from sockfleet.alerting.rules.keys import KEYS_OF
from sockfleet.alerting.rules.load import load_rules, parse_rules, shipped_rules
from sockfleet.alerting.rules.model import Each, Span
from sockfleet.core.errors import UsageError

NINE_FAULTS = """\
version: 1
sinks:
  mail: {type: command, command: [cat]}
rules:
  - name: grow
    eech: host
    when:
      - {measure: growth.tcp_clos, warning: "~:100"}
      - {measure: tcp_close, warning: "100:10"}
      - {measure: orphan}
    hold: three scans
    summary: "{hots}: {tcp_close:+,}"
  - name: small
    each: fleet
    when: [{measure: read, over: 6h, warning: "5:"}]
    labels: {severity: bad, 5x: y}
"""


def faults(text):
    with pytest.raises(RulesError) as caught:
        parse_rules(text.encode(), "rules.yml")
    return list(caught.value.lines)


def rule(text):
    found = parse_rules(f"version: 1\nrules:\n  - {text}\n".encode(), "rules.yml")
    return found.rules[0]


def test_nine_faults_give_nine_lines_each_with_its_line():
    lines = faults(NINE_FAULTS)
    numbers = [line.split(":")[1] for line in lines]
    assert numbers == ["6", "8", "9", "10", "11", "12", "15", "16", "16"]
    text = "\n".join(lines)
    for words in (
        "no key 'eech'; did you mean each?",
        "did you mean growth.tcp_close?",
        "its start is above its end",
        "orphan has no range",
        "expected 3 scans, or a time such as 15m",
        "no placeholder {hots}; did you mean host?",
        "read is of one scan",
        "sockfleet sets the label severity itself",
        "'5x': a label has letters",
    ):
        assert words in text, words


def test_names_that_the_file_does_not_have_and_names_that_it_has_twice_are_faults():
    when = 'when: [{measure: orphan, warning: "1"}]'
    lines = faults(
        "version: 1\nsinks: {mail: {}}\nrules:\n"
        f"  - {{name: a, {when}, notify: [mial]}}\n"
        f"  - {{name: a, {when}, inhibits: [b, cannot-judge]}}\n"
    )
    assert lines == [
        "rules.yml:4: rule a: notify: no sink 'mial'; did you mean mail?",
        "rules.yml:5: a second rule is named 'a'; the first is in line 4",
        "rules.yml:5: rule a: inhibits: no rule 'b'; there are a, cannot-judge",
    ]


def test_a_rule_that_notifies_a_heartbeat_is_a_fault():
    """A heartbeat receives no alerts: the rule would notify nothing."""
    text = (
        "version: 1\nsinks:\n  alive: {type: heartbeat, url: http://127.0.0.1/}\nrules:\n"
        "  - {name: a, when: [{measure: orphan, warning: 1}], notify: [alive]}\n"
    )
    with pytest.raises(RulesError) as refused:
        parse_rules(text.encode(), "r.yml")
    assert "alive is a heartbeat, which receives no alerts" in str(refused.value)


def test_the_shipped_rules_have_no_fault_and_do_what_their_examples_say():
    found = parse_rules(shipped_rules(), "rules.yml")
    assert list(find_example_faults(found)) == []
    assert all(one.examples for one in found.rules)
    names = {one.name for one in found.rules}
    assert {"grow", "grow-slowly", "grow-apart", "held-closed", "orphans", "mem"} <= names
    assert {"host-unread", "many-unread", "scan-old", "watchdog", "mem-pressure"} <= names


def test_a_rule_has_what_the_file_says():
    found = rule(
        '{name: a, each: group, where: "web:&prod", when: [{measure: growth.tcp_close, over: 6h, '
        'warning: "~:100", critical: "~:1e", clear: 50}]}'.replace("~:1e", "~:1000")
    )
    (condition,) = found.when
    assert (found.each, found.where) == (Each.GROUP, "web:&prod")
    assert condition.over == timedelta(hours=6)
    assert condition.warning == Range(start=float("-inf"), end=100)
    assert condition.clear == Range(end=50)
    assert condition.exact
    assert (found.hold, found.clear_after) == (Span(), Span(scans=2))


@pytest.mark.parametrize("pattern", ["all[5]", "nothing", "web*[2:4]:!db", "10.0.0.[1:9]"])
def test_a_pattern_of_hosts_that_are_not_there_is_no_fault(pattern):
    found = rule(f'{{name: a, where: "{pattern}", when: [{{measure: tcp_close, warning: 5}}]}}')
    assert found.where == pattern


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("3 scans", Span(scans=3)),
        ("1 scan", Span(scans=1)),
        ("2", Span(scans=2)),
        ("15m", Span(time=timedelta(minutes=15))),
        ("1d12h", Span(time=timedelta(hours=36))),
    ],
)
def test_a_hold_is_scans_or_a_time(text, span):
    assert rule(f"{{name: a, when: [{{measure: orphan, warning: 1}}], hold: {text}}}").hold == span


def test_a_changed_condition_makes_another_rule_and_a_changed_text_does_not():
    first = rule("{name: a, when: [{measure: orphan, warning: 1}]}")
    other = rule("{name: a, when: [{measure: orphan, warning: 2}]}")
    text = rule("{name: a, when: [{measure: orphan, warning: 1}], summary: x, repeat: 1h}")
    assert first.key != other.key
    assert first.key == text.key


@pytest.mark.parametrize("each", list(Each))
def test_every_key_of_a_kind_can_be_named(each):
    for key in KEYS_OF[each]:
        assert rule(f"{{name: a, each: {each}, when: [{{measure: {key}, warning: 1}}]}}")


def test_a_key_of_another_kind_says_of_which():
    text = "version: 1\nrules: [{name: a, when: [{measure: failed_percent, warning: 1}]}]"
    (line,) = faults(text)
    assert "no KEY 'failed_percent' of a host" in line
    (line,) = faults(text.replace("failed_percent", "worst.tcp_close"))
    assert "of each host it is tcp_close" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1: the file is empty"),
        ("rules: [", "not valid YAML"),
        ("- a", "expected a mapping of keys, found a list"),
        ("version: 2\nrules: []", "1: version: expected 1, found '2'"),
        ("version: 1\nrules: {}", "2: rules: expected a list, found a mapping"),
        ("version: 1", "no rules"),
        ("version: 1\nrules: [{when: [{measure: orphan, warning: 1}]}]", "2: rules[0]: no name"),
        ("version: 1\nrules: [{name: a}]", "2: rules[0]: no when"),
        ("version: 1\nrules: [{name: a b, when: []}]", "a name has letters"),
        ("version: 1\nrules: &a [{name: a, when: *a}]", "an alias repeats this"),
        ("version: 1\nrules: " + "[" * 200, "not valid YAML"),
        ("version: 1\nrules: " + "[" * 200 + "]" * 200, "nested too deeply"),
        ("version: 1\nrules: [{name: a, name: b}]", "'name' stands there a second time"),
        ('version: 1\nrules: [{name: a, where: "~(", when: []}]', "is no valid pattern"),
        ('version: 1\nrules: [{name: a, where: "@f", when: []}]', "and no file"),
        ("version: 1\nsinks: 5\nrules: []", "2: sinks: expected a mapping of keys"),
    ],
)
def test_a_file_that_is_none_says_so_with_its_line(text, words):
    assert words in "\n".join(faults(text))


def test_a_file_that_is_not_utf8_says_at_which_line():
    with pytest.raises(RulesError, match=r"rules.yml:2: not UTF-8"):
        parse_rules(b"version: 1\nrules: \xff", "rules.yml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_rules(str(tmp_path / "none.yml"))


def test_faults_of_sinks_have_the_lines_of_their_keys():
    text = "version: 1\nsinks:\n  mail:\n    type: x\n    to: 5\nrules: []\n"

    def check(_document):
        return [(("mail", "to"), "no address"), (("mail", "to", "0"), "deeper"), (("none",), "all")]

    with pytest.raises(RulesError) as caught:
        parse_rules(text.encode(), "r", check)
    assert list(caught.value.lines) == [
        "r:2: sinks: none: all",
        "r:5: sinks.mail.to: no address",
        "r:5: sinks.mail.to: 0: deeper",
    ]


def test_no_text_of_a_file_steers_a_terminal():
    text = 'version: 1\nrules: [{name: "a\\e[31m", when: []}]'
    assert "\x1b" not in "\n".join(faults(text))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file_or_faults(data):
    try:
        parse_rules(data, "rules.yml")
    except RulesError as error:
        assert all(line.startswith("rules.yml:") for line in error.lines)


@given(st.text(alphabet="abc:-{}[]\"'~&*!|>%@` \n0129.", max_size=200))
def test_any_text_of_yaml_is_a_file_or_faults(text):
    data = f"version: 1\nrules:\n{text}".encode()
    try:
        parse_rules(data, "rules.yml")
    except RulesError as error:
        assert error.lines


def test_a_sink_that_is_no_mapping_has_one_fault():
    text = "version: 1\nsinks:\n  a: 5\n  b: {}\nrules: []\n"
    checked = []

    def check(document):
        checked.extend(document)
        return [(("b",), "type is missing")]

    with pytest.raises(RulesError) as caught:
        parse_rules(text.encode(), "r", check)
    assert checked == ["b"]
    assert list(caught.value.lines) == [
        "r:3: sinks.a: expected a mapping of keys, found '5'",
        "r:4: sinks.b: type is missing",
    ]


def test_a_file_without_an_end_is_read_to_the_limit():
    with pytest.raises(RulesError, match="too large for a rules file: 1 MB at most"):
        load_rules("/dev/zero")


@pytest.mark.parametrize("value", ['""', '"  "', "", "null", "[a]"])
def test_a_label_without_a_value_is_a_fault_as_it_would_be_no_label(value):
    # https://prometheus.io/docs/concepts/data_model/: an empty value is that of a missing label.
    (line,) = faults(f"version: 1\nrules:\n  - {{{LEVEL}, labels: {{team: {value}}}}}\n")
    assert "rules[0].labels.team: expected a text: a label without one is no label, found" in line


@pytest.mark.parametrize("name", ["__name__", "__x", "severity", "9a", "a-b"])
def test_a_label_of_prometheus_or_sockfleet_itself_is_a_fault(name):
    assert len(faults(f"version: 1\nrules:\n  - {{{LEVEL}, labels: {{{name}: a}}}}\n")) == 1


@pytest.mark.parametrize("value", ['""', '"  "', "", "null"])
def test_an_empty_summary_is_a_fault(value):
    (line,) = faults(f"version: 1\nrules:\n  - {{{LEVEL}, summary: {value}}}\n")
    assert "rules[0].summary: expected a text, found nothing" in line


LEVEL = 'name: a, when: [{measure: tcp_close, warning: "~:1"}]'
