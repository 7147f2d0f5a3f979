"""Points in a plane as text: what a table does not show.

For: the frontier of `patternc design` in a terminal. Not for: pictures in files (`design_svg.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from patternc.cli.axis import Axis

WIDTH, HEIGHT = 56, 10
MARK, OTHER = "●", "·"

Point = tuple[float, float]


def scatter(marked: Sequence[Point], others: Sequence[Point], across: Axis, up: Axis) -> list[str]:
    """Lines of text: `others` as dots, `marked` points over them, with the ends of both axes."""
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for points, mark in ((others, OTHER), (marked, MARK)):
        for x, y in points:
            column = round(across.share(x) * (WIDTH - 1))
            row = HEIGHT - 1 - round(up.share(y) * (HEIGHT - 1))
            cells[row][column] = mark
    top, bottom = up.write(up.high), up.write(up.low)
    margin = max(len(top), len(bottom))
    sides = [top, *[""] * (HEIGHT - 2), bottom]
    lines = [f"{up.title:>{margin}}"]
    lines += [f"{side:>{margin}} │{''.join(row)}" for side, row in zip(sides, cells, strict=True)]
    low, high = across.write(across.low), across.write(across.high)
    title = across.title.center(WIDTH - len(low) - len(high))
    lines += [f"{'':>{margin}} └{'─' * WIDTH}", f"{'':>{margin}}  {low}{title}{high}"]
    return [line.rstrip() for line in lines]
