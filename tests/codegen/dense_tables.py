"""Table sets and plans made by brute force from dense masks: a second opinion on the builders, in O(n^2).

For: feeding kernels with tables that no clever code had a hand in. Everything follows the comments of
`patternc/codegen/tables.py` word by word. Not for: more than a few hundred positions.
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
    Launch,
    LayerPlan,
    RowInterval,
    Shift,
)
from patternc.codegen.tables import TableSet


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
    """A mask [n, n] (query, key) with the hints that decide which spans its tiles land in.

    `interval` (keys of a query) and `transposed_interval` (queries of a key) make interval tiles of the tiles they
    describe exactly; `gathered_keys` are visited as lists, whatever the mask says about their neighbours.
    """

    mask: np.ndarray
    interval: RowInterval | None = None
    transposed_interval: RowInterval | None = None
    gathered_keys: tuple[int, ...] = ()


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

    def mask_row(self, tile: np.ndarray) -> int:
        """The row of `bits` that holds a [<= own_tile, <= counterpart_tile] mask."""
        whole = np.zeros((self.own_tile, self.counterpart_tile), bool)
        whole[: tile.shape[0], : tile.shape[1]] = tile
        packed = np.packbits(whole, axis=1, bitorder="little").tobytes()
        return self.bits.setdefault(packed, len(self.bits))

    def table_set(self, name: str, n: int) -> TableSet:
        self.items.sort(key=lambda item: (-(item[5] - item[2] + item[7] - item[6]), item[0]))
        words = np.frombuffer(b"".join(self.bits), np.int32) if self.bits else np.zeros(1, np.int32)
        shape = (-1, self.own_tile, self.counterpart_tile // 32) if self.bits else (1, 1, 1)
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
            merges=np.zeros((1, 4), np.int32),
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
) -> TableSet:
    """The tables of one launch over `mask` [own, counterpart], n x n."""
    n = mask.shape[0]
    width = counterpart_tile if gathered_own is None else own_tile
    builder = Builder(own_tile, counterpart_tile, width)
    contiguous = mask.copy()
    contiguous[:, list(gathered_counterparts)] = False
    own = np.arange(n) if gathered_own is None else np.array(gathered_own)
    for start in range(0, len(own), own_tile):
        rows = own[start : start + own_tile]
        if gathered_own is None:
            origin = int(rows[0])
        else:
            origin = len(builder.gather)
            builder.gather.append([*rows.tolist(), *[-1] * (own_tile - len(rows))])
        spans: dict[str, list[tuple[int, int]]] = {"full": [], "interval": [], "bits": []}
        for tile in range(0, n, counterpart_tile):
            sub = contiguous[rows, tile : tile + counterpart_tile]
            if not sub.any():
                continue
            if sub.all() and sub.shape[1] == counterpart_tile:
                spans["full"].append((tile, 0))
            elif interval and (interval_mask(interval, rows, n)[:, tile : tile + counterpart_tile] == sub).all():
                spans["interval"].append((tile, 0))
            else:
                spans["bits"].append((tile, builder.mask_row(sub)))
        ends = [len(builder.tiles)]
        for kind in ("full", "interval", "bits"):
            builder.tiles += [tile for tile, _ in spans[kind]]
            builder.tile_bits += [row for _, row in spans[kind]]
            ends.append(len(builder.tiles))
        gather_begin = len(builder.gathered)
        for first in range(0, len(gathered_counterparts), counterpart_tile):
            listed = gathered_counterparts[first : first + counterpart_tile]
            sub = mask[np.ix_(rows, listed)]
            if sub.any():
                row = [*listed, *[-1] * (counterpart_tile - len(listed))]
                if row not in builder.gather:
                    builder.gather.append(row)
                builder.gathered.append([builder.gather.index(row), builder.mask_row(sub)])
        pairs = int(mask[rows].sum())
        builder.items.append([origin, len(rows), *ends, gather_begin, len(builder.gathered), -1, pairs])
    return builder.table_set(name, n)


def spec_of(
    tables: TableSet,
    role: str,
    shape: Shape,
    interval: RowInterval | None,
    *,
    own: str = "contiguous",
    accumulate: bool = False,
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
    )


def build_group(
    heads: tuple[int, ...], pattern: Pattern, shape: Shape, tag: str, *, accumulate: bool = False
) -> tuple[HeadGroup, list[TableSet]]:
    """The launches of one head group; `accumulate` if an earlier group has heads of the same kv head."""
    mask, gathered = pattern.mask, pattern.gathered_keys
    forward = build(f"{tag}.forward", mask, shape.queries, shape.keys, pattern.interval, gathered_counterparts=gathered)
    rest = mask.copy()
    rest[:, list(gathered)] = False
    dkv = [build(f"{tag}.dkv", rest.T, shape.keys, shape.queries, pattern.transposed_interval)]
    if gathered:
        only = mask.T & ~rest.T
        dkv.append(
            build(f"{tag}.dkv_gathered", only, shape.keys, shape.queries, None, gathered_own=tuple(sorted(gathered)))
        )
    specs = [
        spec_of(
            tables,
            "dkv",
            shape,
            pattern.transposed_interval,
            own="gathered" if place else "contiguous",
            accumulate=accumulate or place > 0,
        )
        for place, tables in enumerate(dkv)
    ]
    group = HeadGroup(
        heads=heads,
        forward=(Launch(spec_of(forward, "forward", shape, pattern.interval), forward.name),),
        dq=(Launch(spec_of(forward, "dq", shape, pattern.interval), forward.name),),
        dkv=tuple(Launch(spec, tables.name) for spec, tables in zip(specs, dkv, strict=True)),
    )
    return group, [forward, *dkv]


def build_plan(
    patterns: list[tuple[tuple[int, ...], Pattern]], heads: int, kv_heads: int, shape: Shape
) -> tuple[LayerPlan, list[TableSet]]:
    """A layer whose head groups have the given patterns, and its tables."""
    groups: list[HeadGroup] = []
    sets: list[TableSet] = []
    seen: set[int] = set()
    for place, (members, pattern) in enumerate(patterns):
        shared = {head // (heads // kv_heads) for head in members}
        group, tables = build_group(members, pattern, shape, f"g{place}", accumulate=bool(shared & seen))
        seen |= shared
        groups.append(group)
        sets += tables
    plan = LayerPlan(
        schema=PLAN_SCHEMA,
        target="cuda:90",
        dtype="float32",
        tokens=patterns[0][1].mask.shape[0],
        heads=heads,
        kv_heads=kv_heads,
        head_dim=shape.head_dim,
        pattern="test",
        groups=tuple(groups),
    )
    return plan, sets
