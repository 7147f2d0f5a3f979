"""The tiles of a plan for a report: what the forward launches of a pattern compute.

For: handing the analysis, which knows no plans, a `TileCounter`. Not for: figures of launches (`explain.py`).
"""

from __future__ import annotations

from dataclasses import replace

from patternc.algebra.relation import Relation
from patternc.algebra.schedule import Branch, Schedule, sum_of
from patternc.analysis.tile_counts import TileCounter, Tiles
from patternc.codegen.explain import PlanFigures, explain_plan
from patternc.codegen.lower import lower


def tile_counter(figures: PlanFigures, schedule: Schedule) -> TileCounter:
    """Counts the tiles of the schedule's patterns as planned, and plans any other relation in the same way."""
    known = {(branches, schedule.tokens): tiles for branches, tiles in _tiles_of(figures, schedule).items()}

    def count(branches: tuple[Relation, ...], n: int, pairs: int) -> Tiles:
        if (branches, n) not in known:
            pattern = sum_of(*(Branch(branch, ()) for branch in branches))
            alone = replace(
                schedule, tokens=n, layers=1, heads=1, kv_heads=1, patterns=(pattern,), table=((0,),), allow_empty=True
            )
            lowered = lower(
                alone, target=figures.target, dtype=figures.dtype, head_dim=figures.head_dim, backward=False
            )
            known[branches, n] = _tiles_of(explain_plan(lowered), alone)[branches]
        return replace(known[branches, n], pairs=pairs)

    return count


def _tiles_of(figures: PlanFigures, schedule: Schedule) -> dict[tuple[Relation, ...], Tiles]:
    tiles: dict[tuple[Relation, ...], Tiles] = {}
    for layer in figures.layers:
        for group in layer.groups:
            launches = group.of("forward")
            tiles[schedule.pattern(layer.layers[0], group.heads[0]).relations] = Tiles(
                rows=launches[0].own_tile,
                columns=launches[0].counterpart_tile,
                full=sum(launch.full for launch in launches),
                partial=sum(launch.interval + launch.bits for launch in launches),
                gathered=sum(launch.gathered for launch in launches),
                pairs=sum(launch.useful for launch in launches),
            )
    return tiles
