"""Relations through the compiler's own lowering and the interpreter, against the definition of right."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from patternc.algebra import relation as r
from patternc.codegen import hubs
from patternc.codegen.lower import lower
from tests.codegen.interpreted.dense_attention import check_plan
from tests.conftest import LONG
from tests.lowering import schedule, shapes, stride_everything
from tests.strategies import causal_places, mask, places, strided_places


def check(n, *relations, table=None, kv_heads=1, own=32, counterpart=32, head_dim=16, wide=False, **options):
    """Lower a layer with the relations by head, run it, and compare with attention over what `holds` says.

    `wide`: strides may run on lattices, and hubs be split.
    """
    model = schedule(n, *relations, table=table, kv_heads=kv_heads)
    sizes = shapes(own, counterpart)
    target = {"target": "cuda:90", "dtype": "float32", "head_dim": head_dim, "shapes": sizes}
    lowered = lower(model, **target, lattices=wide, slots=wide)
    masks = np.stack([mask(model.pattern(0, head).relation, n) for head in range(model.heads)])
    check_plan(lowered.plan.distinct[0], lowered.tables.values(), masks, **options)
    return lowered.plan.distinct[0]


def causal(*parts):
    return r.intersection(r.PAST, r.union(*parts))


WINDOW = r.Band(0, 39)

RELATIONS = {
    "causal window": WINDOW,
    "two-sided window": r.Band(-10, 30),
    "dilated window": r.Band(0, 60, 3),
    "local | stride": causal(WINDOW, r.Residue(7, (0,))),
    "local | columns": causal(WINDOW, r.Columns(16, (14, 15))),
    "chunk": causal(r.Chunk((48,))),
    "bigbird": r.Blocks(
        16,
        r.union(r.Band(-1, 1), r.Keys(((0, 1), (8, 9))), r.Queries(((0, 1), (8, 9))), r.Random(2, (5,), causal=False)),
    ),
    "global": r.union(WINDOW, r.Keys(((0, 3), (70, 71))), r.Queries(((0, 3), (70, 71)))),
    "dense - stride": r.intersection(r.PAST, r.difference(r.FULL, r.Residue(3, (0,)))),
    "random": causal(r.Band(0, 4), r.Random(3, (1,), causal=True)),
    "sinks and window": causal(r.Keys(((0, 4),)), WINDOW),
    "empty rows": r.intersection(WINDOW, r.Rows(3, (0,))),
}


@pytest.mark.parametrize("name", RELATIONS)
def test_relation(name):
    check(140, RELATIONS[name])


@pytest.fixture
def everywhere(monkeypatch):
    """Every stride runs on a lattice, and every item with more than a few tiles is split."""
    stride_everything(monkeypatch)
    monkeypatch.setattr(hubs, "LEAST_SPLIT", hubs.PERCENT_ITEM + 1)
    monkeypatch.setattr(hubs, "HUB", 1)


STRIDED = ("dilated window", "local | stride", "bigbird", "global", "dense - stride", "sinks and window", "empty rows")


@pytest.mark.parametrize("name", STRIDED)
def test_relation_on_lattices_and_in_shares(name, everywhere):
    plan = check(140, RELATIONS[name], wide=True, sinks=True)
    kernels = [launch.kernel for launch in plan.groups[0].launches]
    strided = name in ("dilated window", "local | stride")
    assert any(kernel.lattice is not None for kernel in kernels) == strided
    assert any(kernel.slots for kernel in kernels) or strided


@pytest.mark.parametrize("n", [1, 2, 31, 33])
def test_short_sequences(n):
    check(n, WINDOW, causal(WINDOW, r.Columns(4, (3,))), table=((0, 1),))


def test_heads_of_one_kv_head_in_several_groups():
    table = ((0, 1, 0, 0, 2, 2),)
    plan = check(90, RELATIONS["local | columns"], r.Band(-5, 5), WINDOW, table=table, kv_heads=2, sinks=True, batch=2)
    adding = [[launch.kernel.accumulate for launch in group.dkv] for group in plan.groups]
    assert adding == [[False], [True], [True]]


@settings(max_examples=300 if LONG else 12)
@given(places(max_tokens=80) | causal_places(max_tokens=80))
def test_any_relation(place):
    n, relation = place
    check(n, relation, kv_heads=1)


@settings(max_examples=300 if LONG else 12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places(max_tokens=80) | causal_places(max_tokens=80) | strided_places(max_tokens=80))
def test_any_relation_on_lattices_and_in_shares(everywhere, place):
    n, relation = place
    check(n, relation, kv_heads=1, wide=True)


@pytest.mark.long
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", RELATIONS)
def test_relation_in_half_precision(name, dtype):
    check(200, RELATIONS[name], own=64, counterpart=64, head_dim=48, dtype=dtype, sinks=True)
