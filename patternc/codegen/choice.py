"""Choosing between tiles of neighbours and tiles of residue classes for what has a stride.

For: predicting from the form what either would cost, before any table is built: the tiles of neighbours of a wide
stride can be too many to list. Constants follow from the arithmetic of `cost.py`; none is measured. Not for: listing
keys (`normalise.py`) or costing what was built (`cost.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, TileBudgetError
from patternc.algebra.classes import class_kinds
from patternc.algebra.normalise import Candidate, Takes
from patternc.analysis.contents import Axis
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine
from patternc.codegen.classes import lattice_of
from patternc.codegen.cost import (
    PERCENT_BITS,
    PERCENT_CARRY,
    PERCENT_FULL,
    PERCENT_GATHERED,
    PERCENT_INTERVAL,
    PERCENT_ITEM,
    TileShape,
)

KINDS_LOOKED_AT = 8
"""Kinds of classes that are counted; where there are more, the others are taken to be like these."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was predicted for a stride, in hundredths of an unmasked tile: the cheaper way was taken."""

    step: int
    classes: float
    neighbours: float

    @property
    def on_lattice(self) -> bool:
        """Whether it runs on residue classes."""
        return self.classes < self.neighbours

    @property
    def reason(self) -> str:
        """The choice as a sentence for people."""
        work = [
            "more tiles than can be listed" if cost == float("inf") else f"the work of {cost / PERCENT_FULL:,.0f} tiles"
            for cost in (self.classes, self.neighbours)
        ]
        way = "runs on its residue classes" if self.on_lattice else "stays on tiles of neighbours"
        return f"step {self.step} {way}: predicted {work[0]} there, {work[1]} on neighbours"


def choose(shape: TileShape, made: list[Choice]) -> Takes:
    """For `normalise`: which strided components of a pattern run on lattices when forward tiles have `shape`.

    Every choice is added to `made`.
    """

    def pays(candidate: Candidate) -> bool:
        made.append(Choice(candidate.strided.step, on_classes(candidate, shape), on_neighbours(candidate, shape)))
        return made[-1].on_lattice

    return pays


def on_neighbours(candidate: Candidate, shape: TileShape) -> float:
    """The predicted cost of a strided component on tiles of neighbours, in hundredths of an unmasked tile.

    Of the tiles that the component with everything between its strides touches, those have a pair that span a whole
    step; of narrower ones, that share has. Listed keys are gathered from them. Infinite where there are too many tiles
    to count.
    """
    strided, n = candidate.strided, candidate.n
    between = filled(strided.relation)
    try:
        full, partial = _tiles(between, n, shape)
    except TileBudgetError:
        return float("inf")
    items = -(-n // shape.own) * PERCENT_ITEM if candidate.first else 0
    if candidate.listed:
        return (full + partial) / strided.step * PERCENT_GATHERED + items
    if between == strided.relation:
        hit = min(1.0, (shape.own + shape.counterpart - 1) / strided.step)
    else:
        # Its positions are those of some classes, on both sides.
        hit = min(1.0, shape.own / strided.step) * min(1.0, shape.counterpart / strided.step)
    return (full + partial) * hit * PERCENT_BITS + items


def on_classes(candidate: Candidate, shape: TileShape) -> float:
    """The predicted cost on tiles of residue classes, from the commonest of them.

    Unless it is the first launch, every item carries the state of the softmax on.
    """
    strided, n = candidate.strided, candidate.n
    lattice = lattice_of(strided.step, n, shape.own, shape.counterpart)
    kinds, kind_of = class_kinds(strided, n)
    item = PERCENT_ITEM if candidate.first else PERCENT_ITEM + PERCENT_CARRY
    if lattice.own_run < shape.own:
        packs = -(-kind_of.size // (shape.own // lattice.own_run))
        return packs * (item + -(-kinds[0].length // lattice.counterpart_run) * PERCENT_BITS)
    times = np.bincount(kind_of, minlength=len(kinds))
    looked_at: list[int] = np.argsort(-times, kind="stable")[:KINDS_LOOKED_AT].tolist()
    cost = 0
    for number in looked_at:
        kind = kinds[number]
        full, partial = _tiles(kind.relation, kind.length, shape)
        items = -(-kind.length // shape.own)
        cost += int(times[number]) * (items * item + full * PERCENT_FULL + partial * PERCENT_INTERVAL)
    return cost * kind_of.size / int(times[looked_at].sum())


def filled(relation: r.Relation) -> r.Relation:
    """A relation that has every pair of `relation`, with residues of positions and distances taken as all of them."""
    match relation:
        case r.Rows() | r.Columns() | r.Residue():
            return r.FULL
        case r.Band(low, high, _):
            return r.band(low, high)
        case r.Blocks(size, inner):
            return r.Blocks(size, filled(inner))
        case r.Within(size, inner):
            return r.Within(size, filled(inner))
        case r.Slice(start, stop, inner):
            return r.Slice(start, stop, filled(inner))
        case r.Union(parts):
            return r.union(*map(filled, parts))
        case r.Intersection(parts):
            return r.intersection(*map(filled, parts))
        case r.Difference(left, right):
            # A right side that has grown would take away what is there.
            return r.difference(filled(left), right if filled(right) == right else r.EMPTY)
        case _:
            return relation


def _tiles(relation: r.Relation, n: int, shape: TileShape) -> tuple[int, int]:
    """About how many full and how many partial tiles a relation has: undecided ones are taken as partial."""
    draws = draw_all(relation, n, DEFAULT_BUDGET)
    refined = refine(relation, n, Axis(n, shape.own, None), Axis(n, shape.counterpart, None), draws, DEFAULT_BUDGET)
    full = (refined.full.q1 - refined.full.q0) * (refined.full.k1 - refined.full.k0)
    return int(full.sum()), refined.undecided.q0.size
