"""Section 6 word by word: what expectations ask for, against the definitions read off dense masks of random models."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget, TileBudgetError
from patternc.algebra.expectation import CacheOf, Comparison, Connected, Known, WasteOf
from patternc.analysis.expectations import judge
from patternc.analysis.facts import Facts
from patternc.analysis.tile_counts import occupied_tiles
from patternc.diagnostics import Label
from patternc.source import Source, Span
from tests.analysis.schedules import layer_lists, schedule, truth
from tests.strategies import mask, relations

HERE = Label(Source("t.attn", "x"), Span(0, 1))


@st.composite
def models(draw, max_tokens=40):
    """A schedule of some layers, heads and kv heads, with the dense masks of its heads."""
    n = draw(st.integers(1, max_tokens))
    causal = draw(st.booleans())
    kv_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    layers = draw(st.integers(1, 3))
    options = draw(st.lists(relations(n, 1), min_size=1, max_size=3))
    if causal:
        options = [r.intersection(r.PAST, option) for option in options]
    row = st.lists(st.sampled_from(options), min_size=kv_heads * group, max_size=kv_heads * group)
    found = schedule(n, [draw(row) for _ in range(layers)], causal=causal, kv_heads=kv_heads)
    return found, [[mask(found.pattern(layer, h).relation, n) for h in range(found.heads)] for layer in range(layers)]


def value(found, fact):
    """What the judge takes a fact to be: the only number that compares as equal to it."""
    (verdict,) = judge([Comparison("fact", HERE, fact, "==", Known(Fraction(-1)))], Facts(found))
    return verdict


def holds(found, fact, number):
    (verdict,) = judge([Comparison("fact", HERE, fact, "==", Known(number))], Facts(found))
    return verdict.holds


@given(models())
def test_cache(model):
    found, masks = model
    group = found.heads // found.kv_heads
    kept = {}
    for layer, row in enumerate(masks):
        for kv_head in range(found.kv_heads):
            any_head = np.logical_or.reduce(row[kv_head * group : (kv_head + 1) * group])
            for i in range(found.tokens):
                kept[layer, kv_head, i] = int(any_head[i:, : i + 1].any(axis=0).sum())
    most = max(kept.values())
    assert holds(found, CacheOf(), most)
    place = value(found, CacheOf()).place
    assert kept[place.layer, place.kv_head, place.query] == most


@given(models(), st.integers(1, 48), st.integers(1, 48))
def test_waste(model, rows, columns):
    found, masks = model
    n = found.tokens
    useful = sum(int(each.sum()) for row in masks for each in row)
    computed = 0
    for each in (each for row in masks for each in row):
        for top in range(0, n, rows):
            for left in range(0, n, columns):
                computed += rows * columns * bool(each[top : top + rows, left : left + columns].any())
    fact = WasteOf(rows, columns)
    if useful == 0:
        assert value(found, fact).undefined
        return
    assert holds(found, fact, Fraction(computed, useful))
    assert f"hold {computed:,} pairs for {useful:,} that count" in value(found, fact).detail


@given(st.data())
def test_pairs_of_occupied_tiles(data):
    n = data.draw(st.integers(1, 60))
    relation = data.draw(relations(n))
    found = occupied_tiles(relation, n, data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70)))
    assert found.pairs == mask(relation, n).sum()


def test_tiles_beyond_the_budget_are_refused():
    for sides, budget in (((4096, 4096), Budget()), ((16, 16), Budget(boxes=8))):
        try:
            occupied_tiles(r.Residue(7, (0,)), 5000, *sides, budget)
        except TileBudgetError:
            continue
        raise AssertionError(sides)


@given(layer_lists(max_tokens=40, max_layers=5), st.data())
def test_connected(listed, data):
    n, target, layers = listed
    causal = all((np.triu(mask(each, n), 1) == 0).all() for each in layers)
    found = schedule(n, [[each] for each in layers], causal=causal)
    count = data.draw(st.integers(1, len(layers)))
    anywhere = data.draw(st.booleans())
    asked = Connected("connected", HERE, count, anywhere, to_past=target == "past")
    (verdict,) = judge([asked], Facts(found))
    wanted = "past" if causal or target == "past" else "all"
    starts = range(len(layers) - count + 1) if anywhere else [0]
    missing = {first: truth(layers[first : first + count], n, wanted).missing_after[-1] for first in starts}
    failing = [first for first in starts if missing[first] is not None]
    assert verdict.holds is (not failing)
    if failing:
        place = verdict.place
        assert (place.first, place.layer) == (failing[0], failing[0] + count - 1)
        assert (place.query, place.key) == missing[failing[0]]
