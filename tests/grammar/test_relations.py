"""Section 3 of the language: every primitive, operator and lift denotes the pairs its table row says."""

import pytest

from patternc.algebra import relation as r
from tests.grammar.front import pairs_of, pairs_where, relation_of

N = 24

PRIMITIVES = {
    "dense": lambda i, j: True,
    "self": lambda i, j: i == j,
    "past": lambda i, j: j <= i,
    "local(5)": lambda i, j: abs(i - j) <= 2,
    "local(6)": lambda i, j: abs(i - j) <= 3,
    "local(1)": lambda i, j: i == j,
    "local(5, dilation = 3)": lambda i, j: abs(i - j) <= 6 and (i - j) % 3 == 0,
    "local(back = 4)": lambda i, j: 0 <= i - j <= 4,
    "local(ahead = 3)": lambda i, j: -3 <= i - j <= 0,
    "local(back = 2, ahead = 5)": lambda i, j: -5 <= i - j <= 2,
    "local(back = 2, ahead = 1, dilation = 4)": lambda i, j: -4 <= i - j <= 8 and (i - j) % 4 == 0,
    "local(5, causal)": lambda i, j: 0 <= i - j < 5,
    "local(5, dilation = 3, causal)": lambda i, j: 0 <= i - j < 15 and (i - j) % 3 == 0,
    "local(100)": lambda i, j: True,
    "local(2**40)": lambda i, j: True,
    "stride(5)": lambda i, j: (i - j) % 5 == 0,
    "stride(1)": lambda i, j: True,
    "stride(5, at = 2)": lambda i, j: (i - j) % 5 == 2,
    "stride(5, at = -2)": lambda i, j: (i - j) % 5 == 3,
    "stride(5, at = [0, 2])": lambda i, j: (i - j) % 5 in (0, 2),
    "stride(5, at = -2..3)": lambda i, j: (i - j) % 5 in (3, 4, 0, 1, 2),
    "stride(7, at = -2..2)": lambda i, j: (i - j) % 7 in (5, 6, 0, 1),
    "stride(30, at = 3)": lambda i, j: (i - j) in (3, -27),
    "stride(30, at = [3, 20])": lambda i, j: (i - j) in (3, -10, 20),
    "columns(5)": lambda i, j: j % 5 == 0,
    "columns(5, at = 2)": lambda i, j: j % 5 == 2,
    "columns(5, at = -1)": lambda i, j: j % 5 == 4,
    "columns(8, at = 0..8 step 3)": lambda i, j: j % 8 in (0, 3, 6),
    "columns(5, last = 2)": lambda i, j: j % 5 >= 3,
    "columns(5, last = 5)": lambda i, j: True,
    "columns(100, at = [3, 30])": lambda i, j: j == 3,
    "columns(100, last = 90)": lambda i, j: j >= 10,
    "rows(5)": lambda i, j: i % 5 == 0,
    "rows(5, last = 2)": lambda i, j: i % 5 >= 3,
    "rows(100, at = -98)": lambda i, j: i == 2,
    "chunk(5)": lambda i, j: i // 5 == j // 5,
    "chunks([3, 5])": lambda i, j: (i + 2) // 5 == (j + 2) // 5,
    "chunks([5, 5, 5])": lambda i, j: i // 5 == j // 5,
    "chunks([2, 100])": lambda i, j: (i < 2) == (j < 2),
    "keys(0)": lambda i, j: j == 0,
    "keys(-1)": lambda i, j: j == N - 1,
    "keys([0, 5, 16..20, -1])": lambda i, j: j in (0, 5, 16, 17, 18, 19, N - 1),
    "keys(-4..n)": lambda i, j: j >= N - 4,
    "keys(0..n step 5)": lambda i, j: j % 5 == 0,
    "keys([[0, 1], 3..5])": lambda i, j: j in (0, 1, 3, 4),
    "queries([0, -1])": lambda i, j: i in (0, N - 1),
    "queries(0..n)": lambda i, j: True,
    "global([0, -2])": lambda i, j: j in (0, N - 2) or i in (0, N - 2),
    "diagonals([0, 3, -2])": lambda i, j: i - j in (0, 3, -2),
    "diagonals(-2..3)": lambda i, j: -2 <= i - j < 3,
    "diagonals(1..20 step 6)": lambda i, j: i - j in (1, 7, 13, 19),
    "diagonals([0, 100, -100])": lambda i, j: i == j,
    "diagonals([0, powers(2)])": lambda i, j: i - j in (0, 1, 2, 4, 8, 16),
    "diagonals(0..10**12 step 7)": lambda i, j: i >= j and (i - j) % 7 == 0,
    "local(3) | stride(6)": lambda i, j: abs(i - j) <= 1 or (i - j) % 6 == 0,
    "local(9) & stride(2)": lambda i, j: abs(i - j) <= 4 and (i - j) % 2 == 0,
    "dense - stride(3)": lambda i, j: (i - j) % 3 != 0,
    "dense - stride(3) - self": lambda i, j: (i - j) % 3 != 0 and i != j,
    "self | dense - stride(3) & past": lambda i, j: i == j or not ((i - j) % 3 == 0 and j <= i),
    "(self | dense) - stride(3) & past": lambda i, j: not ((i - j) % 3 == 0 and j <= i),
    "past | keys(0..6)": lambda i, j: j <= i or j < 6,
    "blocks(4, local(3))": lambda i, j: abs(i // 4 - j // 4) <= 1,
    "blocks(5, keys(-1))": lambda i, j: j // 5 == 4,
    "blocks(1, local(3))": lambda i, j: abs(i - j) <= 1,
    "blocks(5, dense)": lambda i, j: True,
    "within(5, local(3))": lambda i, j: abs(i % 5 - j % 5) <= 1,
    "within(5, keys(-1))": lambda i, j: j % 5 == 4,
    "within(5, keys(n - 1))": lambda i, j: j % 5 == 4,
    "within(5, local(3, causal))": lambda i, j: 0 <= i % 5 - j % 5 < 3,
    "slice(4..12, stride(3))": lambda i, j: 4 <= i < 12 and 4 <= j < 12 and (i - j) % 3 == 0,
    "slice(4..12, keys([0, -1]))": lambda i, j: 4 <= i < 12 and j in (4, 11),
    "slice(-8..n, chunk(3))": lambda i, j: i >= 16 and j >= 16 and (i - 16) // 3 == (j - 16) // 3,
    "self | slice(5..5, keys(7))": lambda i, j: i == j,
    "slice(0..n, stride(3))": lambda i, j: (i - j) % 3 == 0,
    "blocks(6, local(3)) & within(6, local(3))": lambda i, j: abs(i // 6 - j // 6) <= 1 and abs(i % 6 - j % 6) <= 1,
    "blocks(12, local(1) & blocks(1, dense)) & within(12, blocks(4, local(3)) & within(4, local(3)))": lambda i, j: (
        i // 12 == j // 12 and abs(i % 12 // 4 - j % 12 // 4) <= 1 and abs(i % 4 - j % 4) <= 1
    ),
    "chunk(6) | stride(6)": lambda i, j: i // 6 == j // 6 or i % 6 == j % 6,
    "keys(0..4) | slice(4..n, chunk(5))": lambda i, j: j < 4 or (i >= 4 and (i - 4) // 5 == (j - 4) // 5),
    "chunk(8) & stride(4)": lambda i, j: i // 8 == j // 8 and (i - j) % 4 == 0,
    "local(5) | columns(6) & past": lambda i, j: abs(i - j) <= 2 or (j % 6 == 0 and j <= i),
}

CAUSAL_FORMS = {
    "local(5)": lambda i, j: 0 <= i - j < 5,
    "local(6)": lambda i, j: 0 <= i - j < 6,
    "local(5, dilation = 3)": lambda i, j: 0 <= i - j < 15 and (i - j) % 3 == 0,
    "local(5, bidirectional)": lambda i, j: 0 <= i - j <= 2,
    "local(back = 2, ahead = 5)": lambda i, j: 0 <= i - j <= 2,
    "blocks(4, local(2))": lambda i, j: j <= i and 0 <= i // 4 - j // 4 < 2,
    "within(4, local(3))": lambda i, j: j <= i and abs(i % 4 - j % 4) <= 1,
    "slice(4..n, local(3))": lambda i, j: j >= 4 and 0 <= i - j < 3,
    "blocks(6, local(back = 1)) & within(6, local(3))": lambda i, j: (
        j <= i and i // 6 - j // 6 <= 1 and abs(i % 6 - j % 6) <= 1
    ),
    "within(6, local(3)) - blocks(6, local(1))": lambda i, j: j <= i and abs(i % 6 - j % 6) <= 1 and i // 6 != j // 6,
}


@pytest.mark.parametrize("pattern", PRIMITIVES)
def test_two_sided(pattern):
    assert pairs_of(pattern, N, "bidirectional") == pairs_where(PRIMITIVES[pattern], N)


@pytest.mark.parametrize("pattern", [each for each in PRIMITIVES if "local(" not in each or "causal" in each])
def test_causal_models_cut_once_at_token_level(pattern):
    assert pairs_of(pattern, N) == pairs_where(lambda i, j: j <= i and PRIMITIVES[pattern](i, j), N)


@pytest.mark.parametrize("pattern", CAUSAL_FORMS)
def test_causal_forms(pattern):
    assert pairs_of(pattern, N) == pairs_where(CAUSAL_FORMS[pattern], N)


def test_empty_is_no_pair():
    assert relation_of("empty", direction="bidirectional") == r.EMPTY


def test_cut_is_made_term_by_term():
    """A hand-over that later stages rely on: a union of bands stays one, without the parts that look ahead."""
    assert relation_of("diagonals([0, 4, -4])") == r.union(r.Band(0, 0), r.Band(4, 4))
    assert relation_of("local(5) | stride(6)") == r.union(r.Band(0, 4), r.Band(0, None, 6))
    assert relation_of("global(3)") == r.union(
        r.intersection(r.PAST, r.Keys(((3, 4),))), r.intersection(r.PAST, r.Queries(((3, 4),)))
    )


def test_a_long_range_with_a_step_is_a_residue_class():
    relation = relation_of("keys(1..n step 3)", n=3000, direction="bidirectional")
    assert relation == r.intersection(r.Columns(3, (1,)), r.Keys(((1, 3000),)))


def test_random():
    assert relation_of("random(3)", direction="bidirectional") == r.Random(3, (0,), False)
    assert relation_of("random(3, seed = 7)", direction="bidirectional") == r.Random(3, (7,), False)
    assert relation_of("random(3, seed = (7, layer, -1))", direction="bidirectional") == r.Random(3, (7, 0, -1), False)
    assert relation_of("random(3, causal)", direction="bidirectional") == r.Random(3, (0,), True)
    assert relation_of("random(3)") == r.intersection(r.PAST, r.Random(3, (0,), True))
    assert relation_of("random(3, bidirectional)") == r.intersection(r.PAST, r.Random(3, (0,), False))
    assert relation_of("random(3, avoid = local(5), among = 0..12)", direction="bidirectional") == r.Random(
        3, (0,), False, ((0, 12),), r.Band(-2, 2)
    )
    assert relation_of("random(0) | self", direction="bidirectional") == r.Band(0, 0)


def test_the_direction_of_random_does_not_reach_into_avoid():
    relation = relation_of("random(3, avoid = local(5), causal)", direction="bidirectional")
    assert relation.avoid == r.Band(-2, 2)
    relation = relation_of("blocks(2, random(3, avoid = local(3), bidirectional))")
    assert relation == r.intersection(r.PAST, r.Blocks(2, r.Random(3, (0,), False, None, r.Band(0, 2))))


def test_bigbird():
    relation = relation_of("blocks(64, local(3) | global([0, -1]) | random(3))", n=1024, direction="bidirectional")
    ends = ((0, 1), (15, 16))
    assert relation == r.Blocks(64, r.union(r.Band(-1, 1), r.Keys(ends), r.Queries(ends), r.Random(3, (0,), False)))


def test_n_is_that_of_the_place():
    assert pairs_of("blocks(5, keys(n - 1))", N, "bidirectional") == pairs_where(lambda i, j: j // 5 == 4, N)
    assert pairs_of("slice(4..16, keys(n // 2))", N, "bidirectional") == pairs_where(
        lambda i, j: 4 <= i < 16 and j == 10, N
    )
