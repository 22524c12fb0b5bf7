"""What the README, the manual page and the changelog say is true."""

import ast
import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner

from sockfleet.alerting.sinks import registry as notifiers
from sockfleet.cli.main import COMMANDS, cli
from sockfleet.collector import transport
from sockfleet.output import formats
from tests.support.cli.command_line import known_options
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", ["make_man", "make_ssh", "make_errors", "make_options"])
def test_the_page_that_is_made_from_the_code_is_up_to_date(name):
    check = [sys.executable, str(ROOT / f"docs/{name}.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0, f"run python docs/{name}.py"


def test_the_long_description_is_the_readme():
    check = [sys.executable, str(ROOT / "docs/make_pypi.py"), "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run python docs/make_pypi.py"


def test_the_long_description_links_to_no_file_of_the_repository():
    text = (ROOT / "docs/pypi.md").read_text()
    assert len(text) > 5000
    targets = re.findall(r"\]\(([^)]+)\)", text)
    targets += re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", text)
    assert [each for each in targets if not each.startswith("https://")] == []


def test_the_manual_page_renders_without_a_warning():
    page = ROOT / "docs/sockfleet.1"
    result = subprocess.run(
        ["man", "--warnings", "-l", str(page)], capture_output=True, check=True, text=True
    )
    assert result.stderr == ""
    assert "--known-hosts" in result.stdout
    titles = re.findall(r"^[A-Z][A-Z ]+$", result.stdout, re.MULTILINE)
    assert titles[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
    assert titles[-5:] == ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]
    assert "sockfleet scan inventory.yml -o fleet.json" in " ".join(result.stdout.split())


def test_every_command_module_is_in_the_table():
    folder = ROOT / "cli/commands"
    modules = {
        path.parent if path.stem == "__init__" else path
        for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py"))
        if "\ndef command(" in path.read_text()
    }
    assert {path.stem.replace("_", "-") for path in modules} == set(COMMANDS)


def test_every_command_prints_its_help():
    for name in COMMANDS:
        result = CliRunner().invoke(cli, [name, "--help"])
        # A monitoring plugin's --help is UNKNOWN, by the guidelines.
        assert result.exit_code == (3 if name == "check" else 0), result.output


def test_every_command_and_option_of_the_readme_exists():
    known = known_options()
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", README, re.DOTALL)
    lines = [
        line for block in blocks for line in block.splitlines() if line.startswith("sockfleet ")
    ]
    assert lines
    for line in lines:
        words = line.split("sockfleet ", 1)[1].split("#")[0].split("|")[0].split()
        assert words[0] in COMMANDS or words[0] in {"--version", "--help"}, line
        for word in words[1:]:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in known, line


def test_the_changelog_names_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_names_modules_that_exist():
    changed = (ROOT / "CHANGELOG.md").read_text().split("### Changed\n")[1]
    moved = re.findall(r"^  \| `.*` .*\| (.*) \|$", changed, re.MULTILINE)
    kept = changed.split("A plugin's imports from ")[1].split(" still work")[0]
    names = re.findall(r"`(sockfleet[\w.]+)`", f"{moved} {kept}")
    assert len(names) > 14
    for name in names:
        pkgutil.resolve_name(name)


def test_help_is_light():
    """Only the commands that need heavy modules load them, never the help."""
    heavy = ("asyncssh", "paramiko", "rich", "yaml", "uvloop", "msgspec", "orjson", "jinja2")
    assert modules_loaded_by(["--help"], heavy) == []


def test_a_plain_scan_loads_what_it_needs():
    """Most scans read a few hosts, and imports take longer than that."""
    heavy = ("paramiko", "rich", "msgspec", "orjson", "yaml", "importlib.metadata", "distributed")
    heavy += ("jinja2", "typing_extensions", "pickle", "difflib", "json", "sqlalchemy", "numpy")
    assert modules_loaded_by(
        ["scan", "127.0.0.1,", "--known-hosts", "/dev/null"], ("asyncssh", *heavy)
    ) == ["asyncssh"]


def test_a_plain_scan_compiles_nothing_while_it_imports():
    """Patterns and the methods of data classes are compiled where they are used first."""
    script = """
import dataclasses, re, sys

def report(name):
    function = vars(sys.modules[name.partition(".")[0]])[name.partition(".")[2]]
    def reporting(*args, **given):
        caller = sys._getframe(1)
        module = caller.f_globals["__name__"]
        if module.startswith("sockfleet.") and caller.f_code.co_name == "<module>":
            print(name, module, caller.f_lineno, file=sys.stderr)
        return function(*args, **given)
    setattr(sys.modules[name.partition(".")[0]], name.partition(".")[2], reporting)

report("re.compile")
report("dataclasses.dataclass")
from sockfleet.cli.main import cli
cli(["scan", "127.0.0.1,", "--known-hosts", "/dev/null", "--quiet"], prog_name="sockfleet")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.startswith("0 of 1 host read"), result.stderr
    assert result.stderr == ""


def test_our_own_parts_are_found_as_they_are_registered():
    registered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert registered["sockfleet.transports"] == {
        name: f"sockfleet.collector{module}:{kind}"
        for name, (module, kind) in transport._OWN_TRANSPORTS.items()
    }
    assert registered["sockfleet.outputs"] == {
        name: f"sockfleet.output{module}:FORMAT" for name, module in formats._OWN.items()
    }
    assert registered["sockfleet.notifiers"] == {
        name: f"sockfleet.alerting.sinks{module}:NOTIFIER"
        for name, module in notifiers._OWN.items()
    }


def modules_loaded_by(arguments, names):
    """Return which of these modules the command has imported when it ends."""
    script = f"""
import sys
from sockfleet.cli.main import cli
try:
    cli({arguments}, prog_name="sockfleet")
except SystemExit:
    pass
print([name for name in {names} if name in sys.modules], file=sys.stderr)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return ast.literal_eval(result.stderr.decode().splitlines()[-1])
