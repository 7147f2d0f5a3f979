"""Sums against the definition: every pair as often as its branches have it, in every role, and no launch too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.evaluate import multiplicities
from patternc.algebra.normalise import normalise_sum
from patternc.analysis.overlay import overlaid
from patternc.analysis.tiles import tile_map
from patternc.codegen.explain import explain_plan
from patternc.codegen.lower import lower
from tests.lowering import list_everything, schedule, shapes, stride_everything
from tests.reconstruction import reconstructed
from tests.strategies import CASES_LENGTH, EVERY_CASE, counts, sum_places

SHAPES = st.builds(
    shapes, st.sampled_from([4, 8, 16, 32]), st.sampled_from([32, 64]), st.sampled_from([4, 16]), st.just(32)
)
TARGETS = st.sampled_from(["cpu", "cuda:90"])


def check(branches, n, **options):
    lowered = lower(schedule(n, branches), dtype="float32", head_dim=64, **options)
    (plan,) = lowered.plan.distinct
    (group,) = plan.groups
    expected = counts(branches, n)
    for pairs in reconstructed(group, lowered.tables, n):
        assert (pairs == expected).all()
    return lowered


def launches(lowered, role):
    return [(launch.full + launch.interval + launch.bits + launch.gathered) for layer in explain_plan(lowered).layers
            for group in layer.groups for launch in group.of(role)]  # fmt: skip


@given(sum_places(max_tokens=90), SHAPES, TARGETS)
def test_tables_count(place, shape, target):
    n, branches = place
    check(branches, n, target=target, shapes=shape)


@given(sum_places(max_tokens=90), SHAPES, TARGETS)
def test_tables_count_with_everything_listed(place, shape, target):
    n, branches = place
    with pytest.MonkeyPatch.context() as patch:
        list_everything(patch)
        check(branches, n, target=target, shapes=shape)


@given(sum_places(max_tokens=90), SHAPES, TARGETS)
def test_tables_count_with_every_stride_on_its_lattice(place, shape, target):
    n, branches = place
    with pytest.MonkeyPatch.context() as patch:
        stride_everything(patch)
        check(branches, n, target=target, shapes=shape)


@pytest.mark.parametrize("relation", EVERY_CASE)
def test_every_case_beside_a_window_and_itself(relation, monkeypatch):
    branches = relation, r.Band(-4, 4), relation
    check(branches, CASES_LENGTH, target="cuda:90", shapes=shapes(8, 32, 4, 32))
    list_everything(monkeypatch)
    check(branches, CASES_LENGTH, target="cpu", shapes=shapes(4, 32, 8, 32))


@given(sum_places())
def test_many_pairs_at_once(place):
    n, branches = place
    every = np.arange(n)
    assert (multiplicities(branches, every[:, None], every[None, :], n) == counts(branches, n)).all()


@given(sum_places(), st.sampled_from(["queries", "keys"]))
def test_laid_over_one_another(place, own):
    """Every pair as often as it counts, and no tile without one."""
    n, branches = place
    maps = [tile_map(branch, n, 8, 8, own=own) for branch in branches]
    whole = overlaid(maps)
    assert whole.pairs == sum(one.pairs for one in maps) == counts(branches, n).sum()
    assert (whole.tile_pairs() > 0).all()
    wide = np.zeros((-(-n // 8) * 8,) * 2, dtype=np.int64)
    wide[:n, :n] = counts(branches, n) if own == "queries" else counts(branches, n).T
    busiest = wide.reshape(-(-n // 8), 8, -1, 8).max(axis=(1, 3))
    seen = np.zeros_like(busiest)
    np.add.at(seen, (whole.owners(), whole.counterparts), 1)
    assert (seen == busiest).all(), "a tile is visited as often as its busiest pair counts"


@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize(
    "relation", [r.Band(0, 99), r.Residue(40, (0,)), r.Columns(64, (63,)), r.Blocks(32, r.Random(2, (1,), False))]
)
def test_a_branch_again_costs_tiles_but_no_launch(relation, times):
    once, often = (
        lower(schedule(2000, branches), target="cuda:90", dtype="float16", head_dim=64)
        for branches in ((relation,), (relation,) * times)
    )
    for role in ("forward", "dq", "dkv"):
        assert launches(often, role) == [times * tiles for tiles in launches(once, role)]


def test_branches_side_by_side_in_a_tile_cost_what_their_union_does():
    even, odd = (r.Blocks(64, r.Rows(2, (row,))) for row in (0, 1))
    once, both = (
        lower(schedule(1024, branches), target="cuda:90", dtype="float16", head_dim=64)
        for branches in ((r.FULL,), (even, odd))
    )
    assert launches(both, "forward") == launches(once, "forward")


def test_the_same_branches_are_planned_once():
    window, stride = r.Band(0, 40), r.Band(0, None, 16)
    table = ((0, 1, 2, 3),)
    lowered = lower(
        schedule(640, (window, stride), r.union(window, stride), (window, stride), (stride, stride), table=table),
        target="cuda:90", dtype="float16", head_dim=64,
    )  # fmt: skip
    groups = lowered.plan.distinct[0].groups
    assert [group.heads for group in groups] == [(0, 2), (1,), (3,)], "a sum is not its union"


def test_a_repeated_branch_has_one_form():
    first, other, again = normalise_sum((r.Band(0, 40), r.FULL, r.Band(0, 40)), 640)
    assert first is again
    assert other.tiled == r.FULL
