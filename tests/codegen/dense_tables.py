"""Table sets and plans made by brute force from dense masks: a second opinion on the builders, in O(n^2).

For: feeding kernels with tables that no clever code had a hand in. Everything follows the comments of
`patternc/codegen/tables.py` and `plan.py` word by word. Not for: more than a few hundred positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from patternc.codegen.plan import (
    PLAN_SCHEMA,
    Bound,
    ChunkStart,
    Constant,
    HeadGroup,
    KernelSpec,
    Lattice,
    Launch,
    LayerPlan,
    RowInterval,
    Shift,
)
from patternc.codegen.tables import TableSet

SPANS = ("full", "interval", "bits", "gathered")


@dataclass(frozen=True)
class Shape:
    """Tile sizes and what else a KernelSpec needs that tables do not."""

    queries: int = 32
    keys: int = 32
    head_dim: int = 16
    num_warps: int = 4
    num_stages: int = 2


@dataclass(frozen=True)
class Pattern:
    """A mask [n, n] (query, key) with the hints that decide how its pairs are tiled.

    `interval` (keys of a query) and `transposed_interval` (queries of a key) make interval tiles of the tiles they
    describe exactly; `gathered_keys` are visited as lists, whatever the mask says about their neighbours. `step` puts
    tiles on a lattice, with `query_run` and `key_run` positions of a class in a tile (None: all of the tile). Items
    with more than `split` tiles are cut into shares of that many.
    """

    mask: np.ndarray
    interval: RowInterval | None = None
    transposed_interval: RowInterval | None = None
    gathered_keys: tuple[int, ...] = ()
    step: int | None = None
    query_run: int | None = None
    key_run: int | None = None
    split: int | None = None


Chain = tuple[Pattern, ...]
"""Disjoint patterns that run one after the other."""


@dataclass(frozen=True)
class Tile:
    """`positions` of all rows, relative to nothing, whether or not they exist; `own` says which are this tile's."""

    origin: int
    count: int
    positions: np.ndarray
    own: np.ndarray


