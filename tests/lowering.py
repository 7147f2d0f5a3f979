"""Schedules, tile shapes and launches for tests that lower relations directly."""

from __future__ import annotations

from patternc.algebra.schedule import Branch, Schedule, Term, sum_of
from patternc.codegen.cost import TileShape
from patternc.codegen.walks import Shapes


def pattern_of(relation, text):
    """The pattern of a relation, or the sum of a tuple of them."""
    branches = relation if isinstance(relation, tuple) else (relation,)
    return sum_of(*(Branch(each, (Term(text, each),)) for each in branches))


def schedule(n, *relations, table=None, kv_heads=1):
    """A schedule of relations, tuples of which are sums; `table` [layer][head], by default a head for each."""
    patterns = tuple(pattern_of(x, f"pattern {at}") for at, x in enumerate(relations))
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
