"""Counts: how many pairs each pattern, head, layer and the model has, and how many tiles compute them.

For: exact pairs, density and tile waste, from tile maps in O(active tiles). Not for: formulas in n (`formula.py`), or
which launch computes a tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patternc.algebra.schedule import Schedule
from patternc.analysis.tiles import FULL_CLASS, TileMap, tile_map

Int64 = NDArray[np.int64]

PLANNED_TILE = (128, 64)
"""Queries by keys: the shape that the kernels start from."""
TILES_AT_ONCE = 1 << 14
MASKS_AT_ONCE = 1 << 11


@dataclass(frozen=True, slots=True)
class Tiles:
    """The active tiles of one pattern: `rows` queries by `columns` keys each."""

    rows: int
    columns: int
    full: int
    partial: int
    pairs: int

    @property
    def computed(self) -> int:
        """Pairs that the active tiles hold, tiles at the edge taken as whole."""
        return (self.full + self.partial) * self.rows * self.columns

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
    patterns = tuple(count_pattern(tile_map(pattern.relation, schedule.tokens, *tile)) for pattern in schedule.patterns)
    layers = tuple(sum(patterns[at].pairs for at in row) for row in schedule.table)
    return Counts(patterns, layers, dense_pairs(schedule.tokens, schedule.causal), schedule.heads)


def count_pattern(tiles: TileMap) -> PatternCount:
    """The counts of one tile map of queries by keys."""
    rows, columns = tiles.own_tile, tiles.counterpart_tile
    row_sums, column_sums = _mask_sums(tiles)
    blocks, key_blocks = tiles.first.size - 1, -(-tiles.n // columns)
    own = np.repeat(np.arange(blocks), np.diff(tiles.first))
    last_row, last_column = tiles.n - (blocks - 1) * rows, tiles.n - (key_blocks - 1) * columns
    per_query = np.zeros((blocks, rows), dtype=np.int64)
    per_key = np.zeros((key_blocks, columns), dtype=np.int64)
    for start in range(0, own.size, TILES_AT_ONCE):
        part = slice(start, start + TILES_AT_ONCE)
        which, own_tile, key_tile = tiles.classes[part], own[part], tiles.counterparts[part]
        whole = which == FULL_CLASS
        per_row, per_column = row_sums[which], column_sums[which]
        per_row[whole & (key_tile == key_blocks - 1)] = last_column
        per_column[whole & (own_tile == blocks - 1)] = last_row
        _add_rows(per_query, own_tile, per_row)
        _add_rows(per_key, key_tile, per_column)
    return PatternCount(
        Tiles(rows, columns, tiles.full, tiles.partial, tiles.pairs),
        per_query.reshape(-1)[: tiles.n],
        per_key.reshape(-1)[: tiles.n],
    )


def _mask_sums(tiles: TileMap) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs in each row [1 + U, rows] and column [1 + U, columns] of the tile classes; class 0 is a full tile."""
    rows, columns = tiles.own_tile, tiles.counterpart_tile
    row_sums = [np.full((1, rows), columns, dtype=np.int32)]
    column_sums = [np.full((1, columns), rows, dtype=np.int32)]
    for start in range(0, tiles.masks.shape[0], MASKS_AT_ONCE):
        bits = np.unpackbits(tiles.masks[start : start + MASKS_AT_ONCE], axis=2, bitorder="little")[:, :, :columns]
        row_sums.append(bits.sum(axis=2, dtype=np.int32))
        column_sums.append(bits.sum(axis=1, dtype=np.int32))
    return np.concatenate(row_sums), np.concatenate(column_sums)


def _add_rows(sums: Int64, at: NDArray[np.integer], rows: NDArray[np.int32]) -> None:
    """Add rows[t] to sums[at[t]] for every t, repeats included."""
    order = np.argsort(at, kind="stable")
    ordered = at[order]
    (heads,) = np.nonzero(np.append(True, ordered[1:] != ordered[:-1]))
    sums[ordered[heads]] += np.add.reduceat(rows[order], heads, axis=0, dtype=np.int64)
