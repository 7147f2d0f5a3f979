"""What a page in the terminal is made of: sentences, tables, and numbers as people write them.

For: `render.py`. Not for: what a page says.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from patternc.algebra.relation import Spans

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LEAST_PATTERN, WIDEST_LAYERS = 20, 16
"""Columns of text that a pattern gets at least, and a list of layers or heads at most."""
YES, NO, OPEN = "[green]✓[/]", "[red]✗[/]", "[yellow]?[/]"
"""What a sentence begins with that says something is so, is not so, or is not decided."""


def new_page(width: int, colour: bool) -> tuple[Console, io.StringIO]:
    """A console `width` columns wide that writes into the text buffer beside it."""
    from rich.console import Console

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    return console, out


def say(console: Console, text: str, indent: int = 2) -> None:
    """A sentence, wrapped under itself."""
    from rich.padding import Padding

    console.print(Padding(text, (0, 0, 0, indent)))


def show(console: Console, table: Table) -> None:
    """A table, indented like a sentence; where it is too wide for the terminal, a line for each of its cells."""
    from rich.padding import Padding

    if console.measure(table).minimum <= console.width - 2:
        console.print(Padding(table, (0, 0, 0, 2)))
        return
    names = [" ".join(str(column.header).split()) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for place, (name, cell) in enumerate(zip(names, row, strict=True)):
            value = " ".join(str(cell).split())
            say(console, f"{name}: {value}" if name else value, 4 if place else 2)


def heading(console: Console, text: str) -> None:
    """The name of a part, after an empty line."""
    console.print(f"\n[bold]{text}[/]")


def plain_table(*columns: str) -> Table:
    """A plain table; a column whose name begins with > is set to the right."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        right = column.startswith(">")
        justify = "right" if right else "left"
        least = LEAST_PATTERN if column == "pattern" else None
        widest = WIDEST_LAYERS if column in ("layers", "heads") else None
        table.add_column(
            column.removeprefix(">"), justify=justify, overflow="fold", no_wrap=right, min_width=least, max_width=widest
        )
    return table


def safe(text: str) -> str:
    """Text from the pattern file: square brackets are no markup."""
    return text.replace("[", "\\[")


def plural(count: int, noun: str) -> str:
    """A number of things: 1 layer, 2 layers."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def percent(share: Fraction) -> str:
    """A share as a percentage; tiny ones as a power of ten."""
    return f"{float(share):.2%}" if share >= Fraction(1, 10000) or not share else f"{float(share):.1e}"


def times(ratio: Fraction | int) -> str:
    """A ratio with two decimals."""
    return f"{float(ratio):,.2f}"


def places(spans: Spans) -> str:
    """Positions and ranges of positions."""
    return ", ".join(f"{start:,}" if stop == start + 1 else f"{start:,}..{stop:,}" for start, stop in spans)


def ranges(numbers: Sequence[int], count: int) -> str:
    """As a selector would say it, `0..12 step 2`, else runs of numbers; `count` is how many there are."""
    if len(numbers) > 2:
        step = numbers[1] - numbers[0]
        if step > 1 and all(b - a == step for a, b in pairwise(numbers)):
            return f"{numbers[0]}..{min(-(-(numbers[-1] + 1) // step) * step, count)} step {step}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1] + 1}" for run in runs)
