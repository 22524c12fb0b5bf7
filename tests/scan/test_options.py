"""Each option of a scan is declared once: command line, environment and sockfleet.toml follow."""

from dataclasses import fields

import click
import pytest

from sockfleet.cli.command_table import load_command
from sockfleet.cli.configuration.keys import keys_of
from sockfleet.cli.options.click_options import scan_options_from
from sockfleet.core.errors import UsageError
from sockfleet.inventory.models import HostKeyPolicy, Probe
from sockfleet.scan import RepeatOptions, ScanOptions
from sockfleet.scan.option_declaration import KEY, declarations

WITHOUT_DECLARATION = {
    "inventory",  # the argument
    "password",  # never on a command line
}
DECLARED = [
    *((*each, "scan") for each in declarations(ScanOptions)),
    *((*each, "scan") for each in declarations(RepeatOptions)),
]


def test_every_field_is_declared():
    undeclared = {field.name for field in fields(ScanOptions) if KEY not in field.metadata}
    assert undeclared == WITHOUT_DECLARATION


@pytest.mark.parametrize(("name", "kind", "default", "declaration", "command"), DECLARED)
def test_a_declaration_gives_option_variable_key_and_default(
    name, kind, default, declaration, command
):
    parameters = {parameter.name: parameter for parameter in load_command(command).params}
    assert name in parameters, f"{declaration.flags[-1]} is no option of {command}"
    option = parameters[name]
    assert set(declaration.flags) <= set(option.opts)
    assert option.help == declaration.help
    long = declaration.flags[-1].removeprefix("--")
    assert option.envvar == f"SOCKFLEET_{long.replace('-', '_').upper()}"
    assert keys_of(command)[long] is option
    assert option.get_default(click.Context(load_command(command))) == default


def test_a_command_without_options_gives_the_defaults_of_python():
    command = load_command("scan")
    with command.make_context("scan", ["web1,"]) as context:
        assert scan_options_from(context.params) == ScanOptions(inventory=("web1,",))


def test_words_become_values_of_their_types():
    command = load_command("scan")
    words = ["--host-keys", "accept-new", "--probe", "forced", "--workers", "3", "web1,"]
    with command.make_context("scan", words) as context:
        options = scan_options_from(context.params)
    assert options.host_keys is HostKeyPolicy.ACCEPT_NEW
    assert options.probe is Probe.FORCED
    assert options.workers == 3


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"probe": Probe.FORCED, "become": True}, "--probe forced and --become exclude"),
        ({"probe": Probe.FORCED, "process_args": True}, "--probe forced and --process-args"),
        ({"dask_ship_secrets": True}, "--dask-ship-secrets is for --dask ADDRESS"),
        ({"dask": "local", "workers": 2}, "--dask and --workers exclude each other"),
        ({"dask": "tcp://127.0.0.1:1", "dask_ship_secrets": True}, "tls:// addresses only"),
    ],
)
def test_options_that_exclude_each_other_are_refused(given, problem):
    with pytest.raises(UsageError, match=problem):
        ScanOptions(**given)
