"""Operators are the relation, applied forwards and backwards, and so is every rewriting on the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.clauses import Unstructured, clauses, negate
from patternc.analysis.factor import factor
from patternc.analysis.operators import Grid, NoOperator, Runs, Window, lower
from patternc.analysis.period import looks_back, period
from patternc.analysis.propagate import apply, apply_transposed
from tests.strategies import mask, places, relations


def applied(relation, n, run=apply):
    """The matrix of the relation, by applying its operators to the identity."""
    held = np.eye(n, dtype=np.uint8)
    taken = np.zeros_like(held)
    run(lower(relation, n), held, taken, np.maximum)
    return taken != 0


@given(places(depth=3))
def test_operators_are_the_relation(place):
    n, relation = place
    assert (applied(relation, n) == mask(relation, n)).all()


@given(places(depth=3))
def test_transposed_operators_are_the_transpose(place):
    n, relation = place
    assert (applied(relation, n, apply_transposed) == mask(relation, n).T).all()


@given(places(), st.integers(1, 3))
def test_bits_and_numbers_take_what_the_keys_hold(place, words):
    n, relation = place
    pairs = mask(relation, n)
    rng = np.random.default_rng(n * words)
    bits = rng.integers(0, 2**64, (n, words), dtype=np.uint64) & rng.integers(0, 2**64, (n, words), dtype=np.uint64)
    start = rng.integers(0, 2**64, (n, words), dtype=np.uint64)
    before, taken = bits.copy(), start.copy()
    apply(lower(relation, n), bits, taken)
    for i in range(n):
        wanted = np.bitwise_or.reduce(bits[pairs[i]], axis=0, initial=0) | start[i]
        assert (taken[i] == wanted).all()
    assert (bits == before).all()

    numbers = rng.integers(1, 1000, (n, 1))
    for run, matrix in ((apply, pairs), (apply_transposed, pairs.T)):
        most = np.zeros_like(numbers)
        run(lower(relation, n), numbers, most, np.maximum)
        assert (most[:, 0] == np.where(matrix, numbers.T, 0).max(axis=1)).all()


@given(places(depth=3))
def test_negation_is_the_complement(place):
    n, relation = place
    assert (mask(negate(relation, n), n) == ~mask(relation, n)).all()


@given(places(depth=3))
def test_clauses_are_the_relation(place):
    n, relation = place
    try:
        options = clauses(relation, n)
    except Unstructured:
        return
    assert (mask(r.union(*(r.intersection(*clause) for clause in options)), n) == mask(relation, n)).all()


@given(st.data())
def test_products_are_the_relation(data):
    n = data.draw(st.integers(1, 40))
    relation = data.draw(relations(n, 2, draws=False))
    width = data.draw(st.integers(1, n + 1))
    try:
        parts = factor(relation, n, width)
    except Unstructured:
        return
    blocks = -(-n // width)
    made = np.zeros((blocks * width, blocks * width), dtype=bool)
    for outer, inner in parts:
        made |= np.kron(mask(outer, blocks), mask(inner, width))
    assert (made[:n, :n] == mask(relation, n)).all()


def assert_products(relation, n, width):
    blocks = -(-n // width)
    made = np.zeros((blocks * width, blocks * width), dtype=bool)
    for outer, inner in factor(relation, n, width):
        made |= np.kron(mask(outer, blocks), mask(inner, width))
    assert (made[:n, :n] == mask(relation, n)).all(), (relation, n, width)


@pytest.mark.parametrize("width", [1, 2, 3, 5, 12, 14])
def test_products_of_every_band(width):
    for low in (None, -7, -3, -1, 0, 1, 2, 6):
        for high in (None, -6, -2, 0, 1, 2, 4, 5, 9):
            if low is None or high is None or low <= high:
                assert_products(r.band(low, high), 12, width)


@pytest.mark.parametrize(
    ("relation", "width"),
    [
        (r.Residue(12, (0, 5, 11)), 4),
        (r.Residue(2, (1,)), 6),
        (r.Band(-6, 15, 3), 6),
        (r.Columns(12, (2, 3, 8)), 4),
        (r.Rows(3, (1,)), 6),
        (r.Keys(((1, 4), (6, 14), (17, 20))), 4),
        (r.Queries(((0, 3), (5, 19))), 5),
        (r.Chunk((8, 4, 12)), 4),
        (r.Chunk((2,)), 6),
        (r.Blocks(6, r.Band(0, 1)), 3),
        (r.Blocks(2, r.Band(0, 1)), 6),
        (r.Within(6, r.Band(-1, 2)), 3),
        (r.Within(2, r.Band(0, 0)), 6),
        (r.Slice(4, 15, r.Band(0, 3)), 4),
        (r.difference(r.Blocks(4, r.Band(0, 2)), r.Within(4, r.Band(0, 1))), 4),
    ],
)
@pytest.mark.parametrize("n", [17, 20])
def test_products_of_each_case(relation, width, n):
    assert_products(relation, n, width)


@pytest.mark.parametrize(
    ("relation", "kind"),
    [
        (r.Band(0, 127), Window),
        (r.Band(0, None, 128), Grid),
        (r.intersection(r.PAST, r.Chunk((128,))), Grid),
        (r.intersection(r.PAST, r.Blocks(64, r.Band(0, 3)), r.Columns(48, (0, 1))), Grid),
        (r.intersection(r.PAST, r.Blocks(128, r.Band(-3, 3)), r.Within(128, r.Band(-3, 3))), Grid),
        (r.intersection(r.PAST, r.Keys(((0, 4),))), Runs),
    ],
)
def test_structure_is_found(relation, kind):
    """A million positions: nothing here may cost a step for each pair."""
    assert {type(operator) for operator in lower(relation, 1 << 20)} == {kind}


def test_what_has_no_structure_is_refused():
    # Two coprime moduli whose common frame is longer than the sequence, and too many keys in each row to list.
    relation = r.intersection(r.Residue(601, tuple(range(0, 601, 5))), r.Columns(599, tuple(range(0, 599, 2))))
    with pytest.raises(NoOperator, match="needs"):
        lower(relation, 1 << 18)


@given(places(depth=2))
def test_a_period_moves_the_relation_onto_itself(place):
    n, relation = place
    by = period(relation)
    if by is not None and by < n:
        pairs = mask(relation, n)
        assert (pairs[by:, by:] == pairs[:-by, :-by]).all()


@given(places(depth=2), st.booleans())
def test_looking_back_is_never_claimed_wrongly(place, strictly):
    n, relation = place
    if looks_back(relation, strictly):
        assert not np.triu(mask(relation, n), 0 if strictly else 1).any()
