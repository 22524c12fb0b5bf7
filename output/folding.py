"""Many host names as few words: ``web01 … web17, web20`` becomes ``web[01-17,20]``.

The notation is that of ClusterShell's and pdsh's node sets, which unfold it again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

__all__ = ["folded", "some"]

_MOST_WORDS = 12

# Longer runs of digits are serial numbers, not indices.
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,18}(?![0-9])")
_Form = tuple[str, str]


def folded(names: Iterable[str]) -> list[str]:
    """The names, each once, as words in the order of the alphabet.

    Names fold along one number each: the one that the most of these names differ in.
    """
    forms = {name: _forms(name) for name in sorted(set(names))}
    shared = Counter(form for found in forms.values() for form, _ in found)
    numbers = defaultdict[_Form, list[str]](list)
    words = []
    for name, found in forms.items():
        # Of forms that equally many names share, the last: web1.rack2 lists racks' hosts apart.
        form, number = max(found, key=lambda pair: shared[pair[0]], default=(None, ""))
        if form is None or shared[form] == 1:
            words.append(name)
        else:
            numbers[form].append(number)
    words += [before + _brackets(found) + after for (before, after), found in numbers.items()]
    return sorted(words)


def some(names: Iterable[str]) -> str:
    """The names folded, for a line of text: the first dozen words and how many more there are."""
    words = folded(names)
    more = len(words) - _MOST_WORDS
    return ", ".join(words[:_MOST_WORDS]) + (f", … and {more} more" if more > 0 else "")


def _forms(name: str) -> list[tuple[_Form, str]]:
    """What the name looks like around each of its numbers, the last number first."""
    found = [((name[: m.start()], name[m.end() :]), m[0]) for m in _NUMBER.finditer(name)]
    return found[::-1]


def _brackets(numbers: Sequence[str]) -> str:
    if len(numbers) == 1:
        return numbers[0]
    runs: list[list[str]] = []
    for number in sorted(numbers, key=lambda digits: (len(digits), digits)):
        # "9" is followed by "10", "09" too; "9" is not followed by "010".
        if runs and str(int(runs[-1][-1]) + 1).zfill(len(runs[-1][-1])) == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    return f"[{','.join(_run(run) for run in runs)}]"


def _run(run: Sequence[str]) -> str:
    if len(run) < 3:
        return ",".join(run)
    return f"{run[0]}-{run[-1]}"
