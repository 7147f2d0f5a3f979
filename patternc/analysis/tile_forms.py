"""Tiles in closed form: how the tiles of a pattern grow with the length, at lengths that cut no tile.

A pattern of windows, strides and blocks has, at whole tiles, a number of tiles that is a polynomial in n of degree two
at most. It is found by three lengths, and held against others, the schedule's own among them where that is whole.

For: `facts.py`. Not for: pairs, whose forms hold for every length and parameter (`formula.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import lcm

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.containment import has_random
from patternc.algebra.schedule import Schedule
from patternc.analysis.expression import Formula, in_steps
from patternc.analysis.fit import fit
from patternc.analysis.period import period
from patternc.analysis.tile_counts import TileCounter, Tiles

DEGREE = 2
DETERMINING = DEGREE + 1
"""Lengths that determine a polynomial."""
MOST_STEPS = 48
"""Lengths of up to so many steps are tried first: they are quick, and those of long sequences say no more."""
LEAST_STEPS = 8
MOST_TOKENS = 1 << 18
"""Where the lengths must be longer than this, no form is looked for."""

At = Callable[[int], Schedule | None]
"""The schedule at another length, its parameters as they are; None where it has none."""


def tile_form(schedule: Schedule, index: int, found: Tiles, at: At, counter: TileCounter) -> Formula | None:
    """The tiles of pattern `index` of the schedule, which has `found` of them; None where no form was found."""
    if any(has_random(relation) for relation in schedule.patterns[index].relations):
        return None
    layer, head = next((layer, row.index(index)) for layer, row in enumerate(schedule.table) if index in row)
    known = {schedule.tokens: found.active}

    def count(tokens: int) -> int | None:
        if tokens not in known:
            other = at(tokens)
            if other is None or other.params != schedule.params:
                return None
            pattern = other.pattern(layer, head)
            try:
                known[tokens] = counter(pattern.relations, tokens, 0).active
            except TileBudgetError:
                return None
        return known[tokens]

    for step in _steps(schedule, index, found):
        most = schedule.tokens // step
        for first in dict.fromkeys((min(most // 2, MOST_STEPS), most // 2)):
            if first >= LEAST_STEPS and (first + DETERMINING) * step <= MOST_TOKENS:
                formula = _fitted(count, step, first, most)
                if formula is not None:
                    return formula
    return None


def _steps(schedule: Schedule, index: int, found: Tiles) -> Iterator[int]:
    """Numbers of tokens that cut no tile, and then no period either."""
    whole = lcm(found.rows, found.columns)
    yield whole
    periods = [period(relation) for relation in schedule.patterns[index].relations]
    common = lcm(whole, *(each for each in periods if each is not None))
    if common > whole:
        yield common


def _fitted(count: Callable[[int], int | None], step: int, first: int, most: int) -> Formula | None:
    """The form by the lengths first, first + 1, ... steps, held against longer ones."""
    determining = range(first, first + DETERMINING)
    values = [count(times * step) for times in determining]
    counted = [value for value in values if value is not None]
    polynomial = fit([(times,) for times in determining], counted, DEGREE) if len(counted) == DETERMINING else None
    # A chunk, or one diagonal more, may begin beyond the schedule's own length.
    others = dict.fromkeys((first + DETERMINING, 2 * first - 1, most, 2 * most + 1, 3 * most + 2))
    if polynomial is None or any(count(times * step) != polynomial((times,)) for times in others):
        return None
    return in_steps(polynomial, step, first * step, checks=len(others))
