"""When keys, queries or pairs are better listed one by one than visited in contiguous tiles.

For: sorting the terms of a normal form (`normalise.py`). Constants are ratios of tiles, close to every target's shapes.
Not for: which keys a term has (`support.py`) or how lists are laid out (`codegen/gathering.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r

Int64 = NDArray[np.int64]

CONTIGUOUS_TILE = 64
"""Keys of a contiguous tile, to judge what listing saves; close to every target's shape."""
GATHERING_PAYS = 3
"""A gathered tile costs about two contiguous ones, and listed keys a second launch in the backward: below this many
contiguous tiles for one gathered tile nothing is won."""
QUERIES_OF_A_TILE = 128
COARSEST_DRAWN = 16
"""Blocks of random pairs up to this size are listed key by key; larger ones fill contiguous tiles well."""


def listing_pays(positions: Int64) -> bool:
    """Whether keys (or queries) at these positions are better gathered than visited in contiguous tiles."""
    contiguous = np.unique(positions // CONTIGUOUS_TILE).size
    return positions.size > 0 and contiguous >= GATHERING_PAYS * -(-positions.size // CONTIGUOUS_TILE)


def scattered(term: r.Relation) -> r.Relation | None:
    """A random set that holds all pairs of the term, when its pairs are better listed; else None."""
    match term:
        case r.Random():
            return term
        case r.Slice(start, stop, inner):
            source = scattered(inner)
            return None if source is None else r.Slice(start, stop, source)
        case r.Blocks(size, inner) if size <= COARSEST_DRAWN:
            source = scattered(inner)
            return None if source is None else r.Blocks(size, source)
        case r.Intersection(parts):
            return next((source for part in parts if (source := scattered(part)) is not None), None)
        case r.Difference(left, _):
            return scattered(left)
        case _:
            return None


def drawing_pays(source: r.Relation, n: int) -> bool:
    """Whether listing the pairs of a random set is less work than the contiguous tiles they fall in."""
    count, block, length = 0, 1, n
    while not isinstance(source, r.Random):
        match source:
            case r.Blocks(size, inner):
                block, source = block * size, inner
            case r.Slice(start, stop, inner):
                length, source = min(length, stop - start), inner
            case _:
                return False
    count = source.count
    contiguous = min(-(-QUERIES_OF_A_TILE // block) * count, -(-length // CONTIGUOUS_TILE))
    gathered = -(-QUERIES_OF_A_TILE * count // CONTIGUOUS_TILE)
    return contiguous >= GATHERING_PAYS * gathered


def given(source: r.Relation, term: r.Relation) -> r.Relation:
    """What is left to ask of a pair of `source` before it is one of the term."""
    match term:
        case r.Intersection(parts):
            return r.intersection(*(part for part in parts if part != source))
        case r.Difference(left, right):
            return r.difference(given(source, left), right)
        case _:
            return r.FULL if term == source else term
