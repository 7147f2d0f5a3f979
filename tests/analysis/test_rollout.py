"""Rollout against dense matrices that are made from the definition pair by pair, and by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import DEFAULT_BUDGET
from patternc.algebra.schedule import Branch, Term, sum_of
from patternc.analysis import rollout as engine
from patternc.analysis.collect import collector
from patternc.analysis.rollout import rollout
from tests.analysis.schedules import schedule, uniform
from tests.strategies import counts, relations, sums


@st.composite
def schedules(draw, max_tokens=40):
    """Models of some heads, sums and empty rows among them."""
    n = draw(st.integers(1, max_tokens))
    causal = draw(st.booleans())
    heads = draw(st.integers(1, 3))
    some = draw(st.lists(sums(n) | relations(n, 1).map(lambda relation: (relation,)), min_size=1, max_size=3))
    if causal:
        some = [tuple(r.intersection(r.PAST, branch) for branch in branches) for branches in some]
    patterns = [sum_of(*(Branch(branch, (Term("term", branch),)) for branch in branches)) for branches in some]
    row = st.lists(st.sampled_from(patterns), min_size=heads, max_size=heads)
    return schedule(n, draw(st.lists(row, min_size=1, max_size=4)), causal=causal)


def matrices(model):
    """Each layer's matrix from the definition: the mean, over the heads with a key, of even weights over the keys."""
    known = {pattern: counts(pattern.relations, model.tokens) for pattern in model.patterns}
    for row in model.table:
        rows = [known[model.patterns[at]].astype(float) for at in row]
        attending = sum((one.sum(axis=1) > 0).astype(int) for one in rows)
        even = sum(one / np.maximum(one.sum(axis=1, keepdims=True), 1) for one in rows)
        even = even / np.maximum(attending, 1)[:, None]
        even[attending == 0] = np.eye(model.tokens)[attending == 0]
        yield even


def within(influence, share):
    """The least distance from the last token within which that share lies, by adding up."""
    total = 0.0
    for distance, weight in enumerate(influence[::-1]):
        total += weight
        if total >= share - 1e-9:
            return distance
    raise AssertionError("a row of a stochastic matrix sums to one")


@given(schedules())
def test_rollout_is_the_last_row_of_the_product(model):
    n = model.tokens
    mixed = attention = reached = np.eye(n)
    for matrix in matrices(model):
        mixed = (np.eye(n) + matrix) / 2 @ mixed
        attention = matrix @ attention
        reached = ((np.eye(n) + matrix) @ reached > 0).astype(float)
    found = rollout(model)
    assert found.exact
    assert found.nominal == n - 1 - int(np.flatnonzero(reached[-1])[0])
    for one, wanted in ((found.mixed, mixed[-1]), (found.attention, attention[-1])):
        assert (one.half, one.most) == (within(wanted, 0.5), within(wanted, 0.99))
        assert one.first == pytest.approx(wanted[0], abs=1e-8)


@given(st.data())
def test_sums_over_the_queries_of_each_key(data):
    n = data.draw(st.integers(1, 56))
    branches = data.draw(sums(n))
    found, wanted = collector(branches, n, DEFAULT_BUDGET), counts(branches, n)
    assert found.keys.tolist() == wanted.sum(axis=1).tolist()
    held = np.arange(2 * n, dtype=float).reshape(n, 2)
    assert (found.collect(held) == wanted.T @ held).all()


def test_a_window_by_hand():
    """One layer of local(100): each of 100 keys has 1 %, so 99 of them have 99 %; mixed, oneself has half and more."""
    found = rollout(uniform(1000, 1, r.Band(0, 99)))
    assert (found.nominal, found.attention.half, found.attention.most) == (99, 49, 98)
    assert (found.mixed.half, found.mixed.most) == (0, 97)  # 1/2 + 98 of 1/200


def test_many_windows_reach_as_far_as_the_square_root_of_their_number():
    """A random walk: the mean distance after L layers of local(w) is L (w - 1) / 2, its deviation w sqrt(L / 12)."""
    w, layers = 65, 64
    found = rollout(uniform(8192, layers, r.Band(0, w - 1)))
    mean, deviation = layers * (w - 1) / 2, (layers * (w * w - 1) / 12) ** 0.5
    assert found.nominal == layers * (w - 1)
    assert abs(found.attention.half - mean) < 2
    assert abs(found.attention.most - (mean + 2.326 * deviation)) < 5


def test_causal_dense_layers_lead_to_the_first_token():
    """The first token's share after two dense layers: the mean over the keys i of 1 / (i + 1)."""
    n = 100
    share = sum(Fraction(1, i + 1) for i in range(n)) / n
    assert rollout(uniform(n, 2, r.PAST)).attention.first == pytest.approx(float(share), abs=1e-9)
    assert rollout(uniform(n, 40, r.PAST)).attention.first > 0.999


def test_tiny_influence_is_in_reach():
    """Influence below what float64 has: the nominal reach is counted in whole numbers."""
    found = rollout(uniform(4000, 400, r.Band(0, 9)))
    assert found.nominal == 400 * 9
    assert rollout(uniform(1 << 14, 200, r.union(r.Band(0, 0), r.Band(80, 80)))).nominal == 16000


def test_more_than_it_takes_is_refused(monkeypatch):
    monkeypatch.setattr(engine, "MOST_WORK", 100)
    found = rollout(uniform(60, 2, r.PAST))
    assert (found.nominal, found.mixed, found.attention, found.exact) == (None, None, None, False)
    assert "242" in found.method
    monkeypatch.setattr(engine, "MOST_RUNS", 5)
    assert "399 pairs" in rollout(uniform(60, 2, r.Random(7, (), causal=True))).method
