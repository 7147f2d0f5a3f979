"""Crop stability: whether the mask at a shorter length is the top-left corner of the mask at a longer one.

For: the answer with a proof or a counterexample, or None. In a sum, the counts have to agree as well: keys and values
cached for one length would serve another with other weights. Unstable: some shorter length has another mask, and a pair
shows it. Stable: the same relations come out at every length, because nothing in the program follows the length but
`a..n` (which a crop cuts as well). Ids beyond the shorter length are left out and parameters keep their values, as for
a compiled module. Not for: guessing from a few lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import cast

import numpy as np

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.evaluate import multiplicities
from patternc.algebra.normalise import simplify
from patternc.algebra.relation import (
    Blocks,
    Difference,
    Intersection,
    Random,
    Relation,
    Slice,
    Union,
    Within,
    difference,
    union,
)
from patternc.algebra.schedule import Schedule
from patternc.analysis.rows import pair_counts
from patternc.analysis.template import draws
from patternc.grammar import typed

SHORTER = (1, 2, 3, 5, 8, 13, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 511, 512, 513)
"""Lengths looked at, beside those near the compiled one and its halves."""
DRAWN_PAIRS = 1 << 16
"""Pairs compared where keys are drawn (whole rows, the first ones); elsewhere all are."""


@dataclass(frozen=True, slots=True)
class Cropped:
    """`stable` None: not decided. `place` (tokens, layer, head, query, key): where a shorter mask differs."""

    stable: bool | None
    place: tuple[int, int, int, int, int] | None
    method: str


def crop(bound: typed.Program, schedule: Schedule, at: Callable[[int], Schedule | None]) -> Cropped:
    """Whether the masks of `schedule` are crop-stable. `bound` is its program with all parameters bound to values.

    `at` gives the schedule at another length, ids beyond it left out; None where there is none.
    """
    tokens = schedule.tokens
    near = (tokens // 4, tokens // 2, 3 * tokens // 4, tokens - 2, tokens - 1)
    compared = 0
    for shorter in sorted({length for length in (*SHORTER, *near) if 0 < length < tokens}):
        other = at(shorter)
        if other is None or (other.layers, other.heads) != (schedule.layers, schedule.heads):
            continue
        compared += 1
        place = _first_difference(schedule, other)
        if place is not None:
            return Cropped(False, (shorter, *place), f"a pair that differs at {shorter:,} tokens")
    free = not (
        any(_draws_from_all(pattern.relation) for pattern in schedule.patterns)
        or _follows_length(bound.model)
        or any(_follows_length(each.body) for each in bound.patterns)
        or any(_counts_back(param.value) for param in bound.params)
    )
    if free:
        return Cropped(True, None, "nothing in the pattern follows the length")
    return Cropped(
        None, None, f"not decided: the same at {compared} shorter lengths, but the pattern follows the length"
    )


def _first_difference(long: Schedule, short: Schedule) -> tuple[int, int, int, int] | None:
    """(layer, head, query, key) of a pair that counts otherwise in one than in the other, both within the shorter."""
    seen: set[tuple[int, int]] = set()
    for layer, (row, other) in enumerate(zip(long.table, short.table, strict=True)):
        for head, at in enumerate(zip(row, other, strict=True)):
            if at in seen:
                continue
            seen.add(at)
            pair = _differs(long.patterns[at[0]].relations, long.tokens, short.patterns[at[1]].relations, short.tokens)
            if pair is not None:
                return layer, head, *pair
    return None


def _differs(long: Sequence[Relation], tokens: int, short: Sequence[Relation], shorter: int) -> tuple[int, int] | None:
    """A (query, key) that counts otherwise in the sum of the branches `long` than in that of `short`."""
    if len(long) == len(short) and not any(map(draws, long)):
        # Without a draw a relation means the same at every length.
        apart = np.zeros(shorter, dtype=np.int64)
        for one, other in zip(long, short, strict=True):
            if simplify(one, shorter) != simplify(other, shorter):
                try:
                    apart += pair_counts(union(difference(one, other), difference(other, one)), shorter).per_query
                except TileBudgetError:
                    return None
        queries = np.flatnonzero(apart)[:1]
    else:
        queries = np.arange(min(shorter, max(1, DRAWN_PAIRS // shorter)), dtype=np.int64)
    keys = np.arange(shorter, dtype=np.int64)
    rows = queries.astype(np.int64)[:, None]
    here, there = (
        multiplicities(branches, rows, keys[None, :], length) for branches, length in ((long, tokens), (short, shorter))
    )
    wrong = np.argwhere(here != there)
    return (int(queries[wrong[0][0]]), int(wrong[0][1])) if wrong.size else None


def _draws_from_all(relation: Relation) -> bool:
    """Whether some keys are drawn from candidates that a longer sequence has more of."""
    match relation:
        case Random(causal=causal, avoid=avoid):
            return not causal or _draws_from_all(avoid)
        case Blocks(_, inner) | Within(_, inner) | Slice(_, _, inner):
            return _draws_from_all(inner)
        case Union(parts) | Intersection(parts):
            return any(_draws_from_all(part) for part in parts)
        case Difference(left, right):
            return _draws_from_all(left) or _draws_from_all(right)
        case _:
            return False


def _follows_length(node: object) -> bool:
    """Whether a typed expression mentions n, but for `a..n`, or counts ids from the end, or has a form for each n."""
    match node:
        case typed.Neighborhood() | typed.Layout():
            return True  # the one shifts its last windows, the other has a single length
        case typed.Lift(by="within", size=size):
            return _follows_length(size)  # inside, n is the size
        case typed.Quantity(name):
            return name == "n"
        case typed.Selector() | typed.Residues() | typed.Positions(of="diagonals"):
            # Layers and heads count from their own end; negative residues and diagonals are themselves.
            return any(_mentions_n(part) for part in _parts(node))
        case typed.Stretch(start, stop, step):
            to_the_end = stop == typed.Quantity("n")
            parts = (start, step) if to_the_end else (start, step, stop)
            return any(_mentions_n(part) or _counts_back(part) for part in parts)
        case typed.Single(value):
            return _mentions_n(value) or _counts_back(value)
        case _:
            return any(_follows_length(part) for part in _parts(node))


def _mentions_n(node: object) -> bool:
    return node == typed.Quantity("n") or any(_mentions_n(part) for part in _parts(node))


def _counts_back(node: object) -> bool:
    """Whether a negative number may come out of an expression."""
    match node:
        case typed.Integer(value):
            return value < 0
        case typed.Negative():
            return True
        case typed.Arithmetic(_, signs) if "-" in signs:
            return True
        case _:
            return any(_counts_back(part) for part in _parts(node))


def _parts(node: object) -> list[object]:
    """The parts of a typed value: fields of a node, items of a tuple."""
    if isinstance(node, tuple):
        return list(cast("tuple[object, ...]", node))
    if is_dataclass(node):
        return [getattr(node, each.name) for each in fields(node) if each.name != "span"]
    return []
