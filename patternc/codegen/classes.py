"""Tiles of residue classes: what a launch on a lattice walks, class by class.

For: the tile maps of a strided component in class coordinates, one for all classes that are alike, and small classes
packed side by side in a tile. Not for: deciding what runs on a lattice (`choice.py`) or tables (`build.py`).

Class c modulo s of n positions is c, c + s, c + 2 s, ... A class longer than half a tile has tiles of its own, and
their maps are those of a sequence of its length. Shorter ones are packed: a tile holds `run` positions of each of
tile / run neighbouring classes, own and counterpart tiles the same classes, with a bit for each pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget, refuse
from patternc.algebra.classes import Class, class_kinds
from patternc.algebra.evaluate import evaluate
from patternc.algebra.lattice import class_length
from patternc.algebra.normalise import Strided
from patternc.analysis.contents import Axis
from patternc.analysis.overlay import overlaid
from patternc.analysis.tiles import Side, TileMap, tile_map
from patternc.analysis.translation import row_ids
from patternc.codegen.plan import Lattice

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ClassTiles:
    """The tiles of classes that are alike: `tiles` once, for a class (or a pack) that begins at each of `offsets`.

    `relations` are those whose sum `tiles` maps, none where classes are packed. `live` [R] is COUNT of each own tile.
    """

    tiles: TileMap
    relations: tuple[r.Relation, ...]
    offsets: Int64
    live: Int64


@dataclass(frozen=True, slots=True, eq=False)
class OnLattice:
    """All tiles of a strided component for one shape and side."""

    lattice: Lattice
    parts: tuple[ClassTiles, ...]

    @property
    def pairs(self) -> int:
        """Exact number of pairs."""
        return sum(part.tiles.pairs * part.offsets.size for part in self.parts)


def on_lattice(strided: Strided, n: int, own_tile: int, counterpart_tile: int, own: Side, budget: Budget) -> OnLattice:
    """The tiles of a strided component at a place of length n. Raises TileBudgetError."""
    lattice = lattice_of(strided.step, n, own_tile, counterpart_tile)
    kinds, kind_of = class_kinds(strided, n)
    if lattice.own_run < own_tile:
        parts = _packed(kinds, kind_of, lattice, own_tile, counterpart_tile, own)
    else:
        parts = _unpacked(kinds, kind_of, own_tile, counterpart_tile, own, budget)
    tiles = sum(part.tiles.classes.size * part.offsets.size for part in parts)
    if tiles > budget.tiles:
        raise refuse("active tiles", tiles, budget.tiles, "use a smaller length or a sparser pattern")
    return OnLattice(lattice, tuple(parts))


def sum_on_lattice(components: Sequence[OnLattice]) -> OnLattice:
    """The tiles of the sum of strided components of one step, shape and side."""
    if len(components) == 1:
        return components[0]
    # Classes that are alike in every component are alike in the sum.
    starts = np.unique(np.concatenate([part.offsets for part in components[0].parts]))
    part_of = np.zeros((starts.size, len(components)), dtype=np.int64)
    for place, component in enumerate(components):
        for number, part in enumerate(component.parts):
            part_of[np.searchsorted(starts, part.offsets), place] = number
    numbers = row_ids(part_of)
    _, first = np.unique(numbers, return_index=True)
    parts: list[ClassTiles] = []
    for number, at in enumerate(first.tolist()):
        of_each: list[int] = part_of[at].tolist()
        chosen = [component.parts[part] for component, part in zip(components, of_each, strict=True)]
        tiles = overlaid([part.tiles for part in chosen])
        relations = tuple(relation for part in chosen for relation in part.relations)
        parts.append(ClassTiles(tiles, relations, starts[numbers == number], chosen[0].live))
    return OnLattice(components[0].lattice, tuple(parts))


def lattice_of(step: int, n: int, own_tile: int, counterpart_tile: int) -> Lattice:
    """The lattice on which classes modulo `step` of n positions are tiled: packed where they are short."""
    longest = class_length(step, 0, n)
    run = 1 << max(longest - 1, 0).bit_length()
    packed = min(max(own_tile // run, 1), counterpart_tile & -counterpart_tile)
    return Lattice(step, own_tile // packed, counterpart_tile // packed)


def _unpacked(
    kinds: list[Class], kind_of: Int64, own_tile: int, counterpart_tile: int, own: Side, budget: Budget
) -> list[ClassTiles]:
    rows, cols = (own_tile, counterpart_tile) if own == "queries" else (counterpart_tile, own_tile)
    parts: list[ClassTiles] = []
    for number, kind in enumerate(kinds):
        tiles = tile_map(kind.relation, kind.length, rows, cols, own=own, budget=budget)
        (offsets,) = np.nonzero(kind_of == number)
        live = tiles.own_axis.live(np.arange(tiles.own_axis.tiles, dtype=np.int64))
        parts.append(ClassTiles(tiles, (kind.relation,), offsets, live))
    return parts


def _packed(
    kinds: list[Class], kind_of: Int64, lattice: Lattice, own_tile: int, counterpart_tile: int, own: Side
) -> list[ClassTiles]:
    """One own tile for each pack of neighbouring classes; equal packs share their tiles."""
    width = own_tile // lattice.own_run
    contents = [_content(kind, own) for kind in kinds]
    padded = np.concatenate([kind_of, np.full(-kind_of.size % width, -1, dtype=np.int64)]).reshape(-1, width)
    numbers = row_ids(padded)
    _, first = np.unique(numbers, return_index=True)
    parts: list[ClassTiles] = []
    for number, at in enumerate(first.tolist()):
        members: list[int] = padded[at].tolist()
        pack = [contents[kind] for kind in members if kind >= 0]
        (chosen,) = np.nonzero(numbers == number)
        live = max(place * lattice.own_run + content.shape[0] for place, content in enumerate(pack))
        tiles = _pack_tiles(pack, lattice, own_tile, counterpart_tile, own)
        parts.append(ClassTiles(tiles, (), chosen * width, np.array([live], dtype=np.int64)))
    return parts


def _content(kind: Class, own: Side) -> Bool:
    """Every pair of a short class: [own, counterpart]."""
    every = np.arange(kind.length, dtype=np.int64)
    content = evaluate(kind.relation, every[:, None], every[None, :], kind.length)
    return content if own == "queries" else content.T


def _pack_tiles(pack: list[Bool], lattice: Lattice, own_tile: int, counterpart_tile: int, own: Side) -> TileMap:
    """The tiles of one pack: one own tile, and as many counterpart tiles as its longest class has runs."""
    run, other_run = lattice.own_run, lattice.counterpart_run
    longest = max(content.shape[0] for content in pack)
    blocks = -(-longest // other_run)
    mask = np.zeros((blocks, own_tile, counterpart_tile), dtype=np.bool_)
    for place, content in enumerate(pack):
        wide = np.zeros((content.shape[0], blocks * other_run), dtype=np.bool_)
        wide[:, : content.shape[1]] = content
        rows = slice(place * run, place * run + content.shape[0])
        columns = slice(place * other_run, (place + 1) * other_run)
        mask[:, rows, columns] = wide.reshape(content.shape[0], blocks, other_run).transpose(1, 0, 2)
    (active,) = np.nonzero(mask.any(axis=(1, 2)))
    masks = np.packbits(mask[active], axis=2, bitorder="little")
    ids = row_ids(masks)
    _, first = np.unique(ids, return_index=True)
    own_axis, other_axis = Axis(own_tile, own_tile, None), Axis(blocks * counterpart_tile, counterpart_tile, None)
    return TileMap(
        n=blocks * counterpart_tile,
        own=own,
        queries=own_axis if own == "queries" else other_axis,
        keys=other_axis if own == "queries" else own_axis,
        first=np.array([0, active.size], dtype=np.int64),
        counterparts=active.astype(np.int32),
        classes=(ids + 1).astype(np.int32),
        masks=masks[first],
        popcounts=mask[active][first].sum(axis=(1, 2), dtype=np.int64),
    )
