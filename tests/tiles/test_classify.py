"""Boxes: what is called empty or full is, and boxes of one translation class hold the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET
from patternc.analysis.classify import EMPTY, FULL, UNDECIDED, Boxes, classify
from patternc.analysis.draws import draw_all
from patternc.analysis.translation import distinct, translation_classes
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places


@st.composite
def boxes_in(draw, n):
    """All boxes of one random size inside the place, so that many are translations of others, and a few others."""
    height, width = draw(st.integers(1, n)), draw(st.integers(1, n))
    q0, k0 = (grid.reshape(-1) for grid in np.mgrid[: n - height + 1 : 2, : n - width + 1])
    corners = draw(st.lists(st.tuples(*(st.integers(0, n) for _ in range(4))), max_size=8))
    rest = [(min(a, b), max(a, b), min(c, d), max(c, d)) for a, b, c, d in corners if a != b and c != d]
    every = np.concatenate(
        [np.stack([q0, q0 + height, k0, k0 + width], axis=1), np.array(rest, dtype=np.int64).reshape(-1, 4)]
    )
    return Boxes(*every.T.astype(np.int64))


def contents(expected, boxes):
    sides = zip(*(side.tolist() for side in (boxes.q0, boxes.q1, boxes.k0, boxes.k1)), strict=True)
    return [expected[q0:q1, k0:k1] for q0, q1, k0, k1 in sides]


def check(relation, n, boxes):
    draws = draw_all(relation, n, DEFAULT_BUDGET)
    parts = contents(mask(relation, n), boxes)
    for state, part in zip(classify(relation, boxes, n, draws), parts, strict=True):
        assert state in (EMPTY, UNDECIDED, FULL)
        assert state != EMPTY or not part.any()
        assert state != FULL or part.all()
    numbers, first = translation_classes(relation, boxes, n, draws, [])
    for number, part in zip(numbers.tolist(), parts, strict=True):
        assert np.array_equal(part, parts[first[number]])
    return len(first)


@given((places(max_tokens=32) | causal_places(max_tokens=32)).flatmap(lambda p: st.tuples(st.just(p), boxes_in(p[0]))))
def test_states_and_classes(case):
    (n, relation), boxes = case
    check(relation, n, boxes)


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_translation_of_a_box(relation):
    """All places of boxes of a few sizes: the sides' ends, offsets in blocks, periods and slices all occur."""
    n = CASES_LENGTH
    sizes = [(1, 1), (2, 3), (3, 2), (5, 5), (8, 4), (13, 24)]
    boxes = []
    for height, width in sizes:
        q0, k0 = (grid.reshape(-1) for grid in np.mgrid[: n - height + 1, : n - width + 1])
        boxes.append(np.stack([q0, q0 + height, k0, k0 + width]))
    every = Boxes(*np.concatenate(boxes, axis=1).astype(np.int64))
    assert check(relation, n, every) < every.q0.size


def test_a_single_pair_of_an_atom_is_decided():
    """No atom leaves a single pair undecided, but for random sets, which only prune."""
    n = 24
    i, j = (grid.reshape(-1) for grid in np.mgrid[:n, :n])
    for relation in (
        r.Band(-3, 5), r.Band(-4, 6, 2), r.Residue(5, (0, 3)), r.Columns(4, (1,)), r.Rows(7, (2, 6)), r.Chunk((5, 3)),
        r.Keys(((2, 4), (9, 10))), r.Queries(((0, 1),)), r.Blocks(5, r.Band(0, 1)), r.Within(6, r.Band(0, 2)),
        r.Slice(3, 17, r.Chunk((4,))), r.Within(7, r.Slice(1, 5, r.Columns(2, (0,)))),
    ):  # fmt: skip
        states = classify(relation, Boxes(i, i + 1, j, j + 1), n, {})
        assert ((states == FULL) == mask(relation, n).reshape(-1)).all()
        assert not (states == UNDECIDED).any()


@given(st.lists(st.tuples(*(st.integers(-(2**40), 2**40) | st.integers(0, 2) for _ in range(4))), min_size=1))
def test_distinct_numbers_rows(rows):
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    numbers, first = distinct(columns)
    assert [rows[first[number]] for number in numbers.tolist()] == rows
    assert len(set(numbers.tolist())) == len(set(rows)) == first.size
