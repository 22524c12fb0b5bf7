"""docs/monitoring.md and the files of examples/ name the metrics that are written."""

from __future__ import annotations

import re
import shlex
import tomllib

from click.testing import CliRunner
from line_protocol_parser import parse_line

from sockfleet.cli.main import cli
from tests.support.cli.command_process import run_sockfleet
from tests.support.fleet.exported_fleet import export_fleet
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/monitoring.md").read_text()
RULES = (ROOT / "examples/prometheus/sockfleet-rules.yml").read_text()
TELEGRAF = tomllib.loads((ROOT / "examples/telegraf.conf").read_text())["inputs"]["exec"][0]


def metrics() -> set[str]:
    return set(re.findall(r"^# TYPE (\w+) gauge$", export_fleet("prometheus"), re.MULTILINE))


def first_cells(title: str) -> list[list[str]]:
    """Return the code words of each row in the first column of the table with that title."""
    table = PAGE[PAGE.index(f"| {title} |") :].split("\n\n")[0]
    return [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]


def test_the_page_names_every_metric():
    named = set[str]()
    for words in first_cells("metric"):
        prefix = re.match(r"sockfleet_(?:host|fleet|scan)", words[0])[0]
        named |= {word if word.startswith("sockfleet") else prefix + word for word in words}
    others = ("alloc", "inuse", "inuse6", "tw", "orphan", "closed")  # "and the others"
    named |= {f"sockfleet_fleet_{name}" for name in others}
    assert named | {"sockfleet_build_info"} == metrics()


def test_the_rules_use_metrics_that_are_written():
    used = set(re.findall(r"\bsockfleet_\w+", RULES))
    assert used <= metrics() | {"sockfleet_host"}
    assert len(used) > 8


def test_the_page_names_every_alert():
    named = set(re.findall(r"`(Sockfleet\w+)`", PAGE))
    assert named == set(re.findall(r"alert: (\w+)", RULES))


def test_the_page_names_every_measurement():
    written = {parse_line(line)["measurement"] for line in export_fleet("influx").splitlines()}
    assert {word for words in first_cells("measurement") for word in words} == written


def test_telegrafs_command_prints_line_protocol_within_its_timeout(tmp_path):
    (command,) = TELEGRAF["commands"]
    program, *words = shlex.split(command)
    assert program == "sockfleet"
    words = [str(ROOT / "examples/this-machine.yml") if "/" in word else word for word in words]
    done = run_sockfleet(*words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [parse_line(line) for line in done.stdout.splitlines()]
    (host,) = [line for line in lines if line["measurement"] == "sockfleet_host"]
    assert host["fields"]["up"] == 1
    deadline = float(words[words.index("--deadline") + 1])
    assert deadline < float(TELEGRAF["timeout"].removesuffix("s"))
    assert TELEGRAF["data_format"] == "influx"
    assert TELEGRAF["ignore_error"] is True


def test_the_options_of_the_page_exist():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [line.split("|")[0].split() for line in lines if line.startswith("sockfleet ")]
    assert commands
    for _, name, *words in commands:
        text = CliRunner().invoke(cli, [name, "--help"]).output
        for word in words:
            if word.startswith("-"):
                assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), word
