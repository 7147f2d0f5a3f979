"""Tables as lowered pass the check; each damaged one is refused with the table, the place and the value."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from patternc.algebra import relation as r
from patternc.codegen import tables as t
from patternc.codegen.check_tables import TableError, check_tables
from patternc.codegen.lower import lower
from tests.lowering import launches, schedule, shapes
from tests.strategies import places

N = 300
PATTERN = r.union(r.Band(0, 70), r.intersection(r.PAST, r.Columns(64, (63,))), r.Blocks(16, r.Random(1, (1,), False)))


@given(places(max_tokens=90))
def test_lowered_tables_pass(place):
    n, relation = place
    lowered = lower(schedule(n, relation), target="cuda:90", dtype="float32", head_dim=64, shapes=shapes(16, 32))
    for plan in lowered.plan.distinct:
        for launch in launches(plan):
            check_tables(lowered.tables[launch.tables], launch.kernel, n)


@pytest.fixture(scope="module")
def forward():
    lowered = lower(schedule(N, PATTERN), target="cuda:90", dtype="bfloat16", head_dim=64)
    launch = lowered.plan.distinct[0].groups[0].forward[0]
    return lowered.tables[launch.tables], launch.kernel


def damaged(tables, field, place, value):
    array = getattr(tables, field).copy()
    array[place] = value
    return replace(tables, **{field: array})


@pytest.mark.parametrize(
    ("field", "place", "value", "message"),
    [
        ("items", (0, t.ORIGIN), 1, "is owned by more than one item"),
        ("items", (0, t.ORIGIN), N, f"items origin, row 0 is {N}"),
        ("items", (0, t.ORIGIN), N - 20, "items own rows, row 0 is"),
        ("items", (0, t.COUNT), 0, "items count, row 0 is 0"),
        ("items", (0, t.COUNT), 129, "items count, row 0 is 129, outside 1..128"),
        ("items", (1, t.FULL), -1, "items full, row 1 is -1"),
        ("items", (0, t.END), 1 << 20, "items end, row 0 is 1048576"),
        ("items", (0, t.BITS), 1 << 20, "items bits, row 0 is 1048576"),
        ("items", (0, t.INTERVAL), 1 << 20, "items interval, row 0"),
        ("items", (0, t.GATHER_END), 9999, "items gather end, row 0 is 9999"),
        ("items", (0, t.GATHER), 9999, "items gather, row 0 is 9999"),
        ("items", (0, t.SLOT), 0, "merges do not add up"),
        ("items", (0, t.PAIRS), -5, "items pairs, row 0 is -5"),
        ("tiles", 0, N, f"tiles, row 0 is {N}"),
        ("tiles", -1, -1, "tiles, row"),
        ("tile_bits", -1, 999, "tile_bits, row"),
        ("gather", (0, 0), N, f"gather, row 0 is {N}"),
        ("gather", (0, 0), -2, "gather, row 0 is -2"),
        ("gathered", (-1, 0), 7777, "gathered list, row"),
        ("gathered", (-1, 1), -1, "gathered mask, row"),
        ("segments", (0, 1), N + 1, "segments row 0, word 1 is 301, not 300"),
    ],
)
def test_damage_is_refused(forward, field, place, value, message):
    tables, kernel = forward
    check_tables(tables, kernel, N)
    with pytest.raises(TableError, match=message) as error:
        check_tables(damaged(tables, field, place, value), kernel, N)
    assert "p0.forward" in str(error.value)


def test_a_full_tile_must_not_hang_over_the_end():
    lowered = lower(schedule(256, r.PAST), target="cuda:90", dtype="bfloat16", head_dim=64)
    launch = lowered.plan.distinct[0].groups[0].forward[0]
    tables = lowered.tables[launch.tables]
    at = tables.items[0, t.FULL]
    assert tables.items[0, t.INTERVAL] > at
    with pytest.raises(TableError, match="tiles in a full span"):
        check_tables(damaged(tables, "tiles", at, 200), launch.kernel, 256)


@pytest.mark.parametrize("field", ["items", "tiles", "tile_bits", "bits", "gather", "gathered", "segments"])
def test_wrong_shapes_and_types_are_refused(forward, field):
    tables, kernel = forward
    array = getattr(tables, field)
    with pytest.raises(TableError, match=f"p0.forward: {field}"):
        check_tables(replace(tables, **{field: array[..., None]}), kernel, N)
    with pytest.raises(TableError, match=f"p0.forward: {field} is int64"):
        check_tables(replace(tables, **{field: array.astype(np.int64)}), kernel, N)
    with pytest.raises(TableError, match="works on"):
        check_tables(tables, replace(kernel, own_tile=64), N)