def tiles_of(n: int, size: int, step: int | None, run: int | None) -> list[Tile]:
    """Every position once: neighbours, or each class of a lattice in runs, several classes in a tile."""
    step, run = step or 1, run or size
    rows = np.arange(size)
    found = []
    for first_class in range(0, step, size // run):
        classes = min(size // run, step - first_class)
        for origin in range(first_class, n, step * run):
            positions = origin + rows % run * step + rows // run
            count = run * classes if size > run else len(range(origin, n, step)[:size])
            found.append(Tile(origin, count, positions, (rows < count) & (positions < n)))
    assert sorted(np.concatenate([tile.positions[tile.own] for tile in found])) == list(range(n))
    return found


@dataclass
class Builder:
    own_tile: int
    counterpart_tile: int
    width: int
    items: list[list[int]] = field(default_factory=list)
    tiles: list[int] = field(default_factory=list)
    tile_bits: list[int] = field(default_factory=list)
    bits: dict[bytes, int] = field(default_factory=dict)
    gather: list[list[int]] = field(default_factory=list)
    gathered: list[list[int]] = field(default_factory=list)
    merges: list[list[int]] = field(default_factory=list)
    slots: int = 0

    def mask_row(self, tile: np.ndarray) -> int:
        """The row of `bits` that holds a [<= own_tile, <= counterpart_tile] mask."""
        whole = np.zeros((self.own_tile, self.counterpart_tile), bool)
        whole[: tile.shape[0], : tile.shape[1]] = tile
        packed = np.packbits(whole, axis=1, bitorder="little").tobytes()
        return self.bits.setdefault(packed, len(self.bits))

    def list_row(self, positions: tuple[int, ...] | list[int]) -> int:
        """The row of `gather` that holds a list."""
        row = [*positions, *[-1] * (self.width - len(positions))]
        if row not in self.gather:
            self.gather.append(row)
        return self.gather.index(row)

    def add(self, origin: int, count: int, visits: list[tuple[str, int, int]], split: int | None, pairs: int) -> None:
        """The item of an own tile, or its shares; a visit is (span, first position or list, mask), spans in order."""
        if split is None or len(visits) <= split:
            self._item(origin, count, visits, -1, pairs)
            return
        shares = [visits[at : at + split] for at in range(0, len(visits), split)]
        self.merges.append([origin, count, self.slots, len(shares)])
        for share in shares:
            self._item(origin, count, share, self.slots, 0)
            self.slots += 1

    def _item(self, origin: int, count: int, visits: list[tuple[str, int, int]], slot: int, pairs: int) -> None:
        ends = [len(self.tiles)]
        for span in SPANS[:3]:
            self.tiles += [tile for kind, tile, _ in visits if kind == span]
            self.tile_bits += [row for kind, _, row in visits if kind == span]
            ends.append(len(self.tiles))
        begin = len(self.gathered)
        self.gathered += [[row, mask] for kind, row, mask in visits if kind == "gathered"]
        self.items.append([origin, count, *ends, begin, len(self.gathered), slot, pairs])

    def table_set(self, name: str, n: int) -> TableSet:
        self.items.sort(key=lambda item: (-(item[5] - item[2] + item[7] - item[6]), item[0], item[8]))
        words = np.frombuffer(b"".join(self.bits) or bytes(self.own_tile * self.counterpart_tile // 8), np.int32)
        shape = (-1, self.own_tile, self.counterpart_tile // 32)
        return TableSet(
            name=name,
            own_tile=self.own_tile,
            counterpart_tile=self.counterpart_tile,
            items=np.array(self.items, np.int32).reshape(-1, 10),
            tiles=np.array([*self.tiles, 0], np.int32),
            tile_bits=np.array([*self.tile_bits, 0], np.int32),
            bits=words.reshape(shape).copy(),
            gather=np.array(self.gather or [[-1] * self.width], np.int32),
            gathered=np.array([*self.gathered, [0, 0]], np.int32),
            merges=np.array([*self.merges, [0] * 4], np.int32),
            segments=np.array([[0, n, 0, len(self.items)]], np.int32),
        )


def bound_values(bound: Bound, positions: np.ndarray) -> np.ndarray:
    match bound:
        case Shift(offset):
            return positions + offset
        case ChunkStart(size, offset):
            return positions // size * size + offset
        case Constant(value):
            return np.full_like(positions, value)


def interval_mask(interval: RowInterval, positions: np.ndarray, n: int) -> np.ndarray:
    """[len(positions), n]: what the interval says."""
    columns = np.arange(n)[None, :]
    mask = np.ones((len(positions), n), bool)
    for bound in interval.lows:
        mask &= columns >= bound_values(bound, positions)[:, None]
    for bound in interval.highs:
        mask &= columns < bound_values(bound, positions)[:, None]
    return mask


def build(
    name: str,
    mask: np.ndarray,
    own_tile: int,
    counterpart_tile: int,
    interval: RowInterval | None,
    *,
    gathered_counterparts: tuple[int, ...] = (),
    gathered_own: tuple[int, ...] | None = None,
    lattice: Lattice | None = None,
    split: int | None = None,
    every: bool = True,
) -> TableSet:
    """The tables of one launch over `mask` [own, counterpart], n x n; `every` own row has an item, or those in use."""
    n = mask.shape[0]
    builder = Builder(own_tile, counterpart_tile, counterpart_tile if gathered_own is None else own_tile)
    contiguous = mask.copy()
    contiguous[:, list(gathered_counterparts)] = False
    step = None if lattice is None else lattice.step
    own = tiles_of(n, own_tile, step, None if lattice is None else lattice.own_run)
    counterparts = tiles_of(n, counterpart_tile, step, None if lattice is None else lattice.counterpart_run)
    if gathered_own is not None:
        own = []
        for first in range(0, len(gathered_own), own_tile):
            listed = np.array(gathered_own[first : first + own_tile])
            count = len(listed)
            own.append(Tile(builder.list_row(listed.tolist()), count, listed, np.ones(count, bool)))
    for tile in own:
        visits = [_visit(builder, contiguous, interval, tile, counterpart) for counterpart in counterparts]
        for first in range(0, len(gathered_counterparts), counterpart_tile):
            listed = gathered_counterparts[first : first + counterpart_tile]
            sub = _rows(mask, tile)[:, list(listed)]
            if sub.any():
                visits.append(("gathered", builder.list_row(listed), builder.mask_row(sub)))
        visits = sorted((visit for visit in visits if visit), key=lambda visit: SPANS.index(visit[0]))
        if visits or every:
            builder.add(tile.origin, tile.count, visits, split, int(_rows(mask, tile).sum()))
    return builder.table_set(name, n)


def _rows(mask: np.ndarray, tile: Tile) -> np.ndarray:
    """[rows of the tile, n]: nothing for rows that are not its own."""
    return mask[np.where(tile.own, tile.positions, 0)] & tile.own[:, None]


def _visit(
    builder: Builder, mask: np.ndarray, interval: RowInterval | None, tile: Tile, counterpart: Tile
) -> tuple[str, int, int] | None:
    """What an own tile does with a counterpart tile, None where they have no pair."""
    n = mask.shape[0]
    sub = _rows(mask, tile)[:, np.where(counterpart.own, counterpart.positions, 0)] & counterpart.own[None, :]
    if not sub.any():
        return None
    if sub[tile.own].all() and len(sub[0]) == builder.counterpart_tile:
        return "full", counterpart.origin, 0
    if interval is not None:
        # An interval is over positions: it must leave out those that are there but not the counterpart tile's.
        there = counterpart.positions < n
        said = interval_mask(interval, tile.positions[tile.own], n)[:, counterpart.positions[there]]
        if (said == sub[tile.own][:, there]).all():
            return "interval", counterpart.origin, 0
    return "bits", counterpart.origin, builder.mask_row(sub)


def spec_of(
    tables: TableSet,
    role: str,
    shape: Shape,
    interval: RowInterval | None,
    *,
    own: str = "contiguous",
    accumulate: bool = False,
    lattice: Lattice | None = None,
) -> KernelSpec:
    """The kernel with exactly the loops that the tables need."""
    items = tables.items
    return KernelSpec(
        role=role,
        name=f"{role}_{tables.name.replace('.', '_')}",
        own=own,
        own_tile=tables.own_tile,
        counterpart_tile=tables.counterpart_tile,
        head_dim=shape.head_dim,
        full=bool((items[:, 3] > items[:, 2]).any()),
        interval=interval if (items[:, 4] > items[:, 3]).any() else None,
        bits=bool((items[:, 5] > items[:, 4]).any()),
        gathered=bool((items[:, 7] > items[:, 6]).any()),
        accumulate=accumulate,
        sinks=False,
        num_warps=shape.num_warps,
        num_stages=shape.num_stages,
        lattice=lattice,
        slots=bool((items[:, 8] >= 0).any()),
    )


def launch_of(spec: KernelSpec, tables: TableSet) -> Launch:
    return Launch(spec, tables.name, int((tables.items[:, 8] >= 0).sum()))


def build_group(
    heads: tuple[int, ...], chain: Chain, shape: Shape, tag: str, *, accumulate: bool = False
) -> tuple[HeadGroup, list[TableSet]]:
    """The launches of one head group; `accumulate` if an earlier group has heads of the same kv head."""
    forward, dq, dkv, sets = [], [], [], []
    for place, pattern in enumerate(chain):
        name = f"{tag}.{place}"
        lattices = (None, None)
        if pattern.step is not None:
            queries, keys = pattern.query_run or shape.queries, pattern.key_run or shape.keys
            lattices = (Lattice(pattern.step, queries, keys), Lattice(pattern.step, keys, queries))
        tables = build(
            f"{name}.forward",
            pattern.mask,
            shape.queries,
            shape.keys,
            pattern.interval,
            gathered_counterparts=pattern.gathered_keys,
            lattice=lattices[0],
            split=pattern.split,
            every=place in (0, len(chain) - 1),
        )
        sets.append(tables)
        for role, launches in (("forward", forward), ("dq", dq)):
            spec = spec_of(tables, role, shape, pattern.interval, accumulate=place > 0, lattice=lattices[0])
            launches.append(launch_of(spec, tables))

        rest = pattern.mask.copy()
        rest[:, list(pattern.gathered_keys)] = False
        options = {"lattice": lattices[1], "split": pattern.split, "every": place == 0}
        tables = build(f"{name}.dkv", rest.T, shape.keys, shape.queries, pattern.transposed_interval, **options)
        sets.append(tables)
        adds = accumulate or place > 0
        spec = spec_of(tables, "dkv", shape, pattern.transposed_interval, accumulate=adds, lattice=lattices[1])
        dkv.append(launch_of(spec, tables))
        if pattern.gathered_keys:
            listed = tuple(sorted(pattern.gathered_keys))
            only, options = pattern.mask.T & ~rest.T, {"gathered_own": listed, "split": pattern.split}
            tables = build(f"{name}.dkv_gathered", only, shape.keys, shape.queries, None, **options)
            sets.append(tables)
            dkv.append(launch_of(spec_of(tables, "dkv", shape, None, own="gathered", accumulate=True), tables))
    return HeadGroup(heads, tuple(forward), tuple(dq), tuple(dkv)), sets


def build_plan(
    patterns: list[tuple[tuple[int, ...], Pattern | Chain]], heads: int, kv_heads: int, shape: Shape
) -> tuple[LayerPlan, list[TableSet]]:
    """A layer whose head groups have the given patterns, and its tables."""
    groups: list[HeadGroup] = []
    sets: list[TableSet] = []
    seen: set[int] = set()
    for place, (members, pattern) in enumerate(patterns):
        shared = {head // (heads // kv_heads) for head in members}
        group, tables = build_group(members, chain_of(pattern), shape, f"g{place}", accumulate=bool(shared & seen))
        seen |= shared
        groups.append(group)
        sets += tables
    plan = LayerPlan(
        schema=PLAN_SCHEMA,
        target="cuda:90",
        dtype="float32",
        tokens=chain_of(patterns[0][1])[0].mask.shape[0],
        heads=heads,
        kv_heads=kv_heads,
        head_dim=shape.head_dim,
        pattern="test",
        groups=tuple(groups),
    )
    return plan, sets


def chain_of(pattern: Pattern | Chain) -> Chain:
    return (pattern,) if isinstance(pattern, Pattern) else pattern


def mask_of(pattern: Pattern | Chain) -> np.ndarray:
    """What a chain attends altogether; no pair comes twice."""
    counts = sum(one.mask.astype(int) for one in chain_of(pattern))
    assert counts.max() <= 1
    return counts > 0
