"""Counts and measures against pair-by-pair brute force."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.evaluate import evaluate
from patternc.algebra.normalise import normalise
from patternc.analysis.count import count, count_pattern, dense_pairs
from patternc.analysis.measures import average_depth, decode_cache, hubs, kept_keys
from patternc.analysis.reach import reach
from patternc.analysis.tile_counts import on_neighbours, tiles_of
from tests.analysis.schedules import layer_lists, schedule, truth
from tests.strategies import causal_places, mask, places


@given(places())
def test_pairs_of_every_query_and_key(place):
    n, relation = place
    pairs = mask(relation, n)
    counted = count_pattern((relation,), n)
    assert counted.pairs == pairs.sum()
    assert (counted.per_query == pairs.sum(axis=1)).all()
    assert (counted.per_key == pairs.sum(axis=0)).all()


@given(places(), st.sampled_from([(16, 8), (5, 3)]))
def test_contiguous_tiles_are_those_that_hold_a_pair(place, tile):
    n, relation = place
    normal = normalise(relation, n)
    pairs = mask(normal.tiled, n)
    rows, columns = tile
    full = partial = 0
    for i in range(0, n, rows):
        for j in range(0, n, columns):
            part = pairs[i : i + rows, j : j + columns]
            full += bool(part.all())
            partial += bool(part.any() and not part.all())
    tiles = tiles_of(normal, tile, int(mask(relation, n).sum()))
    assert (tiles.full, tiles.partial) == (full, partial)
    assert (tiles.gathered > 0) == (mask(relation, n) & ~pairs).any()
    wanted = (full + partial + tiles.gathered) * rows * columns
    assert tiles.computed_over_useful == (Fraction(wanted, tiles.pairs) if tiles.pairs else None)


def test_gathered_tiles_hold_listed_keys_and_queries():
    """Columns 0, 128, ...: 8 keys up to 1024, one gathered tile for each of 8 query tiles but none is contiguous."""
    columns = on_neighbours((r.intersection(r.PAST, r.Columns(128, (0,))),), 1024, 4608)
    assert (columns.full, columns.partial, columns.gathered) == (0, 0, 8)
    at = np.arange(500)
    pairs = evaluate(r.Random(1, (0,), False), at[:, None], at[None, :], 500)
    drawn = on_neighbours((r.Random(1, (0,), False),), 500, 500)
    keys = [int(pairs[start : start + 128].any(axis=0).sum()) for start in range(0, 500, 128)]
    assert (drawn.full + drawn.partial, drawn.gathered) == (0, sum(-(-each // 64) for each in keys))


@pytest.mark.parametrize("causal", [True, False])
def test_layers_and_density_sum_over_heads(causal):
    a, b = r.Band(0, 4), r.Band(0, None, 3)
    counts = count(schedule(20, [[a, a, b], [b, b, b]], causal=causal))
    one, two = mask(a, 20).sum(), mask(b, 20).sum()
    assert counts.layers == (2 * one + two, 3 * two)
    assert counts.total == 2 * one + 4 * two
    assert counts.dense == (210 if causal else 400) == dense_pairs(20, causal)
    assert counts.density == Fraction(int(counts.total), counts.dense * 6)


@given(places(max_tokens=30))
def test_kept_keys_by_definition(place):
    n, relation = place
    pairs = mask(relation, n)
    wanted = [sum(bool(pairs[i:, j].any()) for j in range(i + 1)) for i in range(n)]
    assert kept_keys(relation, n).tolist() == wanted


@given(causal_places(max_tokens=20), causal_places(max_tokens=20))
def test_decode_cache_by_definition(first, second):
    n = min(first[0], second[0])
    model = schedule(n, [[first[1], second[1], r.Band(0, 1), r.EMPTY], [second[1]] * 4], kv_heads=2)
    steps = []
    for i in range(n):
        for layer in range(2):
            for kv_head in range(2):
                heads = [mask(model.pattern(layer, 2 * kv_head + h).relation, n) for h in range(2)]
                steps.append((i, layer, kv_head, sum(bool((heads[0] | heads[1])[i:, j].any()) for j in range(i + 1))))
    cache = decode_cache(model)
    assert cache.most == max(kept for *_, kept in steps)
    assert (cache.step, cache.layer, cache.kv_head, cache.most) in steps
    assert cache.total == max(sum(kept for i, *_, kept in steps if i == step) for step in range(n))


def test_a_slice_that_hangs_over_the_end():
    relation = r.intersection(r.PAST, r.Slice(0, 5, r.Residue(2, (0,))))
    assert kept_keys(relation, 3).tolist() == [1, 2, 2]
    assert mask(relation, 3).sum() == 4


def test_a_causal_window_keeps_its_width():
    assert decode_cache(schedule(1000, [[r.Band(0, 63)]] * 2)).most == 64
    sinks = r.union(r.Band(0, 63), r.intersection(r.PAST, r.Keys(((0, 4),))))
    cache = decode_cache(schedule(1000, [[sinks]] * 2))
    assert (cache.most, cache.total) == (68, 136)


def test_hubs_are_the_keys_everyone_attends():
    relation = r.intersection(r.PAST, r.union(r.Band(0, 5), r.Keys(((3, 5),))))
    model = schedule(100, [[r.Band(0, 5)], [relation]])
    found = hubs(model, count(model))
    assert (found.layer, found.key, found.pairs, found.keys) == (1, 3, 97, ((3, 5),))
    window = schedule(100, [[r.Band(0, 5)]])
    assert hubs(window, count(window)).keys == ()
    both = schedule(100, [[r.union(r.Band(-5, 5), r.Keys(((0, 1), (99, 100))))]], causal=False)
    assert hubs(both, count(both)).keys == ((0, 1), (99, 100))


@given(layer_lists(max_tokens=30))
def test_average_depth_by_definition(case):
    n, target, layers = case
    found = average_depth(reach(layers, n, target), n)
    reached = [np.eye(n, dtype=bool), *truth(layers, n, target).reached]
    depths = [
        next((d for d, now in enumerate(reached) if now[i, j]), None) for i in range(n) for j in range(n) if i != j
    ]
    known = [depth for depth in depths if depth is not None]
    assert found == (Fraction(sum(known), len(known)) if known else None)
