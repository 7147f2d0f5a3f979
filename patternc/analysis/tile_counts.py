"""How many tiles compute a pattern, and how many pairs they compute for each one that counts.

For: the waste of a pattern. What tiles there are is the business of a plan, which `codegen` makes: a report takes a
`TileCounter` from there; `on_neighbours` is for schedules without a plan. Not for: pairs (`count.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from patternc.algebra.budget import DEFAULT_BUDGET, Budget, refuse
from patternc.algebra.normalise import Normal, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.algebra.relation import Relation
from patternc.analysis.contents import EMPTY_CLASS, EVALUATED_AT_ONCE, FULL_CLASS, Axis, decide
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine, tile_map

PLANNED_TILE = (128, 64)
"""Queries by keys: the shape that the kernels start from."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles that compute one pattern, of `rows` queries by `columns` keys.

    `full` and `partial` tiles are contiguous; `gathered` ones hold listed keys or listed queries. Where a pair counts
    twice, two tiles have it.
    """

    rows: int
    columns: int
    full: int
    partial: int
    gathered: int
    pairs: int

    @property
    def active(self) -> int:
        """All tiles."""
        return self.full + self.partial + self.gathered

    @property
    def computed(self) -> int:
        """Pairs that the tiles hold, tiles at the edge taken as whole."""
        return self.active * self.rows * self.columns

    @property
    def computed_over_useful(self) -> Fraction | None:
        """Computed pairs for each pair of the pattern; None without any pair."""
        return Fraction(self.computed, self.pairs) if self.pairs else None


TileCounter = Callable[[tuple[Relation, ...], int, int], Tiles]
"""The forward tiles of one head with the sum of some branches, of a length, that has so many pairs.

Raises TileBudgetError.
"""


def on_neighbours(branches: tuple[Relation, ...], n: int, pairs: int) -> Tiles:
    """A `TileCounter`: tiles of neighbouring positions, and gathered ones for listed keys and queries.

    Branch by branch: what a plan saves where branches share tiles is left out.
    """
    of_each = [tiles_of(normalise(branch, n), PLANNED_TILE, 0) for branch in branches]
    full, partial, gathered = (
        sum(getattr(tiles, kind) for tiles in of_each) for kind in ("full", "partial", "gathered")
    )
    return Tiles(*PLANNED_TILE, full, partial, gathered, pairs)


@dataclass(frozen=True, slots=True)
class Occupied:
    """The tiles of neighbouring positions that hold a pair of a relation, however they are computed, and its pairs."""

    tiles: int
    pairs: int


def occupied_tiles(relation: Relation, n: int, rows: int, columns: int, budget: Budget = DEFAULT_BUDGET) -> Occupied:
    """Which of the tiles of `rows` queries by `columns` keys hold a pair. Raises TileBudgetError beyond the budget."""
    queries, keys = Axis(n, min(rows, n), None), Axis(n, min(columns, n), None)  # a larger tile holds the same
    if queries.tile * keys.tile > EVALUATED_AT_ONCE:
        raise refuse("pairs in one tile", queries.tile * keys.tile, EVALUATED_AT_ONCE, "use smaller tiles")
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    full, single = refined.full, refined.undecided
    contents = decide(relation, n, queries, keys, single.q0, single.k0, "queries", draws, budget)
    heights = np.minimum(full.q1 * queries.tile, n) - full.q0 * queries.tile
    widths = np.minimum(full.k1 * keys.tile, n) - full.k0 * keys.tile
    active = contents.classes != EMPTY_CLASS
    inside = np.where(
        contents.classes == FULL_CLASS,
        queries.live(single.q0) * keys.live(single.k0),
        np.append(0, contents.popcounts)[contents.classes],
    )
    return Occupied(
        int(((full.q1 - full.q0) * (full.k1 - full.k0)).sum()) + int(active.sum()),
        int((heights * widths).sum()) + int(inside[active].sum()),
    )


def tiles_of(normal: Normal, tile: tuple[int, int], pairs: int) -> Tiles:
    """The tiles of a normal form, component by component; `pairs` is how many pairs it has. Raises TileBudgetError."""
    rows, columns = tile
    contiguous = tile_map(normal.tiled, normal.n, rows, columns)
    gathered = 0
    if normal.queried is not None:
        part = normal.queried
        gathered += tile_map(part.relation, normal.n, rows, columns, queries=part.positions).classes.size
    if normal.keyed is not None:
        part = normal.keyed
        gathered += tile_map(part.relation, normal.n, rows, columns, keys=part.positions).classes.size
    if normal.drawn is not None:
        listed = listed_pairs(normal.drawn, normal.n, DEFAULT_BUDGET)
        visited = np.unique(listed.query // rows * normal.n + listed.key) // normal.n
        gathered += int((-(-np.bincount(visited) // columns)).sum())
    return Tiles(rows, columns, contiguous.full, contiguous.partial, gathered, pairs)
