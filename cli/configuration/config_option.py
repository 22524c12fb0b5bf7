"""--config and --profile: the options that sockfleet.toml sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...scan.option_declaration import OptionGroup
from ..options.click_options import Decorator, combine, option

if TYPE_CHECKING:  # a run without a completion needs none of it
    from click.shell_completion import CompletionItem

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
            shell_complete=_complete_profile,
            **settings,
        ),
    )


def _complete_profile(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The profiles of the file that the line names, or of the one that would be found."""
    from ...core.errors import SockfleetError
    from ..options.completion_values import beginning_with, whole_context
    from .file import find_file, read_configuration

    config = whole_context(ctx).meta.get("sockfleet.configuration", {}).get("config")
    try:
        path = find_file(config)
        file = None if path is None else read_configuration(path, named=bool(config))
    except SockfleetError:
        return []
    return [] if file is None else beginning_with(incomplete, file.profiles)
