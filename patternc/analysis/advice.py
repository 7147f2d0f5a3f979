"""Advice: what a good colleague would say about the cost of a pattern, with the figures that make them say it.

For: the warnings of the language that need counts. Each is exact at this length, or it is not given. Not for: mistakes
(the program would not have come this far), or what a form alone shows (`algebra/redundant.py` says that with a place).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from patternc.analysis.facts import Facts
from patternc.analysis.rows import pair_counts
from patternc.analysis.template import reseeded
from patternc.analysis.tile_counts import TileCounter, Tiles
from patternc.diagnostics import Diagnostic, Label

ADDS_NOTHING, WASTE, DENSER, CROPPED, TOKEN_RANDOM = "PA904", "PA905", "PA906", "PA907", "PA908"

MOST_COMPUTED = 8
"""Pairs computed for each useful one above which tiles are mostly waste: seven of eight pairs are thrown away."""
DENSE_ENOUGH = Fraction(3, 4)
"""Share of dense attention's tiles above which dense attention, which needs no tables and no masks, takes less time."""
FINE_BLOCK = 16
"""Random blocks up to this size are no better than random tokens."""


def advise(facts: Facts, written: Written | None = None, *, asked_to_crop: bool = False) -> tuple[Diagnostic, ...]:
    """Warnings, each once, pattern by pattern in order of first use, where `written` says they belong.

    Of patterns at one place that differ in what they draw alone, the first stands for all.

    `asked_to_crop`: the program says that it must be crop-stable, and a failed expectation tells what a warning would.
    """
    schedule, cropped = facts.schedule, facts.cropped
    places = written or _nowhere(schedule)
    found: dict[object, Diagnostic] = {warning: warning for warning in _idle_terms(facts, places)}
    for index, (pattern, computed) in enumerate(zip(schedule.patterns, facts.computed, strict=True)):
        place, terms = places.patterns[index], places.terms[index]
        density = Fraction(facts.counts.patterns[index].distinct, facts.counts.dense)
        undrawn = tuple(reseeded(relation, (0,)) for relation in pattern.relations)
        drawn = tuple(_random_tokens(pattern, terms, computed, schedule.tokens))
        for warning in (
            *_waste(pattern, terms, computed, schedule.tokens, facts.tiles, known=bool(drawn)),
            *_dense(pattern, place, computed, schedule, density),
        ):
            found.setdefault((warning.code, undrawn, place), warning)
        found |= {warning: warning for warning in drawn}
    if cropped.stable is False and cropped.place is not None and not asked_to_crop:
        tokens, layer, head, query, key = cropped.place
        message = (
            f"the pattern is not crop-stable: at {tokens:,} tokens query {query:,} and key {key:,} "
            f"(layer {layer}, head {head}) are not what they are at {schedule.tokens:,}"
        )
        label = _at(places.patterns[schedule.table[layer][head]], "follows the length")
        found[CROPPED] = Diagnostic(CROPPED, message, label, (CROP_NOTE,))
    return tuple(found.values())


