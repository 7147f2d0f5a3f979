"""How many keys each query attends and how many queries attend each key, exactly, in O(tiles).

For: exact pair counts per row and column, and the first row that attends nothing. Works on the components of the
normal form, and full boxes of tiles are never laid out as tiles: a dense layer costs no more than its diagonal. Not
for: tile maps (`tiles.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget
from patternc.algebra.classes import class_kinds
from patternc.algebra.normalise import Candidate, Listed, Strided, normalise
from patternc.algebra.pairs import listed_pairs
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Axis, Side, decide
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine

Int64 = NDArray[np.int64]

TILE = 64


def row_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """The number of keys that each query attends, int64 [n]. Raises TileBudgetError beyond the budget."""
    return _counts(relation, n, "queries", budget)


def key_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> Int64:
    """The number of queries that attend each key, int64 [n]. Raises TileBudgetError beyond the budget."""
    return _counts(relation, n, "keys", budget)


def empty_rows(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> int | None:
    """The first query that attends no key; None when every query attends one."""
    (empty,) = np.nonzero(row_counts(relation, n, budget) == 0)
    return int(empty[0]) if empty.size else None


def _counts(relation: r.Relation, n: int, side: Side, budget: Budget) -> Int64:
    """The sum over the components, which are disjoint."""
    normal = normalise(relation, n, _on_classes)
    every = Axis(n, TILE, None)
    counts = _tiled(normal.tiled, n, every, every, side, budget)
    for listed, along in ((normal.queried, "queries"), (normal.keyed, "keys")):
        if listed is not None:
            counts += _listed(listed, n, along == "queries", side, budget)
    if normal.drawn is not None:
        pairs = listed_pairs(normal.drawn, n, budget)
        counts += np.bincount(pairs.query if side == "queries" else pairs.key, minlength=n)
    for strided in normal.strided:
        counts += _strided(strided, n, side, budget)
    return counts


def _on_classes(candidate: Candidate) -> bool:
    """Strides are always counted class by class, whatever they are best computed on."""
    return True


def _strided(strided: Strided, n: int, side: Side, budget: Budget) -> Int64:
    """A kind of class is counted once for all classes that are alike."""
    counts = np.zeros((-(-n // strided.step), strided.step), dtype=np.int64)  # column c is class c
    kinds, kind_of = class_kinds(strided, n)
    for number, kind in enumerate(kinds):
        (classes,) = np.nonzero(kind_of == number)
        counts[: kind.length, classes] = _counts(kind.relation, kind.length, side, budget)[:, None]
    return counts.reshape(-1)[:n]


def _listed(listed: Listed, n: int, along_queries: bool, side: Side, budget: Budget) -> Int64:
    every, chosen = Axis(n, TILE, None), Axis(listed.positions.size, TILE, listed.positions)
    queries, keys = (chosen, every) if along_queries else (every, chosen)
    counts = _tiled(listed.relation, n, queries, keys, side, budget)
    if along_queries != (side == "queries"):
        return counts
    spread = np.zeros(n, dtype=np.int64)
    spread[listed.positions] = counts
    return spread


def _tiled(relation: r.Relation, n: int, queries: Axis, keys: Axis, side: Side, budget: Budget) -> Int64:
    """Pairs of each position of the `side` axis."""
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    full, single = refined.full, refined.undecided
    contents = decide(relation, n, queries, keys, single.q0, single.k0, side, draws, budget)
    own, other = (queries, keys) if side == "queries" else (keys, queries)
    if side == "keys":
        full, single = full.transposed(), single.transposed()

    # A full box gives each of its rows as many pairs as it is wide: added where it begins, taken back where it ends.
    width = np.minimum(full.k1 * other.tile, other.length) - full.k0 * other.tile
    change = np.zeros(own.tiles + 1, dtype=np.int64)
    np.add.at(change, full.q0, width)
    np.add.at(change, full.q1, -width)
    counts = np.repeat(np.cumsum(change[:-1])[:, None], own.tile, axis=1)

    # Tiles of one class add the same to the rows of their own tile: class 0 a full tile, of which the last is narrow.
    per_class = np.concatenate(
        [
            np.full((1, own.tile), 1, dtype=np.int64),
            np.unpackbits(contents.masks, axis=2).sum(axis=2, dtype=np.int64),
        ]
    )
    active = contents.classes != EMPTY_CLASS
    tile, label = single.q0[active], contents.classes[active]
    times = np.where(label == FULL_CLASS, other.live(single.k0[active]), 1)
    kinds, index = np.unique(tile * per_class.shape[0] + label, return_inverse=True)
    weight = np.zeros(kinds.size, dtype=np.int64)
    np.add.at(weight, index, times)
    if kinds.size:
        tile, label = kinds // per_class.shape[0], kinds % per_class.shape[0]
        (begin,) = np.nonzero(np.append(True, tile[1:] != tile[:-1]))
        counts[tile[begin]] += np.add.reduceat(weight[:, None] * per_class[label], begin, axis=0)
    return counts.reshape(-1)[: own.length]
