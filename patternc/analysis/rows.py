"""How many keys each query attends and how many queries attend each key, exactly, in O(tiles).

For: exact pair counts per row and column, and the first row that attends nothing. Works on the components of the
normal form, and full boxes of tiles are never laid out as tiles: a dense layer costs no more than its diagonal. Not
for: tile maps (`tiles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget
from patternc.algebra.classes import class_kinds
from patternc.algebra.evaluate import evaluate
from patternc.algebra.normalise import Candidate, Listed, Strided, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.analysis.classify import Boxes
from patternc.analysis.coarse import Coarse, coarse
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Axis, decide
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine

Int64 = NDArray[np.int64]

TILE = 64


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """How many pairs each query and each key of a place of length n is in, both int64 [n]."""

    per_query: Int64
    per_key: Int64

    def __add__(self, other: PairCounts) -> PairCounts:
        return PairCounts(self.per_query + other.per_query, self.per_key + other.per_key)


def row_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """The number of keys that each query attends, int64 [n]. Raises TileBudgetError beyond the budget."""
    return pair_counts(relation, n, budget).per_query


def empty_rows(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> int | None:
    """The first query that attends no key; None when every query attends one."""
    (empty,) = np.nonzero(row_counts(relation, n, budget) == 0)
    return int(empty[0]) if empty.size else None


def pair_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> PairCounts:
    """Block by block where blocks are seen whole, else the sum over the components, which are disjoint.

    Raises:
        TileBudgetError: deciding the pairs takes more than the budget allows.
    """
    blocks = coarse(relation, n)
    if blocks is not None:
        return _over_blocks(blocks, n, budget)
    normal = normalise(relation, n, _on_classes)
    every = Axis(n, TILE, None)
    counts = _tiled(normal.tiled, n, every, every, budget)
    for listed, along_queries in ((normal.queried, True), (normal.keyed, False)):
        if listed is not None:
            counts += _listed(listed, n, along_queries, budget)
    if normal.drawn is not None:
        pairs = listed_pairs(normal.drawn, n, budget)
        counts += PairCounts(np.bincount(pairs.query, minlength=n), np.bincount(pairs.key, minlength=n))
    for strided in normal.strided:
        counts += _strided(strided, n, budget)
    return counts


def _over_blocks(found: Coarse, n: int, budget: Budget) -> PairCounts:
    """A block counts as many tokens as it has; in a causal relation less those that are later in the query's own."""
    size, blocks, relation = found.size, found.blocks, found.relation
    whole = pair_counts(relation, blocks, budget)
    every, last = np.arange(blocks), np.full(blocks, blocks - 1)
    lacks = blocks * size - n  # tokens that the last block does not have
    rows = whole.per_query * size - lacks * evaluate(relation, every, last, blocks)
    columns = whole.per_key * size - lacks * evaluate(relation, last, every, blocks)
    if not found.causal:
        return PairCounts(np.repeat(rows, size)[:n], np.repeat(columns, size)[:n])
    own = evaluate(relation, every, every, blocks)
    later = np.repeat(own * (np.minimum(size, n - every * size) - 1), size)[:n]
    before = np.repeat(own, size)[:n] * (np.arange(n) % size)
    return PairCounts(np.repeat(rows, size)[:n] - (later - before), np.repeat(columns, size)[:n] - before)


def _on_classes(candidate: Candidate) -> bool:
    """Strides are always counted class by class, whatever they are best computed on."""
    return True


def _strided(strided: Strided, n: int, budget: Budget) -> PairCounts:
    """A kind of class is counted once for all classes that are alike."""
    shape = (-(-n // strided.step), strided.step)  # column c is class c
    rows, columns = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    kinds, kind_of = class_kinds(strided, n)
    for number, kind in enumerate(kinds):
        (classes,) = np.nonzero(kind_of == number)
        counted = pair_counts(kind.relation, kind.length, budget)
        rows[: kind.length, classes] = counted.per_query[:, None]
        columns[: kind.length, classes] = counted.per_key[:, None]
    return PairCounts(rows.reshape(-1)[:n], columns.reshape(-1)[:n])


def _listed(listed: Listed, n: int, along_queries: bool, budget: Budget) -> PairCounts:
    every, chosen = Axis(n, TILE, None), Axis(listed.positions.size, TILE, listed.positions)
    queries, keys = (chosen, every) if along_queries else (every, chosen)
    counts = _tiled(listed.relation, n, queries, keys, budget)
    spread = np.zeros(n, dtype=np.int64)
    spread[listed.positions] = counts.per_query if along_queries else counts.per_key
    return PairCounts(spread, counts.per_key) if along_queries else PairCounts(counts.per_query, spread)


def _tiled(relation: r.Relation, n: int, queries: Axis, keys: Axis, budget: Budget) -> PairCounts:
    """Pairs of each position of both axes."""
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    full, single = refined.full, refined.undecided
    contents = decide(relation, n, queries, keys, single.q0, single.k0, "queries", draws, budget)
    active = contents.classes != EMPTY_CLASS
    single, classes = single[active], contents.classes[active]
    masks = np.unpackbits(contents.masks, axis=2, count=keys.tile, bitorder="little")
    return PairCounts(
        _along(queries, keys, full, single.q0, single.k0, classes, masks.sum(axis=2, dtype=np.int64)),
        _along(keys, queries, full.transposed(), single.k0, single.q0, classes, masks.sum(axis=1, dtype=np.int64)),
    )


def _along(
    own: Axis, other: Axis, full: Boxes, tile: Int64, counterpart: Int64, classes: Int64, per_mask: Int64
) -> Int64:
    """Pairs of each position of the `own` axis: of full boxes, own side first, and single tiles of some class."""
    # A full box gives each of its rows as many pairs as it is wide: added where it begins, taken back where it ends.
    width = np.minimum(full.k1 * other.tile, other.length) - full.k0 * other.tile
    change = np.zeros(own.tiles + 1, dtype=np.int64)
    np.add.at(change, full.q0, width)
    np.add.at(change, full.q1, -width)
    counts = np.repeat(np.cumsum(change[:-1])[:, None], own.tile, axis=1)

    # Tiles of one class add the same to the rows of their own tile: class 0 a full tile, of which the last is narrow.
    per_class = np.concatenate([np.full((1, own.tile), 1, dtype=np.int64), per_mask])
    times = np.where(classes == FULL_CLASS, other.live(counterpart), 1)
    kinds, index = np.unique(tile * per_class.shape[0] + classes, return_inverse=True)
    weight = np.zeros(kinds.size, dtype=np.int64)
    np.add.at(weight, index, times)
    if kinds.size:
        tile, label = kinds // per_class.shape[0], kinds % per_class.shape[0]
        (begin,) = np.nonzero(np.append(True, tile[1:] != tile[:-1]))
        counts[tile[begin]] += np.add.reduceat(weight[:, None] * per_class[label], begin, axis=0)
    return counts.reshape(-1)[: own.length]
