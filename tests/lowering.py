"""Schedules, tile shapes and launches for tests that lower relations directly."""

from __future__ import annotations

from patternc.algebra.schedule import HeadPattern, Schedule, Term
from patternc.codegen.cost import TileShape
from patternc.codegen.walks import Shapes


def schedule(n, *relations, table=None, kv_heads=1):
    """A schedule of the relations; `table` [layer][head], by default one layer with a head for each."""
    patterns = tuple(HeadPattern(x, (Term(f"pattern {at}", x),)) for at, x in enumerate(relations))
    table = table or (tuple(range(len(relations))),)
    return Schedule(
        name="model",
        tokens=n,
        causal=False,
        layers=len(table),
        heads=len(table[0]),
        kv_heads=kv_heads,
        head_dim=64,
        allow_empty=True,
        params=(),
        patterns=patterns,
        table=table,
    )


def shapes(own, counterpart, own_dkv=None, counterpart_dkv=None):
    forward = TileShape(own, counterpart, 4, 2)
    return Shapes(forward, forward, TileShape(own_dkv or own, counterpart_dkv or counterpart, 4, 2))


def launches(plan):
    return [launch for group in plan.groups for launch in group.launches]


def list_everything(monkeypatch):
    """Thresholds at which listing keys, queries and draws always pays, so that small places reach every component."""
    monkeypatch.setattr("patternc.algebra.normalise.listing_pays", lambda positions: positions.size > 0)
    monkeypatch.setattr("patternc.algebra.normalise.drawing_pays", lambda source, n: True)


def stride_everything(monkeypatch):
    """A choice by which every stride runs on a lattice, so that small places reach them."""
    monkeypatch.setattr("patternc.codegen.lower.choose", lambda shape, made: lambda candidate: True)
