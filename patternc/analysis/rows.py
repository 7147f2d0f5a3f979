"""How many pairs a relation has, and how many keys each query attends and queries each key, exactly, in O(tiles).

For: exact pair counts, in all and per row and column, and the first row that attends nothing. Works on the components
of the normal form, and full boxes of tiles are never laid out as tiles: a dense layer costs no more than its diagonal.
Not for: tile maps (`tiles.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET, Budget
from patternc.algebra.classes import class_kinds
from patternc.algebra.evaluate import evaluate
from patternc.algebra.normalise import Candidate, Strided, normalise
from patternc.algebra.pairs import Pairs, listed_pairs
from patternc.analysis.classify import Boxes
from patternc.analysis.coarse import Coarse, coarse
from patternc.analysis.contents import EMPTY_CLASS, FULL_CLASS, Axis, Contents, Side, decide
from patternc.analysis.draws import draw_all
from patternc.analysis.tiles import refine

Int64 = NDArray[np.int64]

TILE = 64


class Part(Protocol):
    """Some of the pairs of a place of length n, none of which is in another part."""

    @property
    def total(self) -> int:
        """How many pairs they are."""
        ...

    def along(self, side: Side) -> Int64:
        """How many pairs each query, or each key, is in: int64 [n]."""
        ...


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How many pairs a relation has at a place of length n; rows and columns are added up when they are asked for."""

    n: int
    parts: tuple[Part, ...]

    @cached_property
    def total(self) -> int:
        """All pairs."""
        return sum(part.total for part in self.parts)

    @cached_property
    def per_query(self) -> Int64:
        """[n]: how many keys each query attends."""
        return self.along("queries")

    @cached_property
    def per_key(self) -> Int64:
        """[n]: how many queries attend each key."""
        return self.along("keys")

    def along(self, side: Side) -> Int64:
        """How many pairs each query, or each key, is in: int64 [n]."""
        return sum((part.along(side) for part in self.parts), start=np.zeros(self.n, dtype=np.int64))