CROP_NOTE = (
    "keys and values cached for one length do not serve another; ids counted from the beginning, and sizes without n, "
    "are the same at every length"
)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the patterns of a schedule, and the terms of each, were written; None where that is not known."""

    patterns: Sequence[Label | None]
    terms: Sequence[Sequence[Label | None]]


def _nowhere(schedule: Schedule) -> Written:
    return Written([None] * len(schedule.patterns), [[None] * len(pattern.terms) for pattern in schedule.patterns])


def _at(place: Label | None, text: str) -> tuple[Label, ...]:
    return () if place is None else (replace(place, text=text),)


def _idle_terms(facts: Facts, places: Written) -> Iterator[Diagnostic]:
    """Terms without which every branch has the same pairs, where the form alone does not show it.

    A term that adds something to one head is not idle. Each is held against the terms that are kept, so that all that
    are named can go together.
    """
    idle: dict[tuple[str, Label | None], Diagnostic] = {}
    useful: set[tuple[str, Label | None]] = set()
    for index, pattern in enumerate(facts.schedule.patterns):
        first = 0  # of this branch, among the terms of all
        for branch, pairs in zip(pattern.branches, facts.counts.patterns[index].branches, strict=True):
            relations = [term.relation for term in branch.terms]
            kept = list(range(len(relations)))
            for at in reversed(range(len(relations))):
                term, place = branch.terms[at], places.terms[index][first + at]
                key = (term.text if place is None else "", place)
                others = [relations[other] for other in kept if other != at]
                if isinstance(term.relation, Empty) or covered_by(at, relations) is not None:
                    continue  # elaboration has said so
                if not others or not _adds_nothing(facts, pairs, others):
                    useful.add(key)
                    continue
                kept.remove(at)
                message = f"the term `{term.text}` adds nothing: the others have all its pairs here"
                idle.setdefault(key, Diagnostic(ADDS_NOTHING, message, _at(place, "adds nothing")))
            first += len(relations)
    yield from (warning for key, warning in idle.items() if key not in useful)


def _adds_nothing(facts: Facts, pairs: int, others: list[Relation]) -> bool:
    try:
        left = pair_counts(union(*others), facts.schedule.tokens).total
    except TileBudgetError:
        return False
    return left == pairs


def _waste(
    pattern: HeadPattern,
    places: Sequence[Label | None],
    computed: Tiles,
    tokens: int,
    tiles: TileCounter,
    *,
    known: bool,
) -> Iterator[Diagnostic]:
    """`known`: single random keys are warned of already, and waste where they are is the same mistake."""
    ratio = computed.computed_over_useful
    if ratio is None or ratio <= MOST_COMPUTED or tokens <= computed.rows * MOST_COMPUTED:
        return
    shares = [tiles((term.relation,), tokens, 0).active for term in pattern.terms]
    at = max(range(len(shares)), key=lambda index: shares[index])
    most, term = shares[at], pattern.terms[at]
    if known and _fine_random(term.relation, 1):
        return
    wasted = 1 - 1 / ratio
    note = f"`{term.text}` touches {most:,} of the {computed.active:,} tiles" if len(shares) > 1 else ""
    message = (
        f"{float(wasted):.1%} of what the tiles of `{pattern.text}` compute is thrown away: {float(ratio):,.1f} pairs "
        f"are computed for each one that counts ({computed.rows} x {computed.columns} tiles)"
    )
    notes = tuple(part for part in (note, WASTE_NOTE) if part)
    yield Diagnostic(WASTE, message, _at(places[at], f"touches {most:,} tiles"), notes)


WASTE_NOTE = (
    "whole tiles are computed either way: a wider window, or blocks(64, ...) of the same pattern, costs about the same "
    "and connects more"
)


def _dense(
    pattern: HeadPattern, place: Label | None, tiles: Tiles, schedule: Schedule, density: Fraction
) -> Iterator[Diagnostic]:
    """Tiles against those of dense attention; a pattern that is dense is meant to be, with what a sum adds to it."""
    if density == 1 or tiles.active == 0:
        return
    whole = dense_tiles(schedule.tokens, schedule.causal, tiles.rows, tiles.columns)
    share = Fraction(tiles.active, whole)
    if share >= DENSE_ENOUGH and whole > 1:
        message = (
            f"`{pattern.text}` computes {float(share):.0%} of the tiles of dense attention for "
            f"{float(density):.1%} of its pairs: dense attention would be faster"
        )
        label = _at(place, f"{float(share):.0%} of the tiles")
        yield Diagnostic(DENSER, message, label, ("`dense` needs no tables and no masks, and connects more",))


def dense_tiles(tokens: int, causal: bool, rows: int, columns: int) -> int:
    """Tiles that dense attention computes."""
    across = -(-tokens // columns)
    if not causal:
        return -(-tokens // rows) * across
    return sum(min(across, -(-min(start + rows, tokens) // columns)) for start in range(0, tokens, rows))


def _random_tokens(
    pattern: HeadPattern, places: Sequence[Label | None], tiles: Tiles, tokens: int
) -> Iterator[Diagnostic]:
    for term, place in zip(pattern.terms, places, strict=True):
        count = _fine_random(term.relation, 1)
        if count and tokens > tiles.rows:
            message = f"`{term.text}` draws single keys: each query tile gathers up to {count * tiles.rows:,} of them"
            note = f"random blocks connect as well at a fraction of the cost: blocks(64, random({count}))"
            yield Diagnostic(TOKEN_RANDOM, message, _at(place, "draws single keys"), (note,))


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
