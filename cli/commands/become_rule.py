"""``sockfleet become-rule``: the rule that lets an account run only the probe as root."""

from __future__ import annotations

from typing import Any

import click

from ..help_screen import Example, HelpfulCommand
from ..options.click_options import option
from ..options.parameter_types import WordChoice

__all__ = ["command"]


_EXAMPLES = (
    Example("sockfleet become-rule monitor --processes", "by sudo"),
    Example("sockfleet become-rule monitor --method doas", "by doas"),
)


@click.command("become-rule", cls=HelpfulCommand, examples=_EXAMPLES)
@click.argument("user")
@click.option(
    "--method", type=WordChoice(["sudo", "sudo-rs", "doas"]), default="sudo", show_default=True
)
@option("--namespaces/--no-namespaces", default=True, help="As for the scan.")
@option("--processes", is_flag=True, help="As for the scan.")
@option("--process-args", is_flag=True, help="As for the scan.")
def command(user: str, method: str, **given: Any) -> None:
    """Print the rule that lets USER run the probe of "scan --become" on a host, and nothing else.

    It holds for this version of sockfleet, and for a scan with the same --processes,
    --process-args and --no-namespaces.
    """
    from ...collector.probe.become import doas_rule, sudo_rs_rule, sudoers_line
    from ...collector.probe.script import new_marker, probe_command
    from ...scan.engine_settings import probe_options

    probe = probe_command(new_marker(), probe_options(**given))
    if method == "sudo":
        click.echo("# /etc/sudoers.d/sockfleet, mode 0440; check it with: visudo -c")
        click.echo(sudoers_line(user, probe))
        return
    is_doas = method == "doas"
    rule = (doas_rule if is_doas else sudo_rs_rule)(user, probe)
    click.echo("# /etc/doas.conf" if is_doas else "# /etc/sudoers.d/sockfleet, mode 0440")
    click.echo(rule.rule)
    click.echo(f"# {rule.path}, owned by root, mode 0755; what follows is all of it:")
    click.echo(rule.file, nl=False)
