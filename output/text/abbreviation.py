"""Fold many host names into few words: ``web01 … web17, web20`` becomes ``web[01-17,20]``.

The notation is that of the node sets of ClusterShell and pdsh, which expand it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ...core.lazy_pattern import lazy_pattern

__all__ = ["abbreviate", "fold_names"]

_MOST_WORDS = 12

# Longer runs of digits are serial numbers, not indices.
_NUMBER = lazy_pattern(r"(?<![0-9])[0-9]{1,18}(?![0-9])")
_Form = tuple[str, str]


def fold_names(names: Iterable[str]) -> list[str]:
    """Fold the names, each once, into words in alphabetical order.

    A name folds along one of its numbers; the form that most names share comes first.
    """
    members = defaultdict[_Form, list[tuple[str, str]]](list)
    left = set(names)
    for name in sorted(left):
        for form, number in _forms(name):
            members[form].append((name, number))
    words = []
    for (before, after), found in sorted(members.items(), key=_fullest_first):
        numbers = [number for name, number in found if name in left]
        if len(numbers) > 1:
            left.difference_update([name for name, _ in found])
            words.append(f"{before}[{','.join(_runs(numbers))}]{after}")
    return sorted([*words, *left])


def abbreviate(names: Iterable[str]) -> str:
    """Fold the names for a line of text: the first dozen words, and how many more there are."""
    words = fold_names(names)
    more = len(words) - _MOST_WORDS
    return ", ".join(words[:_MOST_WORDS]) + (f", … and {more} more" if more > 0 else "")


def _forms(name: str) -> Iterator[tuple[_Form, str]]:
    """Yield each number of the name with the text before and after it."""
    for match in _NUMBER().finditer(name):
        yield (name[: match.start()], name[match.end() :]), match[0]


def _fullest_first(item: tuple[_Form, Sequence[object]]) -> tuple[int, _Form]:
    form, found = item
    return -len(found), form


def _runs(numbers: Iterable[str]) -> Iterator[str]:
    runs: list[list[str]] = []
    for number in sorted(numbers, key=lambda digits: (len(digits), digits)):
        # "10" follows "9" and "09"; "010" does not follow "9".
        if runs and str(int(runs[-1][-1]) + 1).zfill(len(runs[-1][-1])) == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    for run in runs:
        yield ",".join(run) if len(run) < 3 else f"{run[0]}-{run[-1]}"
