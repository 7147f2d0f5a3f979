"""Lowering against the definition: the pairs of every launch, in both directions, and what is shared."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import TileBudgetError
from patternc.algebra.evaluate import evaluate
from patternc.codegen.cost import tile_shape
from patternc.codegen.lower import lower
from patternc.codegen.plan import RowInterval, Shift
from patternc.codegen.tables import TABLE_ARRAYS
from tests.lowering import launches, list_everything, schedule, shapes
from tests.reconstruction import reconstructed, visited
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places

SHAPES = st.builds(
    shapes, st.sampled_from([4, 8, 16, 32]), st.sampled_from([32, 64]), st.sampled_from([4, 16]), st.just(32)
)


def check(relation, n, **options):
    lowered = lower(schedule(n, relation), dtype="float32", head_dim=64, **options)
    (plan,) = lowered.plan.distinct
    (group,) = plan.groups
    expected = mask(relation, n)
    for pairs in reconstructed(group, lowered.tables, n):
        assert (pairs == expected).all()
    return lowered


@given(places(max_tokens=90) | causal_places(max_tokens=90), SHAPES, st.sampled_from(["cpu", "cuda:90"]))
def test_tables_are_holds(place, shape, target):
    n, relation = place
    lowered = check(relation, n, target=target, shapes=shape)
    if target == "cpu":
        assert all(launch.kernel.interval is None for plan in lowered.plan.distinct for launch in launches(plan))


@given(places(max_tokens=90) | causal_places(max_tokens=90), SHAPES, st.sampled_from(["cpu", "cuda:90"]))
def test_tables_with_everything_listed(place, shape, target):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        list_everything(patch)
        check(relation, n, target=target, shapes=shape)


@pytest.mark.parametrize("relation", EVERY_CASE)
@pytest.mark.parametrize("target", ["cpu", "cuda:90"])
def test_every_case(relation, target, monkeypatch):
    """Own tiles of 4 and 8: intervals, masks and rows beyond the end occur in nearly all of them."""
    check(relation, CASES_LENGTH, target=target, shapes=shapes(8, 32, 4, 32))
    list_everything(monkeypatch)
    check(relation, CASES_LENGTH, target=target, shapes=shapes(4, 32, 8, 32))


def test_columns_are_gathered_and_get_a_second_launch():
    n = 520
    lowered = check(r.union(r.Band(0, 63), r.intersection(r.PAST, r.Columns(52, (51,)))), n, target="cuda:90")
    (plan,) = lowered.plan.distinct
    forward, dkv = plan.groups[0].forward[0].kernel, plan.groups[0].dkv
    assert forward.gathered
    assert [launch.kernel.own for launch in dkv] == ["contiguous", "gathered"]
    assert dkv[1].kernel.interval == RowInterval((Shift(64),), ())
    assert dkv[1].tables == "p0.dkv.gathered"
    assert lowered.tables["p0.dkv.gathered"].gather[0, :10].tolist() == list(range(51, 520, 52))


def test_token_level_draws_are_gathered():
    n = 1500
    relation = r.union(r.Band(0, 63), r.intersection(r.PAST, r.Random(3, (3,), causal=True)))
    lowered = lower(schedule(n, relation), target="cuda:90", dtype="float32", head_dim=64)
    (plan,) = lowered.plan.distinct
    (group,) = plan.groups
    every = np.arange(n)
    expected = evaluate(relation, every[:, None], every[None, :], n)
    for pairs in reconstructed(group, lowered.tables, n):
        assert (pairs == expected).all()
    assert all(launch.kernel.gathered and launch.kernel.own == "contiguous" for launch in launches(plan))


def test_scattered_queries_are_gathered_in_the_backward():
    n = 400
    relation = r.union(r.Band(-20, 20), r.Queries(r.spans_of(range(5, 400, 50))))
    lowered = check(relation, n, target="cuda:90")
    (plan,) = lowered.plan.distinct
    assert not plan.groups[0].forward[0].kernel.gathered
    assert [launch.kernel.gathered for launch in plan.groups[0].dkv] == [True]


@given(places(max_tokens=70))
def test_default_shapes_are_holds(place):
    n, relation = place
    check(relation, n, target="cuda:80")
    check(relation, n, target="cpu")


def test_a_causal_window_is_full_and_interval_tiles():
    n = 700
    lowered = check(r.Band(0, 127), n, target="cuda:90")
    (plan,) = lowered.plan.distinct
    group = plan.groups[0]
    assert group.forward[0].kernel.interval == RowInterval((Shift(-127),), (Shift(1),))
    assert group.dkv[0].kernel.interval == RowInterval((Shift(0),), (Shift(128),))
    assert not any(launch.kernel.bits for launch in launches(plan))
    assert group.forward[0].tables == group.dq[0].tables
    assert set(lowered.tables) == {"p0.forward", "p0.dkv"}


@pytest.mark.parametrize(
    "relation",
    [
        r.intersection(r.PAST, r.Chunk((100,))),
        r.Chunk((64,)),
        r.intersection(r.PAST, r.Blocks(16, r.Band(0, 2))),
        r.intersection(r.PAST, r.Keys(((0, 300),))),
        r.Band(-10, 10),
        r.FULL,
    ],
)
def test_intervals_leave_no_bits(relation):
    n = 400
    lowered = check(relation, n, target="cuda:90", shapes=shapes(32, 32))
    (plan,) = lowered.plan.distinct
    assert not plan.groups[0].forward[0].kernel.bits


def test_equal_patterns_share_tables_and_kernels():
    window, dense = r.Band(0, 63), r.PAST
    table = ((0, 0, 1, 1), (1, 1, 1, 1), (0, 0, 1, 1), (2, 2, 1, 1))
    lowered = lower(
        schedule(512, window, dense, r.Band(0, 63, 1), table=table), target="cuda:90", dtype="bfloat16", head_dim=64
    )
    assert lowered.plan.layers == (0, 1, 0, 0)
    mixed, uniform = lowered.plan.distinct
    assert [group.heads for group in mixed.groups] == [(0, 1), (2, 3)]
    assert mixed.pattern == "heads 0..2: pattern 0; heads 2..4: pattern 1"
    assert uniform.pattern == "pattern 1"
    assert set(lowered.tables) == {"p0.forward", "p0.dkv", "p1.forward", "p1.dkv"}
    specs = {launch.kernel for plan in lowered.plan.distinct for launch in launches(plan)}
    assert len({spec.name for spec in specs}) == len(specs)


def test_layers_may_be_picked():
    lowered = lower(
        schedule(100, r.Band(0, 3), r.PAST, table=((0,), (1,), (0,))),
        target="cpu", dtype="float64", head_dim=16, layers=[1],
    )  # fmt: skip
    assert lowered.plan.layers == (0,)
    assert set(lowered.tables) == {"p1.forward", "p1.dkv"}


def test_items_are_sorted_by_cost():
    lowered = lower(schedule(2048, r.PAST), target="cuda:90", dtype="bfloat16", head_dim=64)
    items = lowered.tables["p0.forward"].items
    assert items[:, 0].tolist() == sorted(items[:, 0].tolist(), reverse=True)


def test_a_row_without_tiles_still_has_an_item():
    lowered = lower(schedule(512, r.Queries(((0, 1),))), target="cuda:90", dtype="bfloat16", head_dim=64)
    assert len(lowered.tables["p0.forward"].items) == 4
    kernel = lowered.plan.distinct[0].groups[0].forward[0].kernel
    assert visited(lowered.tables["p0.forward"], kernel, 512, every=True)[0].all()


def test_limits_are_errors():
    with pytest.raises(TileBudgetError, match="32-bit"):
        lower(schedule(2**31, r.Band(0, 3)), target="cpu", dtype="float32", head_dim=64)
    with pytest.raises(ValueError, match="head_dim is 512"):
        lower(schedule(64, r.Band(0, 3)), target="cuda:90", dtype="float32", head_dim=512)
    with pytest.raises(ValueError, match="float64"):
        tile_shape("cuda:90", "float64", 64, "forward", 1024)


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, 100, 128, 5000])
@pytest.mark.parametrize("role", ["forward", "dq", "dkv"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("head_dim", [16, 64, 80, 128, 256])
def test_shapes_are_legal(tokens, role, dtype, head_dim):
    shape = tile_shape("cuda:80", dtype, head_dim, role, tokens)
    assert shape.own >= 16
    assert shape.counterpart % 32 == 0
    assert shape.own & (shape.own - 1) == 0
    assert shape.num_warps in (4, 8, 16)


def test_lowering_is_deterministic():
    blocks = r.union(r.Band(0, 40), r.intersection(r.PAST, r.Blocks(16, r.Random(2, (1,), causal=True))))
    wide = r.intersection(r.PAST, r.union(r.Band(0, 40), r.Queries(r.spans_of([5, 4000])), r.Residue(50, (0,))))
    one, two = (lower(schedule(8000, blocks, wide), target="cuda:90", dtype="bfloat16", head_dim=64) for _ in range(2))
    assert one.plan == two.plan
    assert one.notes == two.notes
    assert {launch.kernel.lattice is None for launch in one.plan.distinct[0].groups[1].forward} == {True, False}
    assert any(launch.slots for launch in launches(one.plan.distinct[0]))
    for name, table in one.tables.items():
        for field in TABLE_ARRAYS:
            assert np.array_equal(getattr(table, field), getattr(two.tables[name], field))


DIGEST = """
import hashlib, sys
from patternc.algebra import relation as r
from patternc.codegen.lower import lower
from patternc.codegen.plan_json import plan_to_json
from patternc.codegen.tables import TABLE_ARRAYS
from tests.lowering import schedule
parts = r.Band(0, 99), r.Columns(128, (1, 5)), r.Keys(r.spans_of(range(0, 900, 90))), r.Random(2, (1,), causal=True)
wide = r.Band(0, 99), r.Residue(50, (0,)), r.Queries(r.spans_of([5, 4000])), r.Keys(r.spans_of(range(0, 900, 90)))
relations = [r.intersection(r.PAST, r.union(*some)) for some in (parts, parts[::-1], wide, wide[::-1])]
lowered = lower(schedule(8000, *relations), target="cuda:90", dtype="bfloat16", head_dim=64)
digest = hashlib.sha256(plan_to_json(lowered.plan).encode())
for name, table in lowered.tables.items():
    for field in TABLE_ARRAYS:
        digest.update(name.encode() + getattr(table, field).tobytes())
print(digest.hexdigest())
"""


def test_tables_do_not_depend_on_the_hash_seed():
    root = Path(__file__).resolve().parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1
