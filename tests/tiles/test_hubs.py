"""Shares of hubs: tables with slots hold the relation, shares are even, and only hubs are split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.codegen import hubs
from patternc.codegen import tables as t
from patternc.codegen.check_tables import TableError, check_tables
from patternc.codegen.lower import lower
from tests.lowering import launches, list_everything, schedule, shapes, stride_everything
from tests.reconstruction import reconstructed
from tests.strategies import causal_places, mask, places, strided_places
from tests.tiles.test_check_tables import damaged

SHAPES = st.builds(shapes, st.sampled_from([4, 8, 16]), st.just(32), st.sampled_from([4, 16]), st.just(32))


def plan(relation, n, **options):
    options = {"target": "cuda:90", "dtype": "float32", "head_dim": 64, "lattices": True, "slots": True, **options}
    return lower(schedule(n, relation), **options)


def check(relation, n, expected=None, **options):
    """Lower with slots; every launch is checked, every role holds the relation."""
    lowered = plan(relation, n, **options)
    (layer,) = lowered.plan.distinct
    (group,) = layer.groups
    expected = mask(relation, n) if expected is None else expected
    for pairs in reconstructed(group, lowered.tables, n):
        assert (pairs == expected).all()
    for launch in launches(layer):
        check_tables(lowered.tables[launch.tables], launch.kernel, n)
    return lowered, group


def split_everything(monkeypatch):
    """Thresholds at which small places have hubs."""
    monkeypatch.setattr(hubs, "LEAST_SPLIT", hubs.PERCENT_ITEM + 1)
    monkeypatch.setattr(hubs, "HUB", 1)


@given(places(max_tokens=130) | causal_places(max_tokens=130) | strided_places(max_tokens=130), SHAPES)
def test_tables_are_holds(place, shape):
    n, relation = place
    with pytest.MonkeyPatch.context() as patch:
        split_everything(patch)
        check(relation, n, shapes=shape)
        stride_everything(patch)
        list_everything(patch)
        check(relation, n, shapes=shape)


def longformer(n, ids):
    return r.union(r.Band(-64, 64), r.Keys(r.spans_of(ids)), r.Queries(r.spans_of(ids)))


def costs(table):
    return hubs.costs(table.items.astype(np.int64))


def test_global_rows_and_columns_are_split():
    n = 8192
    ids = [0, n // 2, n - 1]
    lowered, group = check(longformer(n, ids), 8192, expected=_longformer_mask(n, ids), dtype="bfloat16")
    forward, dkv = group.forward[0], group.dkv[0]
    assert forward.kernel.slots
    table = lowered.tables[forward.tables]
    # Every global row lies in a tile of its own, the hub of which is computed in shares.
    assert table.merges[:-1, 0].tolist() == [i // 128 * 128 for i in ids]
    assert forward.slots == table.merges[:, 3].sum() == (table.items[:, t.SLOT] >= 0).sum()
    cost = costs(table)
    unsplit = costs(lowered_without(n, ids).tables[forward.tables])
    assert unsplit.max() > 8 * unsplit.mean()
    assert cost.max() <= hubs.HUB * unsplit.mean() + hubs.PERCENT_BITS
    assert (np.diff(cost) <= 0).all()
    # Global columns are listed: few own tiles, all of them hubs.
    gathered = lowered.tables[group.dkv[-1].tables]
    assert group.dkv[-1].kernel.own == "gathered"
    assert group.dkv[-1].kernel.slots
    assert gathered.merges.shape[0] == 2
    assert dkv.kernel.accumulate is False


def lowered_without(n, ids):
    return plan(longformer(n, ids), n, dtype="bfloat16", slots=False)


def _longformer_mask(n, ids):
    at = np.arange(n)
    listed = np.isin(at, ids)
    return (abs(at[:, None] - at) <= 64) | listed[:, None] | listed


@pytest.mark.parametrize(
    ("relation", "n"),
    [(r.PAST, 8192), (r.FULL, 4096), (r.Band(0, 1023), 8192), (r.band(0, None, 64), 8192), (r.Queries(((0, 1),)), 512)],
)
def test_what_has_no_hubs_stays_whole(relation, n):
    lowered = plan(relation, n)
    assert all(not launch.kernel.slots and launch.slots == 0 for launch in launches(lowered.plan.distinct[0]))
    assert all(table.merges.tolist() == [[0, 0, 0, 0]] for table in lowered.tables.values())


def test_the_cpu_target_has_no_slots():
    lowered = plan(longformer(4096, [0]), 4096, target="cpu")
    assert all(launch.slots == 0 for launch in launches(lowered.plan.distinct[0]))


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.integers(2, 12))
def test_shares_take_every_tile_once_and_evenly(counts, number):
    tiles = sum(counts)
    if tiles < number:
        return
    full, interval, bits, gathered = counts
    item = np.zeros(t.ITEM_WORDS, dtype=np.int64)
    item[t.FULL] = 7
    item[t.INTERVAL] = 7 + full
    item[t.BITS] = 7 + full + interval
    item[t.END] = 7 + full + interval + bits
    item[t.GATHER], item[t.GATHER_END] = 3, 3 + gathered
    shares = hubs._shares(item, number)
    kinds = {"full": [], "interval": [], "bits": [], "gathered": []}
    for share in shares:
        assert share[t.FULL] <= share[t.INTERVAL] <= share[t.BITS] <= share[t.END]
        assert share[t.END] - share[t.FULL] + share[t.GATHER_END] - share[t.GATHER] > 0
        edges = (t.FULL, t.INTERVAL), (t.INTERVAL, t.BITS), (t.BITS, t.END), (t.GATHER, t.GATHER_END)
        for kind, (begin, end) in zip(kinds.values(), edges, strict=True):
            kind += range(share[begin], share[end])
    assert kinds["full"] == list(range(7, item[t.INTERVAL]))
    assert kinds["interval"] == list(range(item[t.INTERVAL], item[t.BITS]))
    assert kinds["bits"] == list(range(item[t.BITS], item[t.END]))
    assert kinds["gathered"] == list(range(3, 3 + gathered))
    cost = hubs.costs(shares) - hubs.PERCENT_ITEM
    assert cost.max() <= cost.sum() / number + 2 * hubs.PERCENT_GATHERED


@pytest.fixture(scope="module")
def forward():
    n = 8192
    lowered = plan(longformer(n, [0, n - 1]), n, dtype="bfloat16")
    launch = lowered.plan.distinct[0].groups[0].forward[0]
    return lowered.tables[launch.tables], launch.kernel, n


@pytest.mark.parametrize(
    ("field", "place", "value", "message"),
    [
        ("items", "slot", 5000, "items slot, row"),
        ("items", "slot", 1, "items slot: the slots in use"),
        ("items", "origin", 256, "is merged into another tile"),
        ("merges", (0, 2), 1, "merges do not add up"),
        ("merges", (0, 3), 0, "merges slots, row 0 is 0"),
        ("merges", (1, 3), 1, "merges do not add up"),
        ("merges", (0, 0), 128, "is merged into another tile"),
    ],
)
def test_damaged_slots_are_refused(forward, field, place, value, message):
    tables, kernel, n = forward
    check_tables(tables, kernel, n)
    if isinstance(place, str):
        place = int(np.nonzero(tables.items[:, t.SLOT] == 0)[0][0]), {"slot": t.SLOT, "origin": t.ORIGIN}[place]
    with pytest.raises(TableError, match=message):
        check_tables(damaged(tables, field, place, value), kernel, n)
