"""Draw the comparison as SVG: one bar for each client, CPU per host on a logarithmic scale.

There is no plotting library, so that the picture follows the reader's light or dark scheme and
stays a few kilobytes of text with a readable diff.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 216, 84, 74, 46
BAR, GAP = 20, 10

# The card is the background for viewers that ignore the rules of the dark scheme.
_STYLE = """
  .card { fill: #ffffff; }
  .title { font-size: 18px; font-weight: 600; fill: #1f2328; }
  .note { font-size: 13px; fill: #59636e; }
  .name { font-size: 13.5px; fill: #1f2328; text-anchor: end; }
  .value { font-size: 13px; fill: #59636e; }
  .ours { font-weight: 700; fill: #0a7d4f; }
  .tick { font-size: 12px; fill: #59636e; text-anchor: middle; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .bar { fill: #a5b1bd; }
  .our-bar { fill: #1a9e68; }
  .spread { stroke: #59636e; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; }
    .title, .name { fill: #f0f6fc; }
    .note, .value, .tick { fill: #9198a1; }
    .ours { fill: #3fd394; }
    .grid { stroke: #3d444d; }
    .bar { fill: #59636e; }
    .our-bar { fill: #2bb67a; }
    .spread { stroke: #b1bac4; }
  }
"""


def draw(
    rounds_ms: Mapping[str, Sequence[float]], *, ours: str = "sockfleet", note: str = ""
) -> str:
    """Return the picture of each client's rounds, in ms per host: median, least and most.

    Names that begin with ``ours`` are highlighted; ``note`` is the last sentence below.
    """
    rows = sorted(rounds_ms.items(), key=lambda item: statistics.median(item[1]))
    least, most = (f(v for _, values in rows for v in values) for f in (min, max))
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    bottom = TOP + len(rows) * (BAR + GAP)

    def x(value_ms: float) -> float:
        share = (math.log10(value_ms) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + BOTTOM}" '
            f'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" '
            f'role="img" aria-labelledby="title">'
        ),
        f"<style>{_STYLE}</style>",
        '<rect class="card" width="100%" height="100%" rx="8"/>',
        '<text class="title" id="title" x="16" y="30">Client CPU to read one host</text>',
        (
            '<text class="note" x="16" y="52">ms, logarithmic: log in over SSH with a key and read '
            "/proc/net/sockstat and sockstat6; warm: over a connection that stays</text>"
        ),
    ]
    for exponent in range(low, high + 1):
        at = x(10.0**exponent)
        parts.append(f'<path class="grid" d="M{at:.1f} {TOP - 6}V{bottom}"/>')
        label = f"{10.0**exponent:g}"
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 18}">{label} ms</text>')
    for number, (name, values) in enumerate(rows):
        top = TOP + number * (BAR + GAP)
        parts += _row(name, values, top, x, is_ours=name.startswith(ours))
    parts.append(
        f'<text class="note" x="16" y="{bottom + 38}">Medians of {len(rows[0][1])} rounds; the '
        f"lines show the fastest and the slowest. {escape(note)}</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _row(
    name: str, values_ms: Sequence[float], top: int, x: Callable[[float], float], *, is_ours: bool
) -> list[str]:
    middle, median = top + BAR / 2, statistics.median(values_ms)
    ours, bar = (" ours", "our-bar") if is_ours else ("", "bar")
    spread = f"M{x(min(values_ms)):.1f} {middle}H{x(max(values_ms)):.1f}"
    return [
        f'<text class="name{ours}" x="{LEFT - 10}" y="{middle + 5}">{escape(name)}</text>',
        (
            f'<rect class="{bar}" x="{LEFT}" y="{top}" width="{x(median) - LEFT:.1f}" '
            f'height="{BAR}" rx="2"/>'
        ),
        f'<path class="spread" d="{spread}"/>',
        (
            f'<text class="value{ours}" x="{x(max(median, *values_ms)) + 8:.1f}" y="{middle + 5}">'
            f"{median:.2g}</text>"
        ),
    ]
