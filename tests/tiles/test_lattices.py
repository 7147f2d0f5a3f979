"""Launches on residue classes against the definition: their tables, what is packed, and when they are chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen import tables as t
from patternc.codegen.check_tables import check_tables
from patternc.codegen.choice import filled
from patternc.codegen.lower import lower
from patternc.codegen.plan import ChunkStart, Lattice, RowInterval, Shift
from tests.lowering import launches, list_everything, schedule, shapes, stride_everything
from tests.reconstruction import reconstructed
from tests.strategies import CASES_LENGTH, EVERY_CASE, mask, places, strided_places

SHAPES = st.builds(
    shapes, st.sampled_from([4, 8, 16, 32]), st.sampled_from([32, 64]), st.sampled_from([4, 16]), st.just(32)
)
TARGETS = st.sampled_from(["cpu", "cuda:90"])


def check(relation, n, expected=None, **options):
    """Lower with lattices; every launch is checked, every role holds the relation."""
    options = {"target": "cuda:90", "dtype": "float32", "head_dim": 64, "lattices": True, **options}
    lowered = lower(schedule(n, relation), **options)
    (plan,) = lowered.plan.distinct
    (group,) = plan.groups
    expected = mask(relation, n) if expected is None else expected
    for pairs in reconstructed(group, lowered.tables, n):
        assert (pairs == expected).all()
    for launch in launches(plan):
        check_tables(lowered.tables[launch.tables], launch.kernel, n)
    return lowered, group


@given(strided_places(max_tokens=90) | places(max_tokens=90), SHAPES, TARGETS)
def test_tables_are_holds(place, shape, target):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        stride_everything(patch)
        check(relation, n, target=target, shapes=shape)


@given(strided_places(max_tokens=90), SHAPES, TARGETS)
def test_tables_with_everything_listed(place, shape, target):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        stride_everything(patch)
        list_everything(patch)
        check(relation, n, target=target, shapes=shape)


@given(strided_places(max_tokens=130))
def test_as_chosen_with_default_shapes(place):
    n, relation = place
    check(relation, n)
    check(relation, n, target="cpu")


@pytest.mark.parametrize("relation", EVERY_CASE)
@pytest.mark.parametrize("step", [2, 5, 12])
def test_every_case_on_classes(relation, step, monkeypatch):
    """Own tiles of 4: classes of 2 to 12 positions are packed, and have tiles of their own."""
    stride_everything(monkeypatch)
    on_classes = r.intersection(relation, r.Residue(step, (0,)))
    check(on_classes, CASES_LENGTH, shapes=shapes(4, 32, 16, 32))
    check(r.union(on_classes, r.Band(0, 2)), CASES_LENGTH, shapes=shapes(8, 32, 4, 32), target="cpu")


@pytest.mark.parametrize("n", [1, 2, 3, 15, 16, 17, 63, 64, 65, 127])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 16, 40, 200])
def test_strides_at_ragged_lengths(n, k, monkeypatch):
    stride_everything(monkeypatch)
    for relation in (r.Residue(k, (0,)), r.union(r.Band(0, k - 1), r.band(0, None, k)), r.band(-3 * k, 3 * k, k)):
        check(relation, n, shapes=shapes(16, 32))


def every(n):
    at = np.arange(n)
    return at[:, None] - at


def test_a_window_and_a_stride_are_two_launches():
    n, k = 4096, 64
    distance = every(n)
    expected = (distance >= 0) & ((distance < k) | (distance % k == 0))
    lowered, group = check(r.union(r.Band(0, k - 1), r.band(0, None, k)), n, expected)
    assert [launch.tables for launch in group.forward] == ["p0.forward", "p0.forward.step64"]
    assert [launch.tables for launch in group.dkv] == ["p0.dkv", "p0.dkv.step64"]
    first, second = (launch.kernel for launch in group.forward)
    assert (first.lattice, first.accumulate) == (None, False)
    assert second.lattice == Lattice(64, 64, 32)
    assert second.interval == RowInterval((), (Shift(1 - k),))
    assert not second.bits
    computed = sum(
        (table.items[:, t.END] - table.items[:, t.FULL]).sum() * table.own_tile * table.counterpart_tile
        for table in (lowered.tables[launch.tables] for launch in group.forward)
    )
    assert computed < 3 * expected.sum()


def test_a_stride_alone_is_one_launch():
    n = 2048
    lowered, group = check(r.band(0, None, 8), n, (every(n) >= 0) & (every(n) % 8 == 0))
    assert [launch.kernel.accumulate for launch in (*group.forward, *group.dkv)] == [False, False]
    table = lowered.tables["p0.forward.step8"]
    # 8 classes of 256 positions in 4 tiles of 64 own rows each.
    assert len(table.items) == 32
    assert table.bits.shape[0] == 1
    assert group.forward[0].kernel.interval == RowInterval((), (Shift(1),))


def test_short_classes_are_packed():
    n = 4096
    lowered, group = check(r.band(0, None, 512), n, (every(n) >= 0) & (every(n) % 512 == 0))
    assert group.forward[0].kernel.lattice == Lattice(512, 8, 4)
    table = lowered.tables["p0.forward.step512"]
    # 8 classes of 8 positions in a tile of 64 rows, two counterpart tiles of 8 classes by 4 positions.
    assert len(table.items) == 64
    assert (table.items[:, t.END] - table.items[:, t.BITS] == 2).all()
    assert table.bits.shape[0] == 2


def test_chunks_and_blocks_of_whole_classes_are_intervals():
    n = 512
    relation = r.intersection(r.Residue(8, (0,)), r.Chunk((256,)))
    _, group = check(relation, n, shapes=shapes(32, 32))
    assert group.forward[0].kernel.lattice is not None
    assert not group.forward[0].kernel.bits
    clipped = r.intersection(r.PAST, r.Residue(8, (0,)), r.Chunk((160,)))
    _, group = check(clipped, n, shapes=shapes(32, 32))
    assert ChunkStart(160, 0) in group.forward[0].kernel.interval.lows


def test_a_middle_launch_has_only_rows_with_pairs(monkeypatch):
    stride_everything(monkeypatch)
    n = 256
    cut = r.intersection(r.Queries(((128, 160),)), r.Residue(4, (0,)))
    lowered, group = check(r.union(r.Band(0, 3), cut, r.band(0, None, 32)), n, shapes=shapes(16, 32))
    sizes = [len(lowered.tables[launch.tables].items) for launch in group.forward]
    assert [launch.tables for launch in group.forward] == ["p0.forward", "p0.forward.step4", "p0.forward.step32"]
    # One of the four tiles of each of four classes.
    assert sizes[1] == 4
    assert sizes[0] == 16


def test_listed_keys_follow_strides():
    n = 2048
    relation = r.intersection(r.PAST, r.union(r.Residue(8, (0,)), r.Columns(100, (7,))))
    _, group = check(relation, n, (every(n) >= 0) & ((every(n) % 8 == 0) | (np.arange(n) % 100 == 7)))
    assert [launch.tables for launch in group.forward] == ["p0.forward", "p0.forward.step8"]
    assert [launch.tables for launch in group.dkv] == ["p0.dkv.step8", "p0.dkv.gathered"]


@pytest.mark.parametrize(
    ("relation", "n", "chosen"),
    [
        (r.band(0, None, 2), 64, False),
        (r.band(0, None, 2), 2048, True),
        (r.union(r.Band(0, 63), r.band(0, None, 2)), 1024, False),
        (r.union(r.Band(0, 63), r.band(0, None, 8)), 512, False),
        (r.union(r.Band(0, 63), r.band(0, None, 64)), 16384, True),
        (r.union(r.Band(0, 127), r.band(0, None, 128)), 16384, True),
        (r.Band(0, 2 * 255, 2), 8192, True),
        (r.union(r.Band(0, 15), r.Band(0, 2 * 40, 2)), 8192, False),
        (r.union(r.Band(0, 255), r.Band(0, 4 * 255, 4)), 8192, True),
    ],
)
def test_the_cost_model_chooses(relation, n, chosen):
    lowered = lower(schedule(n, relation), target="cuda:90", dtype="bfloat16", head_dim=64, lattices=True)
    (plan,) = lowered.plan.distinct
    assert any(launch.kernel.lattice is not None for launch in launches(plan)) == chosen


@given(places(max_tokens=50, depth=3) | strided_places(max_tokens=50))
def test_what_fills_a_relation_has_every_pair_of_it(place):
    n, relation = place
    assert not (mask(relation, n) & ~mask(filled(relation), n)).any()


@pytest.mark.parametrize("step", [4, 16, 32])
def test_a_dilated_branch_runs_on_one_class(step):
    """Queries and keys of one residue: nothing else is computed, where gathering its keys would compute every query."""
    n = 16384
    branch = r.intersection(r.PAST, r.Chunk((8192,)), r.Rows(step, (1,)), r.Columns(step, (1,)))
    lowered = lower(schedule(n, branch), target="cuda:90", dtype="bfloat16", head_dim=64, lattices=True)
    (group,) = lowered.plan.distinct[0].groups
    (launch,) = group.forward
    assert launch.kernel.lattice == Lattice(step, 128, 64)
    table = lowered.tables[launch.tables]
    in_chunk = 8192 // step
    useful = 2 * in_chunk * (in_chunk + 1) // 2
    assert table.items[:, t.PAIRS].sum() == useful
    assert (table.items[:, t.END] - table.items[:, t.FULL]).sum() * 128 * 64 <= useful + 2 * in_chunk * 128


def test_patterns_share_the_tables_of_a_component():
    n = 4096
    window = r.Band(0, 63)
    relations = [window, r.union(window, r.band(0, None, 64)), r.union(window, r.band(0, None, 128))]
    relations.append(r.union(r.Band(0, 63), r.Band(64, 200), r.band(0, None, 64)))
    lowered = lower(schedule(n, *relations), target="cuda:90", dtype="bfloat16", head_dim=64, lattices=True)
    forwards = [[launch.tables for launch in group.forward] for group in lowered.plan.distinct[0].groups]
    assert forwards == [
        ["p0.forward"],
        ["p0.forward", "p1.forward.step64"],
        ["p0.forward", "p2.forward.step128"],
        ["p3.forward", "p3.forward.step64"],
    ]
    assert set(lowered.notes) == set(lowered.tables)
