"""Every command of the README, the documentation and the examples of --help runs as it stands.

Pages whose commands need a setting of their own have their own test; here they are named with it.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from sockfleet.alerting.rules.load import shipped_rules
from sockfleet.cli.help_screen import HelpfulCommand
from sockfleet.cli.main import COMMANDS, cli
from tests.support.cli.command_line import run_command
from tests.support.docs.closed_sockets_page import WORKED
from tests.support.paths import ROOT
from tests.support.ssh.over_ssh import known_hosts_of

RUN_ELSEWHERE = {
    "docs/alerting.md": "tests/docs/test_alerting.py",
    "docs/closed-sockets.md": "tests/docs/test_closed_sockets.py",
    "docs/dask.md": "tests/docs/test_dask.py",
    "docs/reports.md": "tests/docs/test_reports.py",
    "docs/scale.md": "tests/docs/test_scale.py",
    "scan-*.json": "tests/cli/commands/test_report.py",
    "sockfleet demo": "tests/cli/commands/test_demo.py",
    "--dask": "tests/docs/test_dask.py",
    "postgresql://": "tests/cli/commands/test_history.py",
    "--profile cron": "tests/examples/test_page.py",
    "scan.json-20261121": "tests/examples/test_page.py",
}
"""A page, or words of a command, and the test that runs it."""
SETTINGS_OF_OTHERS = {"uv tool install", "pip install", "dask ", "./dev "}
PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/*.md")))]


def lines_of(page: str) -> list[str]:
    """Return the command lines of a page: comments left out, continued lines joined."""
    text = (ROOT / page).read_text()
    if page == "docs/monitoring.md":  # tests/examples/test_page.py runs this section in its order
        start, end = text.index("## Cron and systemd\n"), text.index("## Prometheus\n")
        text = text[:start] + text[end:]
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.split("  #")[0].split(" # ")[0] for line in lines if "sockfleet " in line]


def examples() -> list[str]:
    """Return the examples of every command's --help."""
    context = click.Context(cli)
    commands = [cli.get_command(context, name) for name in COMMANDS]
    return [
        example.line
        for command in commands
        if isinstance(command, HelpfulCommand)
        for example in command.examples
    ]


def is_run_here(line: str) -> bool:
    return line.startswith("sockfleet ") and not any(words in line for words in RUN_ELSEWHERE)


LINES = sorted(
    {
        " ".join(line.split())
        for line in [
            *(line for page in PAGES if page not in RUN_ELSEWHERE for line in lines_of(page)),
            *examples(),
        ]
        if is_run_here(line)
    }
)


def shorten(line: str) -> str:
    """Return what is run here of a line: files of this folder, few short rounds, no pipe."""
    line = line.split(" | ")[0].removesuffix(" |")
    line = re.sub(r"(?<= )/(?:[\w.-]+/)+([\w.-]+)", r"\1", line)
    return (
        line.replace("--repeat 0", "--repeat 2")
        .replace("--interval 10", "--interval 0.1")
        .replace("--interval 60", "--interval 0.1")
    )


@pytest.fixture(scope="module")
def desk(sshd, tmp_path_factory) -> Path:
    """A folder with the files that the commands name, whose hosts are real; web7 is down."""
    folder = tmp_path_factory.mktemp("desk")
    hosts = {f"web{number}": {"ansible_host": f"127.0.0.{number}"} for number in (1, 2)}
    hosts["web7"] = {"ansible_host": "127.0.0.3", "ansible_port": 1}
    common = {
        "ansible_port": sshd.port,
        "ansible_user": sshd.user,
        "ansible_ssh_private_key_file": str(sshd.client_key),
    }
    groups = {"web": {"hosts": hosts}, "db": {"hosts": {"db1": {"ansible_host": "127.0.0.4"}}}}
    inventory = {"all": {"vars": common, "children": groups}}
    (folder / "inventory.yml").write_text(json.dumps(inventory))
    known_hosts_of(sshd, folder)
    (folder / "rules.yml").write_bytes(shipped_rules())
    (folder / "sosreport/proc/net").mkdir(parents=True)
    for name in ("sockstat", "sockstat6"):
        shutil.copy(WORKED / name, folder)
        shutil.copy(WORKED / name, folder / "sosreport/proc/net")
    snmp = Path("/proc/net/snmp").read_text()
    (folder / "sosreport/proc/net/snmp").write_text(snmp)
    return folder


@pytest.fixture
def sockfleet(desk, sshd, monkeypatch, capsysbinary):
    """Run a command line in that folder."""
    home = Path.home()
    (home / ".ssh").mkdir()
    shutil.copy(desk / "known_hosts", home / ".ssh/known_hosts")
    for name, source in (("scan", sshd.client_key), ("scan.pub", f"{sshd.client_key}.pub")):
        shutil.copy(source, home / ".ssh" / name)
    monkeypatch.chdir(desk)
    monkeypatch.setenv("SOCKFLEET_STORE", str(desk / "history.db"))

    def call(line: str) -> tuple[int, str, str]:
        _, *words = shlex.split(line.replace("~/", f"{home}/"))
        words = [each for word in words for each in expand(word)]
        return run_command(*words, monkeypatch=monkeypatch, captured=capsysbinary)

    if not (desk / "fleet.json").exists():
        assert call("sockfleet scan inventory.yml -q --save -o fleet.json")[0] == 3
        for name in ("scan", "scan-1", "part1", "part2", "part3", "prod", "test"):
            shutil.copy(desk / "fleet.json", desk / f"{name}.json")
    return call


def expand(word: str) -> list[str]:
    """Return the files that a shell would put in a word's place."""
    files = sorted(map(str, Path().glob(word))) if word.endswith("*.json") else []
    return files or [word]


def expected_codes(line: str) -> set[int]:
    """Return the exit codes of a command that works, where web7 is down."""
    words = line.split()
    if words[1] == "check":
        return {0, 1, 2}
    if "web1,web2," in line or "web1,web2,db1," in line:
        return {0, 4}  # nothing but ~/.ssh/config or a resolver could know these names
    if "@fleet.json" in line or "--probe forced" in line or "--become" in line:
        return {3, 4}  # web7 alone; no key is restricted here; sudo may want a password
    if "--shard" in line:
        return {0, 3}  # one of the parts has web7
    if words[1] in ("scan", "merge"):
        return {0} if "!web7" in line else {3}
    return {0}


@pytest.mark.parametrize("line", LINES)
def test_a_command_runs_as_it_stands(sockfleet, line):
    code, out, err = sockfleet(shorten(line))
    assert code in expected_codes(line), out + err
    assert "Traceback" not in err
    assert "sockfleet: error" not in err


def test_every_line_of_the_pages_is_run():
    """Here, or by the test that the table names."""
    assert len(LINES) > 40
    for test in set(RUN_ELSEWHERE.values()):
        assert (ROOT / test).is_file()
    for page in PAGES:
        for line in lines_of(page):
            is_elsewhere = page in RUN_ELSEWHERE or any(words in line for words in RUN_ELSEWHERE)
            is_setting = any(line.startswith(words) for words in SETTINGS_OF_OTHERS)
            assert is_run_here(line) or is_elsewhere or is_setting, f"{page}: {line}"
