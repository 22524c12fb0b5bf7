"""The words for a command line that cannot be used: one line, with the nearest name that exists."""

from __future__ import annotations

import click

from ..core.suggestion import nearest

__all__ = ["describe_usage_error"]


def describe_usage_error(error: click.ClickException) -> str:
    """One line that says what is wrong and, where the command is known, which help has more."""
    context = getattr(error, "ctx", None)
    text = _describe(error, context).rstrip(".")
    return text if context is None else f"{text} ({context.command_path} --help)"


def _describe(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"no option {error.option_name!r}{_suggest_option(error.option_name, context)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_name(error.param, context)} is missing"
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = _name(error.param, context)
        return error.message if name[0] in "[{" else f"{name}: {error.message}"
    message = error.format_message()
    return message if message[1:2].isupper() else message[:1].lower() + message[1:]


def _name(parameter: click.Parameter, context: click.Context | None) -> str:
    """An option by its long name, an argument by its metavar, such as ``[scan|ndjson]``."""
    long = [name for name in parameter.opts if name.startswith("--")]
    if long:
        return long[0]
    return parameter.metavar or parameter.make_metavar(context or click.Context(click.Command("")))


def _suggest_option(name: str, context: click.Context | None) -> str:
    if context is None or not name.startswith("--"):
        return ""
    known = (
        spelling
        for parameter in context.command.get_params(context)
        if isinstance(parameter, click.Option)
        for spelling in (*parameter.opts, *parameter.secondary_opts)
        if spelling.startswith("--")
    )
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {near}?"
