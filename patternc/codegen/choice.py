"""Choosing between tiles of neighbours and tiles of residue classes for what has a stride.

For: predicting from the form what either would cost, before any table is built: the tiles of neighbours of a wide
stride can be too many to list. Constants follow from the arithmetic of `cost.py`; none is measured. Not for: listing
keys (`normalise.py`) or costing what was built (`cost.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, TileBudgetError
from patternc.algebra.classes import class_kinds
from patternc.algebra.normalise import Strided
from patternc.analysis.contents import Axis
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine
from patternc.codegen.classes import lattice_of
from patternc.codegen.cost import (
    PERCENT_BITS,
    PERCENT_CARRY,
    PERCENT_FULL,
    PERCENT_INTERVAL,
    PERCENT_ITEM,
    TileShape,
)


def choose(shape: TileShape) -> Callable[[Strided, int, bool], bool]:
    """For `normalise`: which strided components of a pattern run on lattices when forward tiles have `shape`."""

    def pays(strided: Strided, n: int, first: bool) -> bool:
        return on_classes(strided, n, shape, first) < on_neighbours(strided, n, shape, first)

    return pays


def on_neighbours(strided: Strided, n: int, shape: TileShape, first: bool) -> float:
    """The predicted cost of a strided component on tiles of neighbours, in hundredths of an unmasked tile.

    Tiles that what lies between the strides touches have a pair of a class if they span a whole step; of narrower
    ones, that share has. `first`: nothing else needs such tiles. Infinite where there are too many tiles to count.
    """
    try:
        full, partial = _tiles(strided.relation, n, shape)
    except TileBudgetError:
        return float("inf")
    hit = min(1.0, (shape.own + shape.counterpart - 1) / strided.step)
    items = -(-n // shape.own) * PERCENT_ITEM if first else 0
    return (full + partial) * hit * PERCENT_BITS + items


def on_classes(strided: Strided, n: int, shape: TileShape, first: bool) -> float:
    """The predicted cost on tiles of residue classes, all taken to be like the commonest of them.

    Unless it is the `first` launch, every item carries the state of the softmax on.
    """
    lattice = lattice_of(strided.step, n, shape.own, shape.counterpart)
    kinds, kind_of = class_kinds(strided, n)
    common = kinds[int(np.bincount(kind_of).argmax())]
    item = PERCENT_ITEM if first else PERCENT_ITEM + PERCENT_CARRY
    if lattice.own_run < shape.own:
        packs = -(-kind_of.size // (shape.own // lattice.own_run))
        return packs * (item + -(-common.length // lattice.counterpart_run) * PERCENT_BITS)
    full, partial = _tiles(common.relation, common.length, shape)
    items = -(-common.length // shape.own)
    return kind_of.size * (items * item + full * PERCENT_FULL + partial * PERCENT_INTERVAL)


def _tiles(relation: r.Relation, n: int, shape: TileShape) -> tuple[int, int]:
    """About how many full and how many partial tiles a relation has: undecided ones are taken as partial."""
    draws = draw_all(relation, n, DEFAULT_BUDGET)
    refined = refine(relation, n, Axis(n, shape.own, None), Axis(n, shape.counterpart, None), draws, DEFAULT_BUDGET)
    full = (refined.full.q1 - refined.full.q0) * (refined.full.k1 - refined.full.k0)
    return int(full.sum()), refined.undecided.q0.size
