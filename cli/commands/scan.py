"""``sockfleet scan``: from an inventory to a ranked table, or what ``--format`` says."""

from __future__ import annotations

from typing import Any

import click

from ..configuration.options import configuration_options
from ..options import (
    against_option,
    color_option,
    connection_options,
    dask_options,
    inventory_argument,
    limit_option,
    message_options,
    option,
    output_options,
    pace_options,
    probe_options,
    repeat_options,
    shard_option,
    threshold_option,
    workers_option,
)

__all__ = ["command"]


@click.command("scan")
@inventory_argument(required=False)
@limit_option()
@shard_option()
@output_options()
@option("--sort", default="tcp_close", show_default=True, metavar="KEY", help="Rank by this.")
@option("--group-by", metavar="GROUP|VAR", help="Sum up by a group's children or a variable.")
@against_option()
@threshold_option()
@connection_options()
@probe_options()
@pace_options()
@workers_option()
@dask_options()
@repeat_options()
@option(
    "--lock",
    metavar="FILE",
    help="Do nothing and exit with 75 while another run holds this lock.",
)
@click.option("--list-hosts", is_flag=True, help="Show the selection and contact nobody.")
@click.option("--print-probe", is_flag=True, help="Show the command that each host is to run.")
@configuration_options()
@color_option()
@message_options()
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Collect from every host of an inventory and print a ranked table.

    INVENTORY is an Ansible inventory (YAML or INI), a folder of them, a script, a plain list of
    names, "-" for standard input, or names with commas: "web1,web2,".
    """
    # Imported here: --help and completion need none of it.
    from ..lock import run_lock
    from ..scanning import Scan, delivery_of
    from ..streams import open_missing_streams

    open_missing_streams()
    if given["print_probe"]:
        from ..scanning import probe_command_of

        click.echo(probe_command_of(given))
        return
    if not given["inventory"]:
        raise click.UsageError("Missing argument 'INVENTORY...'.", ctx)
    if given["list_hosts"]:
        for host in Scan(given).selection.hosts:
            click.echo(host.name)
        return
    with run_lock(given["lock"]):
        delivery = delivery_of(given)
        scan = Scan(given)
        if given["repeat"] is None:
            ctx.exit(scan.run(delivery))
        from ..repeating import Repetition

        ctx.exit(Repetition(scan, delivery, given).run())