def empty_rows(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> int | None:
    """The first query that attends no key; None when every query attends one. Raises TileBudgetError."""
    (empty,) = np.nonzero(pair_counts(relation, n, budget).per_query == 0)
    return int(empty[0]) if empty.size else None


def pair_counts(relation: r.Relation, n: int, budget: Budget = DEFAULT_BUDGET) -> PairCounts:
    """Block by block where blocks are seen whole, else by the components of the normal form.

    Raises:
        TileBudgetError: deciding the pairs takes more than the budget allows.
    """
    blocks = coarse(relation, n)
    if blocks is not None:
        return PairCounts(n, (_OverBlocks(n, blocks, pair_counts(blocks.relation, blocks.blocks, budget)),))
    return PairCounts(n, tuple(_components(relation, n, budget)))


def _components(relation: r.Relation, n: int, budget: Budget) -> Iterator[Part]:
    normal = normalise(relation, n, _on_classes)
    every = Axis(n, TILE, None)
    yield _tiled(normal.tiled, n, every, every, budget)
    for listed, along_queries in ((normal.queried, True), (normal.keyed, False)):
        if listed is not None:
            chosen = Axis(listed.positions.size, TILE, listed.positions)
            queries, keys = (chosen, every) if along_queries else (every, chosen)
            yield _tiled(listed.relation, n, queries, keys, budget)
    if normal.drawn is not None:
        yield _Drawn(listed_pairs(normal.drawn, n, budget))
    for strided in normal.strided:
        yield _strided(strided, n, budget)


def _on_classes(candidate: Candidate) -> bool:
    """Strides are always counted class by class, whatever they are best computed on."""
    return True


@dataclass(frozen=True, slots=True, eq=False)
class _OverBlocks:
    """A block counts as many tokens as it has; in a causal relation less those that are later in the query's own."""

    n: int
    found: Coarse
    over_blocks: PairCounts

    @property
    def total(self) -> int:
        return int(self.along("queries").sum())

    def along(self, side: Side) -> Int64:
        n, size, blocks, relation = self.n, self.found.size, self.found.blocks, self.found.relation
        every, last = np.arange(blocks), np.full(blocks, blocks - 1)
        at_last = evaluate(relation, *((every, last) if side == "queries" else (last, every)), blocks)
        tokens = self.over_blocks.along(side) * size - (blocks * size - n) * at_last
        counts = np.repeat(tokens, size)[:n]
        if self.found.causal:
            own = evaluate(relation, every, every, blocks)
            before = np.arange(n) % size
            after = np.repeat(np.minimum(size, n - every * size) - 1, size)[:n] - before
            counts -= np.repeat(own, size)[:n] * (after if side == "queries" else before)
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Pairs that are listed one by one."""

    pairs: Pairs

    @property
    def total(self) -> int:
        return self.pairs.query.size

    def along(self, side: Side) -> Int64:
        return np.bincount(self.pairs.query if side == "queries" else self.pairs.key, minlength=self.pairs.n)


@dataclass(frozen=True, slots=True, eq=False)
class _Strided:
    """Classes of positions, of which those that are alike are counted once: `kinds` with their classes."""

    n: int
    step: int
    kinds: tuple[tuple[PairCounts, Int64], ...]

    @property
    def total(self) -> int:
        return sum(counted.total * classes.size for counted, classes in self.kinds)

    def along(self, side: Side) -> Int64:
        counts = np.zeros((-(-self.n // self.step), self.step), dtype=np.int64)  # column c is class c
        for counted, classes in self.kinds:
            counts[: counted.n, classes] = counted.along(side)[:, None]
        return counts.reshape(-1)[: self.n]


def _strided(strided: Strided, n: int, budget: Budget) -> _Strided:
    kinds, kind_of = class_kinds(strided, n)
    counted = (pair_counts(kind.relation, kind.length, budget) for kind in kinds)
    return _Strided(
        n, strided.step, tuple((counts, np.flatnonzero(kind_of == at)) for at, counts in enumerate(counted))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tiled:
    """Full boxes of tiles, and single tiles with what each holds."""

    n: int
    queries: Axis
    keys: Axis
    full: Boxes
    single: Boxes
    contents: Contents

    @property
    def total(self) -> int:
        full, classes, tile = self.full, self.contents.classes, self.single
        height = np.minimum(full.q1 * self.queries.tile, self.queries.length) - full.q0 * self.queries.tile
        width = np.minimum(full.k1 * self.keys.tile, self.keys.length) - full.k0 * self.keys.tile
        whole = self.queries.live(tile.q0) * self.keys.live(tile.k0)
        each = np.where(classes == FULL_CLASS, whole, np.append(0, self.contents.popcounts)[np.maximum(classes, 0)])
        return int((height * width).sum() + each.sum(where=classes != EMPTY_CLASS))

    def along(self, side: Side) -> Int64:
        masks = np.unpackbits(self.contents.masks, axis=2, count=self.keys.tile, bitorder="little")
        if side == "queries":
            own, counts = self.queries, self._tokens(self.queries, self.keys, self.full, self.single, masks.sum(axis=2))
        else:
            full, single = self.full.transposed(), self.single.transposed()
            own, counts = self.keys, self._tokens(self.keys, self.queries, full, single, masks.sum(axis=1))
        if own.positions is None:
            return counts
        spread = np.zeros(self.n, dtype=np.int64)
        spread[own.positions] = counts
        return spread

    def _tokens(self, own: Axis, other: Axis, full: Boxes, single: Boxes, per_mask: Int64) -> Int64:
        """Pairs of each position of the `own` axis, whose tiles are the first side of the boxes."""
        # A full box gives each of its rows as many pairs as it is wide: added where it begins, taken back at its end.
        width = np.minimum(full.k1 * other.tile, other.length) - full.k0 * other.tile
        change = np.zeros(own.tiles + 1, dtype=np.int64)
        np.add.at(change, full.q0, width)
        np.add.at(change, full.q1, -width)
        counts = np.repeat(np.cumsum(change[:-1])[:, None], own.tile, axis=1)

        # Tiles of one class add the same to the rows of their own tile; of class 0, full ones, the last is narrow.
        per_class = np.concatenate([np.ones((1, own.tile), dtype=np.int64), per_mask.astype(np.int64)])
        (active,) = np.nonzero(self.contents.classes != EMPTY_CLASS)
        classes, tile = self.contents.classes[active], single.q0[active]
        times = np.where(classes == FULL_CLASS, other.live(single.k0[active]), 1)
        kinds, index = np.unique(tile * per_class.shape[0] + classes, return_inverse=True)
        weight = np.zeros(kinds.size, dtype=np.int64)
        np.add.at(weight, index, times)
        if kinds.size:
            tile, label = kinds // per_class.shape[0], kinds % per_class.shape[0]
            (begin,) = np.nonzero(np.append(True, tile[1:] != tile[:-1]))
            counts[tile[begin]] += np.add.reduceat(weight[:, None] * per_class[label], begin, axis=0)
        return counts.reshape(-1)[: own.length]


def _tiled(relation: r.Relation, n: int, queries: Axis, keys: Axis, budget: Budget) -> _Tiled:
    draws = draw_all(relation, n, budget)
    refined = refine(relation, n, queries, keys, draws, budget)
    single = refined.undecided
    contents = decide(relation, n, queries, keys, single.q0, single.k0, "queries", draws, budget)
    return _Tiled(n, queries, keys, refined.full, single, contents)
