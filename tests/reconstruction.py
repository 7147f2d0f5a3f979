"""From tables back to masks: how often a launch visits each pair, straight from the comments of `tables.py`.

Raises AssertionError when a full tile is not full, an array breaks its own rules, or something
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


def rows_at(origin, tile, run, step):
    """The positions of a tile at `origin`: row r is origin + (r % run) * step + r // run."""
    return np.array([origin + (row % run) * step + row // run for row in range(tile)])


def owned_by(tables, spec, item, n):
    """The live own rows of an item: which rows of the tile, and their positions."""
    rows = np.arange(item[t.COUNT])
    if spec.own == "gathered":
        listed = tables.gather[item[t.ORIGIN]]
        assert (listed[len(rows) :] == -1).all()
        assert item[t.GATHER] == item[t.GATHER_END]
        return rows, listed[rows]
    run, step = (spec.lattice.own_run, spec.lattice.step) if spec.lattice else (tables.own_tile, 1)
    positions = rows_at(item[t.ORIGIN], tables.own_tile, run, step)
    if run == tables.own_tile:
        assert (positions[rows] < n).all()
    rows = rows[positions[rows] < n]
    return rows, positions[rows]


def visited(tables, spec, n, every):
    """How often a launch of `spec` over `tables` visits each pair: int [own position, counterpart position].

    `every` says whether the launch has to own every position. Shares of a split item are one item in the end.
    """
    own_tile, width = tables.own_tile, tables.counterpart_tile
    assert (own_tile, width) == (spec.own_tile, spec.counterpart_tile)
    run, step = (spec.lattice.counterpart_run, spec.lattice.step) if spec.lattice else (width, 1)
    for field in t.TABLE_ARRAYS:
        array = getattr(tables, field)
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

    count = np.zeros((n, n), dtype=int)
    owned = np.zeros(n, dtype=int)
    shares = {}
    spans = {"full": False, "interval": False, "bits": False, "gathered": False}
    for item in tables.items.tolist():
        assert 1 <= item[t.COUNT] <= own_tile
        rows, own = owned_by(tables, spec, item, n)
        assert len(rows), "an item without own rows"
        dead = np.setdiff1d(np.arange(own_tile), rows)
        if item[t.SLOT] < 0:
            assert item[t.SLOT] == -1
            owned[own] += 1
        else:
            assert item[t.SLOT] not in shares, "two items share a slot"
            shares[item[t.SLOT]] = (item[t.ORIGIN], item[t.COUNT])
            assert item[t.END] - item[t.FULL] + item[t.GATHER_END] - item[t.GATHER] > 0, "a share of nothing"
        before = count[own].sum()
        for at in range(item[t.FULL], item[t.END]):
            positions = rows_at(tables.tiles[at], width, run, step)
            exists = positions < n
            assert positions[0] >= 0
            assert exists[0]
            if at < item[t.INTERVAL]:
                spans["full"] = True
                assert exists.all()
                assert tables.tile_bits[at] == 0
                kept = np.ones((len(own), width), dtype=bool)
            elif at < item[t.BITS]:
                spans["interval"] = True
                assert tables.tile_bits[at] == 0
                kept = np.array([interval_row(spec.interval, position, n) for position in own])
                kept = kept[:, np.minimum(positions, n - 1)] & exists
            else:
                spans["bits"] = True
                mask = masks[tables.tile_bits[at]]
                assert not mask[dead].any()
                assert not mask[:, ~exists].any()
                kept = mask[rows]
            np.add.at(count, (own[:, None], np.minimum(positions, n - 1)), kept)
        for at in range(item[t.GATHER], item[t.GATHER_END]):
            spans["gathered"] = True
            keys, mask = tables.gather[tables.gathered[at, 0]], masks[tables.gathered[at, 1]]
            assert not mask[dead].any()
            assert not mask[:, keys < 0].any()
            assert len(set(keys[keys >= 0].tolist())) == (keys >= 0).sum()
            count[own[:, None], keys[keys >= 0]] += mask[rows][:, keys >= 0]
        assert item[t.PAIRS] == count[own].sum() - before
    for origin, live, first, number in tables.merges[:-1].tolist():
        assert number >= 2
        for slot in range(first, first + number):
            assert shares.pop(slot) == (origin, live), "a slot is merged into another tile than its own"
        item = [0] * t.ITEM_WORDS
        item[t.ORIGIN], item[t.COUNT] = origin, live
        owned[owned_by(tables, spec, item, n)[1]] += 1
    assert not shares, "slots that no merge adds up"
    assert spec.slots == (len(tables.merges) > 1)
    assert spans == {
        "full": spec.full, "interval": spec.interval is not None, "bits": spec.bits, "gathered": spec.gathered
    }  # fmt: skip
    assert (owned == 1).all() if every else (owned <= 1).all()
    return count


def chain(launches, tables, n, every, adding=False):
    """How often the launches of a role visit each pair.

    `every` are the places in the chain whose launches have to own every position; `adding`: the first one adds, too.
    """
    total = np.zeros((n, n), dtype=int)
    for place, launch in enumerate(launches):
        table = tables[launch.tables]
        assert launch.kernel.accumulate == (adding or place > 0)
        assert launch.slots == int((table.items[:, t.SLOT] >= 0).sum())
        total += visited(table, launch.kernel, n, place in every)
    return total


def reconstructed(group, tables, n, adding=False):
    """How often a group's forward, dq and dkv visit each pair, each int [query, key].

    `adding`: an earlier group has queries of the same key heads, whose gradients this one adds to.
    """
    forward = chain(group.forward, tables, n, {0, len(group.forward) - 1})
    dq = chain(group.dq, tables, n, {0, len(group.dq) - 1})
    return forward, dq, chain(group.dkv, tables, n, {0}, adding).T
