"""--config and --profile: the options that sockfleet.toml sets."""

from __future__ import annotations

from typing import Any

import click

from ...scan.option_declaration import OptionGroup
from ..click_options import Decorator, combine, option

__all__ = ["configuration_options"]


def configuration_options() -> Decorator:
    """--config and --profile: the options that sockfleet.toml sets; see file.py."""

    def seen(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
        given = ctx.meta.setdefault("sockfleet.configuration", {})
        given[parameter.name] = value
        if len(given) == 2 and not ctx.resilient_parsing:
            from .file import configure

            configure(ctx, **given)

    # Eager: the file's defaults must be known before the other options are judged.
    settings: dict[str, Any] = {
        "is_eager": True,
        "expose_value": False,
        "callback": seen,
        "group": OptionGroup.CONFIGURATION,
    }
    return combine(
        option(
            "--config",
            metavar="FILE",
            help="Take options from it.  [default: sockfleet/sockfleet.toml of ~/.config or "
            "/etc/xdg]",
            brief="Options from it, not sockfleet.toml",
            **settings,
        ),
        option(
            "--profile",
            metavar="NAME",
            help="Take options from [profile.NAME] of the configuration too.",
            brief="Options of [profile.NAME]",
            **settings,
        ),
    )
