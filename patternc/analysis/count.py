"""Counts: how many pairs each pattern, head, layer and the model has, and how many tiles compute them.

For: exact pairs, density and tile waste of the normal form, in O(tiles). Not for: formulas in n (`formula.py`), tile
shapes of a target, or which launch computes a tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.budget import DEFAULT_BUDGET, work_for
from patternc.algebra.normalise import Normal, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Schedule
from patternc.analysis.rows import key_counts, row_counts
from patternc.analysis.tiles import tile_map

Int64 = NDArray[np.int64]

PLANNED_TILE = (128, 64)
"""Queries by keys: the shape that the kernels start from."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles that compute one pattern, of `rows` queries by `columns` keys.

    `full` and `partial` tiles are contiguous; `gathered` ones hold listed keys or listed queries.
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


@dataclass(frozen=True, slots=True, eq=False)
class PatternCount:
    """One distinct pattern of a schedule: its tiles, and how many pairs each query and each key is in.

    `per_query` and `per_key` are [tokens].
    """

    tiles: Tiles
    per_query: Int64
    per_key: Int64

    @property
    def pairs(self) -> int:
        """Pairs of one head with this pattern."""
        return self.tiles.pairs


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The counts of a schedule: `patterns` beside those of the schedule, `layers` summed over the query heads."""

    patterns: tuple[PatternCount, ...]
    layers: tuple[int, ...]
    dense: int
    """Pairs of one dense head in this model: n * n, or n * (n + 1) / 2 when it is causal."""
    heads: int

    @property
    def total(self) -> int:
        """Pairs over all layers and heads."""
        return sum(self.layers)

    @property
    def density(self) -> Fraction:
        """Share of the pairs that the same model would have with dense attention."""
        return Fraction(self.total, self.dense * self.heads * len(self.layers))


def dense_pairs(tokens: int, causal: bool) -> int:
    """Pairs of one dense head."""
    return tokens * (tokens + 1) // 2 if causal else tokens * tokens


def count(schedule: Schedule, tile: tuple[int, int] = PLANNED_TILE) -> Counts:
    """Count every distinct pattern once.

    Raises:
        TileBudgetError: a pattern has more tiles than the budget of tile maps allows.
    """
    patterns: list[PatternCount] = []
    for index, pattern in enumerate(schedule.patterns):
        with work_for(index):
            patterns.append(count_pattern(pattern.relation, schedule.tokens, tile))
    layers = tuple(sum(patterns[at].pairs for at in row) for row in schedule.table)
    return Counts(tuple(patterns), layers, dense_pairs(schedule.tokens, schedule.causal), schedule.heads)


def count_pattern(relation: Relation, tokens: int, tile: tuple[int, int] = PLANNED_TILE) -> PatternCount:
    """The counts of one pattern. Raises TileBudgetError."""
    per_query = row_counts(relation, tokens)
    tiles = planned_tiles(normalise(relation, tokens), tile, int(per_query.sum()))
    return PatternCount(tiles, per_query, key_counts(relation, tokens))


def planned_tiles(normal: Normal, tile: tuple[int, int], pairs: int) -> Tiles:
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
