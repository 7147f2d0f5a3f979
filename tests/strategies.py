"""Random relations at a place of a given length, every case of the union, lifts nested; used by all property tests.

`relations(n)` gives a relation, `places()` a length with a relation, `causal_places()` the same cut to j <= i. Values
are small on purpose: with n below 60, widths, strides and blocks of the same size as n are where mistakes show.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import strategies as st

from patternc.algebra import holds as definition
from patternc.algebra import relation as r
from patternc.algebra.holds import holds, multiplicity

MAX_TOKENS = 56


def mask(relation, n):
    """The relation by its definition, pair by pair: bool [n, n] (query, key).

    A row is drawn once instead of for each of its pairs: that is most of the time that relations with draws take.
    """
    with pytest.MonkeyPatch.context() as patch:
        once, drawn = definition.candidates, definition.draw
        candidates = cache(lambda random, i, length: tuple(once(random, i, length)))
        draws = cache(lambda count, seed, row, among: frozenset(drawn(count, seed, row, among)))
        patch.setattr(definition, "candidates", candidates)
        patch.setattr(definition, "draw", draws)
        pairs = [[holds(relation, i, j, n) for j in range(n)] for i in range(n)]
    return np.array(pairs, dtype=bool).reshape(n, n)


def counts(branches, n):
    """How often each pair counts in a sum, by its definition: int64 [n, n] (query, key)."""
    return np.array([[multiplicity(branches, i, j, n) for j in range(n)] for i in range(n)]).reshape(n, n)


def ids(n):
    return st.lists(st.integers(0, n - 1), max_size=4).map(r.spans_of)


def spans(n):
    edges = st.tuples(st.integers(0, n), st.integers(0, n))
    return st.lists(edges, max_size=3).map(lambda pairs: r.merge_spans((min(p), max(p)) for p in pairs))


def residue_sets(modulus):
    return st.sets(st.integers(0, modulus - 1), min_size=1, max_size=3).map(lambda s: tuple(sorted(s)))


@st.composite
def bands(draw, n):
    low = draw(st.none() | st.integers(-n, n))
    high = draw(st.none() | st.integers(-n, n))
    if low is not None and high is not None and low > high:
        low, high = high, low
    return r.band(low, high, draw(st.sampled_from([1, 1, 1, 2, 3, 7])))


@st.composite
def periodic(draw, n):
    case = draw(st.sampled_from([r.Residue, r.Columns, r.Rows]))
    modulus = draw(st.integers(1, n + 3))
    return case(modulus, draw(residue_sets(modulus)))


@st.composite
def randoms(draw, n, depth):
    return r.Random(
        count=draw(st.integers(0, 5)),
        seed=draw(st.tuples() | st.tuples(st.integers(-3, 30)) | st.tuples(st.integers(), st.just(2))),
        causal=draw(st.booleans()),
        among=draw(st.none() | spans(n)),
        avoid=draw(relations(n, depth - 1, draws=False)) if depth > 0 and draw(st.booleans()) else r.EMPTY,
    )


@st.composite
def layouts(draw, n):
    """A stored square as long as its place."""
    rows = draw(st.lists(st.integers(0, 2**n - 1), min_size=n, max_size=n))
    return r.Layout(n, b"".join(row.to_bytes(-(-n // 8), "little") for row in rows))


@st.composite
def lifts(draw, n, depth, draws):
    kind = draw(st.sampled_from(["blocks", "within", "slice"]))
    if kind == "slice":
        start, stop = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
        if start == stop:
            return r.Slice(start, stop, r.FULL)
        return r.Slice(start, stop, draw(relations(stop - start, depth - 1, draws)))
    size = draw(st.integers(1, n + 2))
    inner = -(-n // size) if kind == "blocks" else size
    return (r.Blocks if kind == "blocks" else r.Within)(size, draw(relations(inner, depth - 1, draws)))


@st.composite
def combinations(draw, n, depth, draws):
    parts = draw(st.lists(relations(n, depth - 1, draws), min_size=2, max_size=3))
    kind = draw(st.sampled_from([r.union, r.intersection, r.difference]))
    return r.difference(parts[0], parts[1]) if kind is r.difference else kind(*parts)


def relations(n, depth=2, draws=True):
    """Relations at a place of length n >= 1, `depth` operators or lifts deep; `draws` allows Random."""
    leaves = [
        st.just(r.EMPTY),
        st.just(r.FULL),
        bands(n),
        bands(n),
        periodic(n),
        st.builds(r.Keys, ids(n) | spans(n)),
        st.builds(r.Queries, ids(n) | spans(n)),
        st.lists(st.integers(1, n + 1), min_size=1, max_size=3).map(tuple).map(r.Chunk),
        layouts(n),
    ]
    if draws:
        leaves.append(randoms(n, depth))
    if depth <= 0:
        return st.one_of(leaves)
    return st.one_of(*leaves, lifts(n, depth, draws), combinations(n, depth, draws), combinations(n, depth, draws))


@st.composite
def places(draw, max_tokens=MAX_TOKENS, depth=2):
    """(n, relation)."""
    n = draw(st.integers(1, max_tokens))
    return n, draw(relations(n, depth))


@st.composite
def causal_places(draw, max_tokens=MAX_TOKENS, depth=2):
    """(n, relation), cut to j <= i the way a causal model does."""
    n, relation = draw(places(max_tokens, depth))
    return n, r.intersection(r.PAST, relation)


@st.composite
def sums(draw, n):
    """The branches of a sum: two or three, some of them written twice, strides among them."""
    some = st.one_of(relations(n, 1), strided(n))
    branches = [*draw(st.lists(some, min_size=1, max_size=2)), draw(some)]
    again = draw(st.lists(st.sampled_from(branches), max_size=1))
    past = draw(st.booleans())
    return tuple(r.intersection(r.PAST, each) if past else each for each in draw(st.permutations([*branches, *again])))


@st.composite
def sum_places(draw, max_tokens=MAX_TOKENS):
    """(n, branches)."""
    n = draw(st.integers(1, max_tokens))
    return n, draw(sums(n))


@st.composite
def strided(draw, n):
    """A relation all of whose pairs are within residue classes: strides and dilated windows, cut by anything."""
    step = draw(st.integers(2, max(n, 2)) | st.sampled_from([2, 3, 4, 5, 8]))
    low, high = sorted((draw(st.integers(-n, n)), draw(st.integers(-n, n))))
    stride = draw(st.sampled_from([r.Residue(step, (0,)), r.band(0, None, step), r.band(low, high, step)]))
    case = draw(st.sampled_from(["alone", "and", "minus", "slice", "places"]))
    if case == "places":
        place = draw(st.integers(0, step - 1))
        return r.intersection(r.Rows(step, (place,)), r.Columns(step, (place,)), draw(relations(n, 0)))
    if case == "slice":
        start, stop = sorted((draw(st.integers(0, n)), draw(st.integers(0, n))))
        return r.Slice(start, stop, stride) if start < stop else stride
    if case == "alone":
        return stride
    other = draw(relations(n, 1))
    return r.intersection(stride, other) if case == "and" else r.difference(stride, other)


@st.composite
def strided_places(draw, max_tokens=MAX_TOKENS):
    """(n, relation) in which strides, of one step or of several, stand beside other terms."""
    n = draw(st.integers(1, max_tokens))
    strides = draw(st.lists(strided(n), min_size=1, max_size=2))
    others = draw(st.lists(relations(n, 1), max_size=2))
    relation = r.union(*draw(st.permutations([*strides, *others])))
    return n, draw(st.sampled_from([relation, r.intersection(r.PAST, relation)]))


CASES_LENGTH = 24
EVERY_CASE = [
    r.EMPTY, r.FULL, r.Band(-3, 5), r.Band(2, None), r.Band(-6, 9, 3), r.Band(None, 4, 2), r.Residue(5, (0, 3)),
    r.Columns(4, (1, 2)), r.Rows(7, (2, 6)), r.Keys(((2, 4), (9, 10))), r.Queries(((0, 1), (13, 20))), r.Chunk((5,)),
    r.Chunk((1, 5, 2, 3)), r.Random(2, (1,), causal=True), r.Random(3, (2,), causal=False, among=((3, 9), (11, 12))),
    r.Blocks(5, r.Band(0, 1)), r.Blocks(3, r.Columns(2, (1,))), r.Blocks(4, r.Random(1, (0,), causal=True)),
    r.Blocks(7, r.Within(2, r.Band(0, 0))), r.Within(6, r.Band(0, 2)), r.Within(5, r.Keys(((1, 3),))),
    r.Within(9, r.Blocks(2, r.Chunk((1, 2)))), r.Within(11, r.Random(2, (4,), causal=False)),
    r.Slice(3, 17, r.Chunk((4,))), r.Slice(5, 21, r.Columns(3, (0,))), r.Slice(2, 19, r.Within(4, r.Band(-1, 0))),
    r.Slice(4, 5, r.FULL), r.Layout(24, bytes(range(7, 79))), r.Blocks(4, r.Layout(6, bytes([33, 2, 12, 63, 0, 24]))),
    r.Within(6, r.Layout(6, bytes([33, 2, 12, 63, 0, 24]))), r.Slice(2, 8, r.Layout(6, bytes([33, 2, 12, 63, 0, 24]))),
    r.Union((r.Band(0, 2), r.Columns(6, (5,)))), r.Intersection((r.PAST, r.Blocks(3, r.Residue(2, (1,))))),
    r.Difference(r.Band(-5, 5), r.Residue(3, (0,))), r.Difference(r.FULL, r.Union((r.Keys(((4, 6),)), r.Chunk((8,))))),
]  # fmt: skip
"""Relations at a place of CASES_LENGTH: every case, every lift over atoms of different kinds, the operators."""
