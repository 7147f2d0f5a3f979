"""Relations as JSON for the page's own evaluator (`assets/relation.js`), small and without big integers.

For: the explorer of the HTML report. What JavaScript cannot count exactly (above 2**53) is rewritten to what is the
same at this length; what takes more room or time than a page has is `UNKNOWN`, and the page says so. Not for: the IR.
"""

from __future__ import annotations

import base64
from typing import Any, assert_never

from patternc.algebra import relation as r
from patternc.algebra.random import key_of

Json = list[Any]

UNKNOWN: Json = ["unknown"]
EXACT = 1 << 53
"""Beyond it a number of JavaScript's is no exact integer."""
FAR = 1 << 40
"""A modulus beyond any length."""
MOST_LAYOUT_BYTES = 16 << 10
MOST_CANDIDATES = 1 << 14
"""Positions of a place whose rows are gone through one by one where random keys avoid something."""


def to_page(relation: r.Relation, n: int) -> Json:
    """A relation at a place of length n."""
    match relation:
        case r.Empty():
            return ["empty"]
        case r.Full():
            return ["full"]
        case r.Band(low, high, step):
            # every distance lies between -n and n
            bounds = [-n if low is None else max(low, -n), n if high is None else min(high, n)]
            return ["band", *bounds, min(step, FAR)]
        case r.Residue(modulus, residues):
            if modulus < FAR:
                return ["residue", modulus, list(residues)]
            # a distance is one of the residues, or a modulus less
            near = (distance for each in residues for distance in (each, each - modulus) if -n < distance < n)
            return ["residue", FAR, sorted(distance % FAR for distance in near)]
        case r.Columns(modulus, residues) | r.Rows(modulus, residues):
            name = "columns" if isinstance(relation, r.Columns) else "rows"
            return [name, min(modulus, FAR), [each for each in residues if each < n]]
        case r.Keys(spans):
            return ["keys", _clipped(spans, n)]
        case r.Queries(spans):
            return ["queries", _clipped(spans, n)]
        case r.Chunk(sizes):
            return ["chunk", [min(size, n) for size in sizes]]
        case r.Random(count, seed, causal, among, avoid):
            if n > EXACT or (avoid != r.EMPTY and n > MOST_CANDIDATES):
                return UNKNOWN
            spans = [[0, n]] if among is None else _clipped(among, n)
            return ["random", min(count, n), list(key_of(seed)), causal, spans, to_page(avoid, n)]
        case r.Layout(side, bits):
            return ["layout", side, base64.b64encode(bits).decode()] if len(bits) <= MOST_LAYOUT_BYTES else UNKNOWN
        case r.Blocks(size, inner):
            return ["blocks", min(size, n), to_page(inner, -(-n // size))]
        case r.Within(size, inner):
            return ["within", size, to_page(inner, size)] if size < EXACT else UNKNOWN
        case r.Slice(start, stop, inner):
            return ["slice", start, stop, to_page(inner, stop - start)]
        case r.Union(parts):
            return ["union", *(to_page(part, n) for part in parts)]
        case r.Intersection(parts):
            return ["intersection", *(to_page(part, n) for part in parts)]
        case r.Difference(left, right):
            return ["difference", to_page(left, n), to_page(right, n)]
        case _:
            assert_never(relation)


def _clipped(spans: r.Spans, n: int) -> Json:
    return [[start, min(stop, n)] for start, stop in spans if start < n]
