"""Tiles of a plan: those that are counted without planning a backward pass are those of the plan that runs."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen.explain import explain_plan
from patternc.codegen.lower import lower
from patternc.codegen.tile_counter import tile_counter
from tests.lowering import list_everything, schedule, stride_everything
from tests.strategies import sum_places

LARGE = 16384, (r.union(r.Band(0, 127), r.band(0, None, 128), r.Keys(((0, 4),)), r.Queries(((0, 1),))),)


@example(LARGE, "cuda:90")
@given(sum_places(max_tokens=200), st.sampled_from(["cpu", "cuda:90"]))
@pytest.mark.parametrize("components", [None, list_everything, stride_everything])
def test_counted_are_the_tiles_of_the_plan(components, place, target):
    n, branches = place
    with pytest.MonkeyPatch.context() as patch:
        if components is not None:
            components(patch)
        alone = schedule(n, branches)
        whole = explain_plan(lower(alone, target=target, dtype="float32", head_dim=64))
        other = schedule(n + 1, r.PAST)
        counter = tile_counter(explain_plan(lower(other, target=target, dtype="float32", head_dim=64)), other)
        counted = counter(branches, n, 7)
        launches = whole.layers[0].groups[0].of("forward")
        assert whole.layers[0].groups[0].of("dkv")
        assert (counted.rows, counted.columns) == (launches[0].own_tile, launches[0].counterpart_tile)
        assert counted.full == sum(launch.full for launch in launches)
        assert counted.partial == sum(launch.interval + launch.bits for launch in launches)
        assert counted.gathered == sum(launch.gathered for launch in launches)
        assert counted.pairs == 7


def test_a_plan_of_the_forward_pass_has_no_gradients():
    model = schedule(512, r.Band(0, 127), r.Keys(((0, 4),)), table=((0, 1, 0),))
    (layer,) = lower(model, target="cuda:90", dtype="float32", head_dim=64, backward=False).plan.distinct
    (full,) = lower(model, target="cuda:90", dtype="float32", head_dim=64).plan.distinct
    assert [group.forward for group in layer.groups] == [group.forward for group in full.groups]
    assert all(not group.dq and not group.dkv for group in layer.groups)
