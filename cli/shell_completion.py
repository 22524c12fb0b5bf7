"""How the scripts in completions/ and the command talk, for bash, zsh and fish.

The scripts put the line to complete into the environment; the command prints one line for each
completion, in zsh three: its kind (``plain``; ``part``, after which the word goes on; ``file`` and
``dir``, which the shell completes itself), the value, and its description.

The words are split here, not by the shell: bash also splits at the colons of a host pattern.
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    split_arg_string,
)

__all__ = ["register_shells"]

_LONGEST_TEXT = 60


class _Shell(ShellComplete):
    source_template = ""  # the scripts are files
    _before = ""
    """What the word begins with before the value: of ``--limit=web`` the option."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        self.ctx_args["obj"] = list(args)  # completion_values.py looks for the inventory in it
        self._before = incomplete[: len(incomplete) - len(_value_of(incomplete))]
        return super().get_completions(args, incomplete)


class _Bash(_Shell):
    name = "bash"
    _replaced = 0
    """Characters of each value that stay on the line: bash replaces what follows a word break."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        words = split_arg_string(line)[1:]
        raw = line.rsplit(None, 1)[-1] if line[-1:].strip() else ""
        incomplete = words.pop() if words and (raw or _has_open_quote(line)) else ""
        if raw[:1] not in ("'", '"'):
            breaks = [char for char in os.environ.get("COMP_WORDBREAKS", ":=") if char.strip()]
            fragment = len(raw) - max(raw.rfind(char) for char in [*breaks, ":"]) - 1
            self._replaced = max(len(_value_of(incomplete)) - fragment, 0)
        return words, incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{_kind_of(item)},{str(item.value)[self._replaced :]}"


class _Zsh(_Shell):
    name = "zsh"

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ.get("COMP_WORDS", ""))
        position = int(os.environ.get("COMP_CWORD", 1))
        return words[1:position], words[position] if position < len(words) else ""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{_kind_of(item)}\n{self._before}{item.value}\n{_text_of(item) or '_'}"


class _Fish(_Shell):
    name = "fish"

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ.get("COMP_WORDS", ""))[1:]
        if not os.environ.get("COMP_CWORD"):
            return words, ""
        return words[:-1], words[-1] if words else ""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        text = _text_of(item)
        return f"{_kind_of(item)},{self._before}{item.value}" + (f"\t{text}" if text else "")


def register_shells() -> None:
    """Let click find the three by the names that the scripts use."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)


def _has_open_quote(line: str) -> bool:
    import shlex

    try:
        shlex.split(line)
    except ValueError:
        return True
    return False


def _value_of(word: str) -> str:
    """What click completes: of ``--limit=web`` the part behind the sign."""
    return word.partition("=")[2] if word.startswith("--") and "=" in word else word


def _kind_of(item: CompletionItem[Any]) -> str:
    # A value that ends so is the beginning of one: worst.tcp_close=, web:
    return "part" if item.type == "plain" and str(item.value)[-1:] in ("=", ",") else item.type


def _text_of(item: CompletionItem[Any]) -> str:
    """The first words of a description, on one line."""
    text = " ".join((item.help or "").split()).partition("  [")[0].partition(". ")[0].rstrip(".")
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
