"""The normal form: a relation as disjoint components, each of a kind that lowering knows how to tile.

For: simplifying a relation at its concrete length, and splitting it. Total: what fits nothing special is one general
relation on contiguous tiles. Not for: tiles themselves (`analysis/tiles.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.algebra import relation as r


@dataclass(frozen=True, slots=True)
class Keyed:
    """Pairs whose keys (or queries) are among `positions`; `relation` is right for those positions only."""

    positions: r.Spans
    relation: r.Relation


@dataclass(frozen=True, slots=True)
class Normal:
    """Disjoint components at a place of length n whose union is the relation."""

    n: int
    tiled: r.Relation
    """On contiguous tiles."""
    keyed: Keyed | None
    """On contiguous queries and listed keys."""
    queried: Keyed | None
    """On listed queries and contiguous keys; forward launches tile it like `tiled`."""
    drawn: r.Relation | None
    """Few scattered pairs a row, listed one by one."""


def normalise(relation: r.Relation, n: int) -> Normal:
    """The normal form of `relation` at a place of length n."""
    return Normal(n, relation, None, None, None)
