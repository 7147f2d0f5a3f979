"""Advice: what a good colleague would say about the cost of a pattern, with the figures that make them say it.

For: the warnings of the language that need counts. Each is exact at this length, or it is not given. Not for: mistakes
(the program would not have come this far), or what a form alone shows (`algebra/redundant.py` says that with a place).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.redundant import covered_by
from patternc.algebra.relation import (
    Blocks,
    Difference,
    Empty,
    Intersection,
    Random,
    Relation,
    Slice,
    Union,
    Within,
    union,
)
from patternc.algebra.schedule import HeadPattern, Schedule
from patternc.analysis.count import PatternCount
from patternc.analysis.facts import Facts
from patternc.analysis.rows import row_counts
from patternc.analysis.tile_counts import TileCounter, Tiles
from patternc.diagnostics import Diagnostic

ADDS_NOTHING, WASTE, DENSER, CROPPED, TOKEN_RANDOM = "PA904", "PA905", "PA906", "PA907", "PA908"

MOST_COMPUTED = 8
"""Pairs computed for each useful one above which tiles are mostly waste: seven of eight pairs are thrown away."""
DENSE_ENOUGH = Fraction(3, 4)
"""Share of dense attention's tiles above which dense attention, which needs no tables and no masks, takes less time."""
FINE_BLOCK = 16
"""Random blocks up to this size are no better than random tokens."""


def advise(facts: Facts) -> tuple[Diagnostic, ...]:
    """Warnings, each once, pattern by pattern in order of first use."""
    schedule, counts, cropped, tiles = facts.schedule, facts.counts, facts.cropped, facts.tiles
    found: dict[Diagnostic, None] = {}
    for pattern, counted, of_pattern in zip(schedule.patterns, counts.patterns, facts.computed, strict=True):
        for warning in (
            *_idle_terms(pattern, counted, schedule.tokens),
            *_waste(pattern, of_pattern, schedule.tokens, tiles),
            *_dense(pattern, of_pattern, schedule, counts.dense),
            *_random_tokens(pattern, of_pattern, schedule.tokens),
        ):
            found[warning] = None
    if cropped.stable is False and cropped.place is not None:
        tokens, layer, head, query, key = cropped.place
        message = (
            f"the pattern is not crop-stable: at {tokens:,} tokens query {query:,} and key {key:,} "
            f"(layer {layer}, head {head}) are not what they are at {schedule.tokens:,}"
        )
        found[Diagnostic(CROPPED, message, (), ("keys and values cached for one length do not serve another",))] = None
    return tuple(found)


def _idle_terms(pattern: HeadPattern, counted: PatternCount, tokens: int) -> Iterator[Diagnostic]:
    """Terms without which the pattern has the same pairs, where the form alone does not show it."""
    relations = [term.relation for term in pattern.terms]
    if len(relations) < 2:
        return
    for at, term in enumerate(pattern.terms):
        if isinstance(term.relation, Empty) or covered_by(at, relations) is not None:
            continue
        others = union(*(relation for other, relation in enumerate(relations) if other != at))
        try:
            left = int(row_counts(others, tokens).sum())
        except TileBudgetError:
            continue
        if left == counted.pairs:
            yield Diagnostic(ADDS_NOTHING, f"the term `{term.text}` adds nothing: the others have all its pairs here")


def _waste(pattern: HeadPattern, computed: Tiles, tokens: int, tiles: TileCounter) -> Iterator[Diagnostic]:
    ratio = computed.computed_over_useful
    if ratio is None or ratio <= MOST_COMPUTED or tokens <= computed.rows * MOST_COMPUTED:
        return
    shares = [(tiles(term.relation, tokens, 0).active, term.text) for term in pattern.terms]
    most, text = max(shares, key=lambda share: share[0])
    wasted = 1 - 1 / ratio
    note = f"`{text}` touches {most:,} of the {computed.active:,} tiles" if len(shares) > 1 else ""
    advice = (
        "whole tiles are computed either way: a wider window, or blocks(64, ...) of the same pattern, costs about the "
        "same and connects more"
    )
    message = (
        f"{float(wasted):.1%} of what the tiles of `{pattern.text}` compute is thrown away: {float(ratio):,.1f} pairs "
        f"are computed for each one that counts ({computed.rows} x {computed.columns} tiles)"
    )
    yield Diagnostic(WASTE, message, (), tuple(part for part in (note, advice) if part))


def _dense(pattern: HeadPattern, tiles: Tiles, schedule: Schedule, dense: int) -> Iterator[Diagnostic]:
    """Tiles against those of dense attention; a pattern that is dense is meant to be."""
    if tiles.pairs == dense or tiles.active == 0:
        return
    whole = dense_tiles(schedule.tokens, schedule.causal, tiles.rows, tiles.columns)
    share = Fraction(tiles.active, whole)
    if share >= DENSE_ENOUGH and whole > 1:
        message = (
            f"`{pattern.text}` computes {float(share):.0%} of the tiles of dense attention for "
            f"{float(Fraction(tiles.pairs, dense)):.1%} of its pairs: dense attention would be faster"
        )
        yield Diagnostic(DENSER, message)


def dense_tiles(tokens: int, causal: bool, rows: int, columns: int) -> int:
    """Tiles that dense attention computes."""
    across = -(-tokens // columns)
    if not causal:
        return -(-tokens // rows) * across
    return sum(min(across, -(-min(start + rows, tokens) // columns)) for start in range(0, tokens, rows))


def _random_tokens(pattern: HeadPattern, tiles: Tiles, tokens: int) -> Iterator[Diagnostic]:
    for term in pattern.terms:
        count = _fine_random(term.relation, 1)
        if count and tokens > tiles.rows:
            message = f"`{term.text}` draws single keys: each query tile gathers up to {count * tiles.rows:,} of them"
            note = f"random blocks connect as well at a fraction of the cost: blocks(64, random({count}))"
            yield Diagnostic(TOKEN_RANDOM, message, (), (note,))


def _fine_random(relation: Relation, size: int) -> int:
    """How many keys a row draws in blocks of at most FINE_BLOCK tokens, 0 where none."""
    match relation:
        case Random(count):
            return count if size <= FINE_BLOCK else 0
        case Blocks(blocks, inner):
            return _fine_random(inner, size * blocks)
        case Within(_, inner) | Slice(_, _, inner):
            return _fine_random(inner, size)
        case Union(parts) | Intersection(parts):
            return max(_fine_random(part, size) for part in parts)
        case Difference(left, _):
            return _fine_random(left, size)
        case _:
            return 0
