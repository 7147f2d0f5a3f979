"""Masks in half blocks: one for `show`, some small ones side by side for the report.

For: the terminal. Not for: pictures in files (`svg.py`), or pages (`html_masks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Schedule
from patternc.analysis.picture import block_density
from patternc.cli.page import ranges
from patternc.cli.sentences import CostRow

THRESHOLDS = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16
"""An ordered dither: neighbouring cells of one density come out dark in proportion to it."""
FAINT = 0.4
"""Exponent that makes sparse cells darker than they are: a single diagonal should be seen."""


def mask_art(relation: Relation, n: int, width: int, height: int) -> str:
    """The mask in half blocks, `width` cells wide and `height` high, two rows of cells in a line of text.

    Queries go downwards, keys to the right. A cell is drawn dark in proportion to its pairs, sparse ones a little
    darker; with as many cells as tokens each is one pair. The sides must not exceed n.
    """
    density = block_density(relation, n, height, width) ** FAINT
    dark = density > THRESHOLDS[np.arange(height)[:, None] % 4, np.arange(width)[None, :] % 4]
    if height % 2:
        dark = np.vstack([dark, np.zeros((1, width), dtype=np.bool_)])
    lines: list[str] = []
    for upper, lower in zip(dark[::2], dark[1::2], strict=True):
        marks = (" ▀▄█"[int(a) + 2 * int(b)] for a, b in zip(upper, lower, strict=True))
        lines.append("".join(marks))
    return "\n".join(lines)


SKETCH = 24
"""Cells of a small mask on each side."""
GAP = 3
MOST_TOKENS = 1 << 17
"""Longest sequence whose masks are drawn in the report: those of longer ones take seconds."""


def sketches(rows: Sequence[CostRow], schedule: Schedule, width: int) -> list[str]:
    """Lines of small masks side by side, each under the layers and heads it is of: the first that there is room for."""
    if width < SKETCH or schedule.tokens > MOST_TOKENS:
        return []
    side = min(SKETCH, schedule.tokens)
    columns: list[list[str]] = []
    for row in rows[: (width + GAP) // (SKETCH + GAP)]:
        heads = row.heads[0].heads
        relation = schedule.pattern(row.layers[0], heads[0]).relation
        where = f"layer{'s' * (len(row.layers) > 1)} {ranges(row.layers, schedule.layers)}"
        if len(heads) < schedule.heads:
            where += f", head{'s' * (len(heads) > 1)} {ranges(heads, schedule.heads)}"
        where = where if len(where) <= SKETCH else f"{where[: SKETCH - 3]}..."
        columns.append([where, *mask_art(relation, schedule.tokens, side, side).split("\n")])
    return [(" " * GAP).join(line.ljust(SKETCH) for line in lines).rstrip() for lines in zip(*columns, strict=True)]
