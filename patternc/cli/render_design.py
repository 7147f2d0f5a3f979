"""A design for a terminal: the best choice, the frontier as a table and as plots, and how both are had.

For: `patternc design`. Text in, text out; rich is imported only when something is drawn. Not for: computing anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from patternc.analysis.design import Design, Point
from patternc.cli.design_plots import choice, plots, seconds, title
from patternc.cli.page import YES, heading, new_page, plain_table, plural, safe, say, show
from patternc.cli.render import tell
from patternc.cli.scatter import scatter
from patternc.cli.sentences import target
from patternc.cli.sentences_proof import proved

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 16
"""Points of the frontier that the table shows; of more, as many, evenly spread."""
MOST_NUMBERS = 6


def render_design(found: Design, given: Sequence[str], width: int = 100, colour: bool = False) -> str:
    """The design as text `width` columns wide; `given` is what the command line named the pattern by.

    Ends with a line end.
    """
    console, out = new_page(width, colour)
    direction = "causal" if found.causal else "bidirectional"
    lists = "   ".join(f"{name} of {_numbers(numbers)}" for name, numbers in found.lists)
    facts = f"{found.tokens:,} tokens   {direction}   {lists}   {plural(found.choices, 'choice')}"
    console.print(f"[bold]{safe(found.model)}[/]   {safe(facts)}")
    if found.best is not None:
        _best(console, found, found.best)
        _frontier(console, found)
        _plots(console, found)
    _account(console, found)
    if found.best is not None:
        heading(console, "Use it")
        chosen = [f"--param {name}={value}" for name, value in found.best.chosen]
        # Not broken into lines: it is there to be copied.
        console.print(f"  {safe(' '.join(['patternc analyse', *map(shlex.quote, given), *chosen]))}", soft_wrap=True)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _numbers(numbers: Sequence[int]) -> str:
    """The numbers of a list, as a range where they are one."""
    if len(numbers) <= MOST_NUMBERS:
        return ", ".join(map(str, numbers))
    step = numbers[1] - numbers[0]
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1, step)):
        return f"{numbers[0]}..{numbers[-1] + step}" + (f" step {step}" if step > 1 else "")
    return f"{numbers[0]}, {numbers[1]}, ... {numbers[-1]} ({len(numbers):,} numbers)"


def _best(console: Console, found: Design, best: Point) -> None:
    heading(console, f"Best: {safe(choice(best))}")
    first, second = found.objectives
    say(console, f"Least {title(first)}, then least {title(second)}, of all choices that meet what is expected.")
    for expected in found.expectations:
        say(console, f"{YES} {safe(expected)}")
    tell(console, proved(found.proof, f"every query sees {target(found.causal)}"))


def _frontier(console: Console, found: Design) -> None:
    first, second = found.objectives
    heading(console, f"Frontier: {title(first)} against {title(second)}")
    names = [name for name, _ in found.lists]
    table = plain_table(*(f">{name}" for name in names), ">layers", ">pairs", ">forward pass", ">cached keys")
    for point in _spread(found.frontier):
        depth = "?" if point.connected is None else "-" if point.depth is None else f"{point.depth:,}"
        time = "-" if point.forward_seconds is None else seconds(point.forward_seconds)
        cache = "?" if point.cache is None else f"{point.cache:,}"
        table.add_row(*(f"{value:,}" for _, value in point.chosen), depth, f"{point.pairs:,}", time, cache)
    show(console, table)
    if len(found.frontier) > MOST_ROWS:
        say(console, f"{MOST_ROWS} of {len(found.frontier):,} points, evenly spread; --json has all of them.")


def _spread(points: Sequence[Point]) -> Sequence[Point]:
    if len(points) <= MOST_ROWS:
        return points
    return [points[at * (len(points) - 1) // (MOST_ROWS - 1)] for at in range(MOST_ROWS)]


def _plots(console: Console, found: Design) -> None:
    for plot in plots(found):
        heading(console, safe(plot.title[0].upper() + plot.title[1:]))
        lines = scatter([place for place, _ in plot.marked], plot.others, plot.across, plot.up)
        if max(map(len, lines)) + 2 > console.width:
            say(console, "(the terminal is too narrow for it; --svg writes it)")
            continue
        console.print()
        for line in lines:
            say(console, safe(line))


def _account(console: Console, found: Design) -> None:
    heading(console, "How it was found")
    if found.interrupted:
        say(console, "[yellow]Interrupted[/]: the frontier is that of the choices looked at; there may be more to it.")
    judged = f"{found.judged:,} of {plural(found.choices, 'choice')} {'was' if found.judged == 1 else 'were'} judged"
    say(console, f"{judged}; no other can be on the frontier, whatever it meets.")
    for each in found.excluded:
        say(console, f"{each.count:,} ruled out by {'' if each.code is None else each.code + ', '}{safe(each.text)}", 4)
    if found.by_formula:
        say(
            console,
            f"Pairs of {plural(found.by_formula, 'choice')} are from a closed form, held against "
            f"{plural(found.checks, 'exact count')}; all others, and those shown, were counted.",
        )
    if found.device is not None:
        say(console, f"Times are predicted for one {found.device}, a batch of 1, from arithmetic: none was measured.")
