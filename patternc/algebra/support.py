"""Which keys, or queries, a relation can touch at all, where that is few.

For: finding the terms whose keys are better listed than tiled, and dropping from them what the list already says. Not
for: deciding what pays (`normalise.py`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.evaluate import evaluate
from patternc.algebra.rowspans import clip_spans

Int64 = NDArray[np.int64]
Side = Literal["queries", "keys"]

SPARSEST_SKIPPED = 8
"""A period with a residue in less than this many is not worth listing: contiguous tiles hold it well enough."""


def support(relation: r.Relation, n: int, side: Side) -> Int64 | None:
    """Positions, ascending, that include every key (or query) of the relation; None when they may be most of them."""
    match relation:
        case r.Empty():
            return np.zeros(0, dtype=np.int64)
        case r.Keys(spans) if side == "keys":
            return _listed(spans, n)
        case r.Queries(spans) if side == "queries":
            return _listed(spans, n)
        case r.Columns(modulus, residues) if side == "keys":
            return _periodic(modulus, residues, n)
        case r.Rows(modulus, residues) if side == "queries":
            return _periodic(modulus, residues, n)
        case r.Random(among=among) if side == "keys" and among is not None:
            return _listed(among, n)
        case r.Blocks(size, inner):
            blocks = support(inner, -(-n // size), side)
            return None if blocks is None else _below(np.add.outer(blocks * size, np.arange(size)).reshape(-1), n)
        case r.Within(size, inner):
            places = support(inner, size, side)
            return None if places is None else _below(np.add.outer(np.arange(0, n, size), places).reshape(-1), n)
        case r.Slice(start, stop, inner):
            places = support(inner, stop - start, side)
            return None if places is None else _below(places + start, n)
        case r.Union(parts):
            supports = [support(part, n, side) for part in parts]
            known = [positions for positions in supports if positions is not None]
            return np.unique(np.concatenate(known)) if len(known) == len(supports) else None
        case r.Intersection(parts):
            supports = [support(part, n, side) for part in parts]
            known = [positions for positions in supports if positions is not None]
            return min(known, key=lambda positions: positions.size) if known else None
        case r.Difference(left, _):
            return support(left, n, side)
        case _:
            return None


def assuming(relation: r.Relation, positions: Int64, n: int, side: Side) -> r.Relation:
    """A relation that agrees with `relation` on the listed keys (or queries): what they all satisfy is dropped."""
    match relation:
        case r.Keys() | r.Columns() if side == "keys":
            known = evaluate(relation, np.zeros(1, dtype=np.int64), positions, n)
            return r.FULL if known.all() else relation
        case r.Queries() | r.Rows() if side == "queries":
            known = evaluate(relation, positions, np.zeros(1, dtype=np.int64), n)
            return r.FULL if known.all() else relation
        case r.Union(parts):
            return r.union(*(assuming(part, positions, n, side) for part in parts))
        case r.Intersection(parts):
            return r.intersection(*(assuming(part, positions, n, side) for part in parts))
        case r.Difference(left, right):
            return r.difference(assuming(left, positions, n, side), assuming(right, positions, n, side))
        case _:
            return relation


def _listed(spans: r.Spans, n: int) -> Int64:
    parts = [np.arange(start, stop, dtype=np.int64) for start, stop in clip_spans(spans, n)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _periodic(modulus: int, residues: tuple[int, ...], n: int) -> Int64 | None:
    if len(residues) * SPARSEST_SKIPPED > modulus:
        return None
    return _below(np.add.outer(np.arange(0, n, modulus), np.array(residues, dtype=np.int64)).reshape(-1), n)


def _below(positions: Int64, n: int) -> Int64:
    return positions[positions < n]
