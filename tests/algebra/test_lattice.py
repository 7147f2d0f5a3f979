"""Residue classes against the definition: a relation among the positions of a class, in class coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.lattice import assuming_class, class_length, class_starts, common_step, restrict
from tests.strategies import CASES_LENGTH, EVERY_CASE, mask, places, strided_places


def check(relation, n, step):
    """Every class: the restricted relation is the relation there; equal between starts; steps divide distances."""
    whole = mask(relation, n)
    every = np.arange(n)
    same_class = (every[:, None] - every) % step == 0
    assumed = mask(assuming_class(relation, step), n)
    assert (assumed[same_class] == whole[same_class]).all()

    common = common_step(relation)
    distances = (every[:, None] - every)[whole]
    assert not (distances.any() if common == 0 else (distances % common).any())

    starts = class_starts(relation, step, n)
    assert starts[0] == 0
    expressed = 0
    for number in range(min(step, n)):
        length = class_length(step, number, n)
        assert length == len(range(number, n, step))
        restricted = restrict(relation, step, number)
        if number not in starts:
            assert restricted == restrict(relation, step, number - 1)
            assert length == class_length(step, number - 1, n)
        if restricted is not None:
            expressed += 1
            assert (mask(restricted, length) == whole[number::step, number::step]).all()
    return expressed


@given(places(max_tokens=40, depth=3) | strided_places(max_tokens=40), st.integers(1, 12))
def test_restricted_relations_are_holds(place, step):
    n, relation = place
    check(relation, n, step)


@pytest.mark.parametrize("relation", EVERY_CASE)
@pytest.mark.parametrize("step", [1, 2, 3, 4, 6, 12, 30])
def test_every_case(relation, step):
    check(relation, CASES_LENGTH, step)


@pytest.mark.parametrize(
    ("relation", "step", "number", "expected"),
    [
        (r.Band(-5, 9), 4, 1, r.Band(-1, 2)),
        (r.Band(0, None, 8), 4, 0, r.Band(0, None, 2)),
        (r.Band(0, None, 6), 4, 0, r.Band(0, None, 3)),
        (r.Residue(8, (4,)), 4, 3, r.Residue(2, (1,))),
        (r.Residue(8, (3,)), 4, 0, r.EMPTY),
        (r.Residue(3, (1,)), 4, 2, r.Residue(3, (1,))),
        (r.Columns(8, (5,)), 4, 1, r.Columns(2, (1,))),
        (r.Columns(8, (5,)), 4, 2, r.EMPTY),
        (r.Keys(((3, 10),)), 4, 2, r.Keys(((1, 2),))),
        (r.Chunk((8, 4)), 4, 3, r.Chunk((2, 1))),
        (r.Chunk((3,)), 4, 3, r.Band(0, 0)),
        (r.Chunk((6,)), 4, 3, None),
        (r.Blocks(12, r.Band(0, 1)), 4, 3, r.Blocks(3, r.Band(0, 1))),
        (r.Blocks(2, r.Band(0, 5)), 4, 3, r.Band(0, 2)),
        (r.Blocks(3, r.Band(0, 5)), 4, 3, None),
        (r.Within(12, r.Band(0, 5)), 4, 3, r.Within(3, r.Band(0, 1))),
        (r.Within(2, r.Keys(((1, 2),))), 4, 3, r.FULL),
        (r.Within(6, r.Band(0, 5)), 4, 3, None),
        (r.Slice(5, 20, r.Keys(((0, 3),))), 4, 1, r.Slice(1, 5, r.Keys(((0, 1),)))),
        (r.Random(2, (1,), causal=True), 4, 0, None),
    ],
)
def test_classes_have_these_forms(relation, step, number, expected):
    assert restrict(relation, step, number) == expected


def test_starts_are_few_at_any_length():
    n = 1 << 20
    relation = r.Difference(r.PAST, r.union(r.Keys(((5, 9),)), r.Chunk((1 << 12,)), r.Band(0, 99)))
    assert class_starts(relation, 1 << 11, n) == [0, 5, 9]
    assert class_starts(relation, 3000, n) == [0, 5, 9, n % 3000]
    assert class_starts(r.Columns(5000, (1,)), 5000, n) == [0, 1, 2, n % 5000]
    assert class_starts(r.Columns(7, (1,)), 5000, n) is None
