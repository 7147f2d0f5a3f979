"""Symbolic relations, on the line and in tiles, against elaborated programs of every length and distance."""

import islpy as isl
import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from patternc.analysis.symbolic_patterns import Place, construct
from patternc.analysis.symbolic_tiles import REST, TILES, Tiles, inside, tile_relation
from patternc.analysis.symbolic_values import LENGTH, Outside, Scope, World
from tests.analysis.written import checked, leaves, masks, patterns
from tests.conftest import LONG


def pairs_of(found, at):
    """The pairs of an isl map at values of its symbols, as tuples of coordinates."""
    for name, value in at.items():
        place = found.find_dim_by_name(isl.dim_type.param, name)
        if place >= 0:
            found = found.fix_val(isl.dim_type.param, place, isl.Val(value, context=found.get_ctx()))
    points = []
    found.project_out(isl.dim_type.param, 0, found.dim(isl.dim_type.param)).wrap().foreach_point(
        lambda point: points.append(
            tuple(
                point.get_coordinate_val(isl.dim_type.set, axis).to_python()
                for axis in range(point.get_space().dim(isl.dim_type.set))
            )
        )
    )
    return points


@settings(max_examples=300 if LONG else 40)
@given(patterns(leaves()), st.booleans(), st.integers(1, 20))
def test_relations_on_the_line_are_those_of_every_length(pattern, causal, length):
    found = checked(pattern, causal, 24)
    assume(found is not None)
    world = World(isl.Context(), found.program, (LENGTH,), {}, {"layers": 1, "heads": 1, "kv_heads": 1})
    symbolic = construct(
        world, Scope(0, 0), Place(world.function(LENGTH), causal), found.program.model.layers.entries[0].pattern
    )
    target = isl.Map.read_from_str(
        world.context, "[n] -> { [i] -> [j] : 0 <= i, j < n " + ("and j <= i }" if causal else "}")
    )
    mask = masks(found, length)
    if mask is not None:
        got = np.zeros((length, length), dtype=bool)
        for i, j in pairs_of(symbolic.intersect(target), {LENGTH: length}):
            got[i, j] = True
        np.testing.assert_array_equal(got, mask[0])


@settings(max_examples=300 if LONG else 40, suppress_health_check=[HealthCheck.filter_too_much])
@given(patterns(leaves(st.just("k"))), st.booleans(), st.integers(1, 6), st.integers(1, 20))
def test_relations_in_tiles_are_those_of_every_distance(pattern, causal, distance, length):
    found = checked(pattern, causal, 24, head="param k = 6")
    assume(found is not None)
    world = World(isl.Context(), found.program, (TILES, REST, "k_"), {}, {"layers": 1, "heads": 1, "kv_heads": 1})
    world.params["k"] = world.function("k_")
    place = Tiles("k_", world.function("k_"), world.function(f"{TILES} + min({REST}, 1)"), causal)
    try:
        symbolic = construct(world, Scope(0, 0), place, found.program.model.layers.entries[0].pattern)
    except Outside:
        assume(False)
    symbolic = symbolic.intersect(tile_relation(world, inside("k_", causal)))
    at = {TILES: length // distance, REST: length % distance, "k_": distance}
    for assumption in world.assumptions:
        symbolic = symbolic.intersect_params(assumption)
    known = isl.Set.read_from_str(
        world.context, "[q, r, k_] -> { : " + " and ".join(f"{a} = {b}" for a, b in at.items()) + " }"
    )
    assume(not any(known.intersect(assumption).is_empty() for assumption in world.assumptions))
    mask = masks(found, length, {"k": distance})
    if mask is not None:
        got = np.zeros((length, length), dtype=bool)
        for a, s, b, t in pairs_of(symbolic, at):
            got[a * distance + s, b * distance + t] = True
        np.testing.assert_array_equal(got, mask[0])
