"""Layers that repeat between an irregular beginning and end: the reduction against dense products."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.analysis.operators import lower
from patternc.analysis.reach import reach
from patternc.analysis.recurrent import recurrence, recurrent
from tests.analysis.schedules import truth
from tests.strategies import mask, relations


def past(relation):
    return r.intersection(r.PAST, relation)


@st.composite
def irregular_layers(draw):
    """(n, layers): causal layers that repeat, with sinks, a prompt, a part behind it, and queries at the end."""
    n = draw(st.integers(8, 90))
    regular = [
        r.Band(0, draw(st.integers(0, 9))),
        r.Band(0, None, draw(st.integers(1, 7))),
        past(r.Chunk((draw(st.integers(1, 6)),))),
        past(r.Columns(draw(st.integers(1, 5)), (0,))),
        past(r.Blocks(draw(st.integers(1, 5)), r.Band(0, 1))),
        past(r.Within(draw(st.integers(1, 5)), draw(relations(5, 1)))),
    ]
    early, late = draw(st.integers(0, n // 4)), draw(st.integers(n - 5, n))
    irregular = [
        past(r.Keys(((0, max(1, early)),))),
        past(r.Slice(early, n, draw(st.sampled_from(regular)))),
        past(r.Queries(((late - 1, late),))),
        past(r.Slice(0, max(1, early), draw(relations(max(1, early), 1)))),
        r.difference(r.Band(0, 3), r.Keys(((max(0, early - 1), max(1, early)),))),
    ]
    layers = []
    for _ in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(st.sampled_from(regular), min_size=1, max_size=2))
        parts += draw(st.lists(st.sampled_from(irregular), max_size=2))
        layers.append(r.union(*parts))
    return n, [draw(st.sampled_from(layers)) for _ in range(draw(st.integers(1, 4)))]


@given(irregular_layers())
def test_reach_is_the_dense_product(case):
    n, layers = case
    found = recurrence(layers, n)
    assume(found is not None)
    swept, wanted = recurrent([lower(layer, n) for layer in layers], found, n), truth(layers, n, "past")
    for sizes, reached in zip(swept.sizes, wanted.reached, strict=True):
        np.testing.assert_array_equal(sizes, reached.sum(axis=1))
    assert swept.depth == wanted.depth
    assert swept.pair == [None, *wanted.missing_after][len(layers) if wanted.depth is None else wanted.depth - 1]


@given(irregular_layers())
def test_inside_the_layers_are_what_they_are_there(case):
    n, layers = case
    found = recurrence(layers, n)
    assume(found is not None)
    for layer, inside in zip(layers, found.inside, strict=True):
        own = mask(layer, n)[found.start : found.stop, found.start : found.stop]
        np.testing.assert_array_equal(own, mask(inside, found.stop - found.start))


@given(st.integers(8, 90).flatmap(lambda n: st.tuples(st.just(n), relations(n, 2))))
def test_any_relation_is_reduced_rightly_or_not_at_all(case):
    n, relation = case
    layers = [past(relation), r.union(past(relation), r.Band(0, 2))]
    found = recurrence(layers, n)
    assume(found is not None)
    swept, wanted = recurrent([lower(layer, n) for layer in layers], found, n), truth(layers, n, "past")
    for sizes, reached in zip(swept.sizes, wanted.reached, strict=True):
        np.testing.assert_array_equal(sizes, reached.sum(axis=1))


SINKS = r.union(r.Band(0, 511), past(r.Keys(((0, 4),))))
IMAGE = r.union(
    past(r.Keys(((0, 64),))), past(r.Slice(64, 1 << 20, r.intersection(r.Blocks(128, r.Band(0, 3)), r.Band(0, None))))
)


@pytest.mark.parametrize(
    ("layers", "depth", "missing", "said"),
    [
        ([SINKS] * 8, None, (8 * 511 + 5, 4), "and the first 4 keys one by one"),
        ([r.union(SINKS, r.Band(0, None, 512))] * 3, 2, None, "and the first 4 keys one by one"),
        (
            [r.union(SINKS, past(r.Queries((((1 << 20) - 2, 1 << 20),))))] * 2,
            None,
            (2 * 511 + 5, 4),
            "the last 2 queries",
        ),
        ([IMAGE] * 2, None, None, "the first 64 keys"),
    ],
)
def test_a_million_tokens(layers, depth, missing, said):
    n = 1 << 20
    found = reach(layers, n, "past")
    assert found.exact
    assert found.depth == depth
    assert said in found.method
    if missing is not None:
        assert found.missing == missing


@pytest.mark.parametrize(
    "layer",
    [
        r.Band(-1, 1),  # looks ahead
        r.union(r.Band(0, 5), past(r.Keys(((500, 501),)))),  # irregular in the middle
        past(r.Random(2, (0,), True)),
        past(r.Chunk((300, 724))),
    ],
)
def test_what_does_not_repeat_is_not_reduced(layer):
    assert recurrence([layer], 1024) is None


def test_work_is_bounded():
    """A period that is short beside the sequence may still be too much."""
    n = 1 << 20
    assert recurrence([past(r.Columns(1 << 12, (0,)))], n) is not None
    assert recurrence([past(r.Columns(1 << 13, (0,)))], n) is None
