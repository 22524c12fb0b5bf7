"""Run the commands of ``Match exec``, as match_cfg_line() in OpenSSH's readconf.c does."""

from __future__ import annotations

import os

from ...core.text import quote
from ..errors import InventoryError
from .values import IN_MATCH, Tokens

__all__ = ["MatchCommands"]

_SHELL = "/bin/sh"
_LIMIT_S = 30.0


class MatchCommands:
    """Runs each distinct command once, however many hosts it decides on."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def succeeds(
        self, command: str, source: str, *, alias: str, address: str, port: int, user: str
    ) -> bool:
        """Whether the command exits with 0, its tokens replaced by the values of one login.

        Like ssh, by the user's shell, without input and output. Raises InventoryError naming
        ``source`` for an unknown token, a shell that cannot be run, and a command that does not
        end.
        """
        tokens = Tokens(alias=alias, address=address, port=port, user=user)
        try:
            filled = tokens.fill(command, known=IN_MATCH)
        except ValueError as error:
            raise InventoryError(source, f"Match exec: {error}") from None
        if filled not in self._known:
            self._known[filled] = _succeeds(filled, source)
        return self._known[filled]


def _succeeds(command: str, source: str) -> bool:
    import subprocess  # few files have such a line, and the import takes some ms

    try:
        ended = subprocess.run(
            [os.environ.get("SHELL") or _SHELL, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise InventoryError(source, f"Match exec cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise InventoryError(
            source, f"Match exec {quote(command)} did not end within {_LIMIT_S:g} s"
        ) from None
    return ended.returncode == 0
