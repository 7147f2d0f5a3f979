"""Witnesses, judged by a checker that reads only `holds` and the schedule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.holds import holds
from patternc.analysis.reach import layer_relations
from patternc.analysis.witness import witness
from tests.analysis.schedules import head, layer_lists, schedule, truth


def check(found, model):
    """Every hop is there: layer after layer, from the key to the query, by the head and the term it names."""
    at = found.key
    for layer, hop in enumerate(found.hops):
        assert (hop.layer, hop.key) == (layer, at)
        if hop.head is None:
            assert hop.query == hop.key
            assert hop.term is None
        else:
            pattern = model.pattern(layer, hop.head)
            assert holds(pattern.relation, hop.query, hop.key, model.tokens)
            assert any(
                term.text == hop.term and holds(term.relation, hop.query, hop.key, model.tokens)
                for term in pattern.terms
            )
        at = hop.query
    assert at == found.query


@given(layer_lists(max_tokens=40), st.data())
def test_witnesses_are_paths_and_shortest(case, data):
    n, target, layers = case
    model = schedule(n, [[layer] for layer in layers], causal=target == "past")
    query, key = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    reached = [np.eye(n, dtype=bool), *truth(layers, n, target).reached]
    depth = next((depth for depth, now in enumerate(reached) if now[query, key]), None)
    found = witness(model, query, key)
    if depth is None:
        assert found is None
    else:
        assert found is not None
        check(found, model)
        assert len(found.hops) == depth


def test_head_and_term_are_named():
    strided = head(**{"local(4)": r.Band(0, 3), "stride(4)": r.Band(0, None, 4)})
    model = schedule(64, [[r.Band(0, 0), strided]] * 2)
    found = witness(model, 42, 1)
    check(found, model)
    assert [(hop.head, hop.term, hop.key, hop.query) for hop in found.hops] == [
        (1, "local(4)", 1, 2),
        (1, "stride(4)", 2, 42),
    ]


def test_the_residual_carries_a_token_where_no_head_does():
    model = schedule(8, [[r.intersection(r.PAST, r.Queries(((7, 8),)))], [r.Band(1, 1)], [r.Band(2, 2)]])
    found = witness(model, 3, 1)
    check(found, model)
    assert [hop.term for hop in found.hops] == [None, None, "term"]


def test_a_key_reaches_itself_without_a_hop():
    found = witness(schedule(4, [[r.Band(0, 0)]]), 2, 2)
    assert found.hops == ()


def test_no_path_is_none():
    assert witness(schedule(9, [[r.Band(0, 1)]] * 3), 8, 0) is None


@pytest.mark.parametrize("key", [0, 77, 8191])
def test_long_sequences(key):
    strided = head(**{"local(128)": r.Band(0, 127), "stride(128)": r.Band(0, None, 128)})
    model = schedule(1 << 18, [[strided]] * 2)
    found = witness(model, (1 << 18) - 3, key)
    check(found, model)
    assert len(layer_relations(model)) == 2
