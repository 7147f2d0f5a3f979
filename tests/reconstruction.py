"""From tables back to masks: what a launch would visit, pair by pair, straight from the comments of `tables.py`.

Raises AssertionError when a pair comes twice, a full tile is not full, an array breaks its own rules, or something
points outside. Independent of the builders: plain loops over the arrays.
"""

from __future__ import annotations

import numpy as np

from patternc.codegen import tables as t
from patternc.codegen.plan import ChunkStart, Constant, Shift


def bound(one, position):
    match one:
        case Shift(offset):
            return position + offset
        case ChunkStart(size, offset):
            return position // size * size + offset
        case Constant(value):
            return value


def interval_row(interval, position, n):
    """Which counterparts [n] an own position keeps in interval tiles."""
    low = max([0, *(bound(one, position) for one in interval.lows)])
    high = min([n, *(bound(one, position) for one in interval.highs)])
    row = np.zeros(n, dtype=bool)
    row[low : max(high, low)] = True
    return row


def visited(tables, spec, n):
    """The pairs that a launch of `spec` over `tables` visits: bool [own position, counterpart position]."""
    own_tile, width = tables.own_tile, tables.counterpart_tile
    assert (own_tile, width) == (spec.own_tile, spec.counterpart_tile)
    arrays = (
        tables.items,
        tables.tiles,
        tables.tile_bits,
        tables.bits,
        tables.gather,
        tables.gathered,
        tables.segments,
    )
    for array in arrays:
        assert array.dtype == np.int32
        assert array.flags.c_contiguous
    assert tables.bits.shape[1:] == (own_tile, width // 32)
    assert tables.bits.shape[0] >= 1
    assert len({row.tobytes() for row in tables.bits}) == tables.bits.shape[0]
    assert tables.gather.shape[0] >= 1
    assert tables.gather.shape[1] == (own_tile if spec.own == "gathered" else width)
    assert tables.segments.tolist() == [[0, n, 0, len(tables.items)]]
    assert tables.tiles.shape == tables.tile_bits.shape
    masks = np.unpackbits(tables.bits.view(np.uint8), axis=2, bitorder="little").astype(bool)

    count = np.zeros((n, n + width), dtype=int)
    owned = np.zeros(n, dtype=int)
    spans = {"full": False, "interval": False, "bits": False, "gathered": False}
    for item in tables.items.tolist():
        live = item[t.COUNT]
        assert 1 <= live <= own_tile
        assert item[t.SLOT] == -1
        if spec.own == "gathered":
            own = tables.gather[item[t.ORIGIN]][:live]
            assert (tables.gather[item[t.ORIGIN]][live:] == -1).all()
            assert item[t.GATHER] == item[t.GATHER_END]
        else:
            assert item[t.ORIGIN] % own_tile == 0
            own = item[t.ORIGIN] + np.arange(live)
        owned[own] += 1
        before = count[own].sum()
        for at in range(item[t.FULL], item[t.INTERVAL]):
            spans["full"] = True
            assert 0 <= tables.tiles[at] <= n - width
            assert tables.tile_bits[at] == 0
            count[own, tables.tiles[at] : tables.tiles[at] + width] += 1
        for at in range(item[t.INTERVAL], item[t.BITS]):
            spans["interval"] = True
            assert 0 <= tables.tiles[at] < n
            assert tables.tile_bits[at] == 0
            span = slice(tables.tiles[at], min(tables.tiles[at] + width, n))
            for position in own:
                count[position, span] += interval_row(spec.interval, position, n)[span]
        for at in range(item[t.BITS], item[t.END]):
            spans["bits"] = True
            assert 0 <= tables.tiles[at] < n
            mask = masks[tables.tile_bits[at]]
            assert not mask[live:].any()
            count[own, tables.tiles[at] : tables.tiles[at] + width] += mask[:live]
        for at in range(item[t.GATHER], item[t.GATHER_END]):
            spans["gathered"] = True
            keys, mask = tables.gather[tables.gathered[at, 0]], masks[tables.gathered[at, 1]]
            assert not mask[live:].any()
            assert not mask[:, keys < 0].any()
            assert len(set(keys[keys >= 0].tolist())) == (keys >= 0).sum()
            for row, position in enumerate(own):
                count[position, keys[keys >= 0]] += mask[row, keys >= 0]
        assert item[t.PAIRS] == count[own].sum() - before
    assert spans == {
        "full": spec.full, "interval": spec.interval is not None, "bits": spec.bits, "gathered": spec.gathered
    }  # fmt: skip
    assert (owned <= 1).all() if spec.own == "gathered" else (owned == 1).all()
    assert not count[:, n:].any(), "a mask holds pairs beyond the end"
    assert count.max(initial=0) <= 1, "a pair comes twice in one launch"
    return count[:, :n].astype(bool)


def visited_by(launches, tables, n):
    """The union over launches, each pair checked to come from one of them only."""
    total = np.zeros((n, n), dtype=int)
    for launch in launches:
        total += visited(tables[launch.tables], launch.kernel, n)
    assert total.max(initial=0) <= 1, "a pair comes from two launches"
    return total.astype(bool)
