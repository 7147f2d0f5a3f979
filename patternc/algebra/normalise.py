"""The normal form: a relation as disjoint components, each of a kind that lowering knows how to tile.

For: simplifying a relation at its concrete length, and splitting it. Total: what fits nothing special is one general
relation on contiguous tiles. Pairs that two components would have belong to the first of: tiled, queried, keyed, drawn,
strided. Not for: tiles themselves (`analysis/tiles.py`), or whether a stride is worth a launch of its own
(`codegen/choice.py`): the caller says which steps to take out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra import rules
from patternc.algebra.lattice import assuming_class, class_starts, common_step, restrict
from patternc.algebra.listing import drawing_pays, given, listing_pays, scattered
from patternc.algebra.support import Side, assuming, support

Int64 = NDArray[np.int64]

RULES: tuple[Callable[[r.Relation, int], r.Relation], ...] = (
    rules.cut_band_to_length,
    rules.cut_spans_to_length,
    rules.find_period,
    rules.cut_period_to_length,
    rules.cut_chunks_to_length,
    rules.draw_nothing_or_all,
    rules.unwrap_lift,
    rules.distribute_lift,
    rules.lift_atom,
    rules.intersect_spans,
    rules.distribute_intersection,
    rules.distribute_difference,
    rules.subtract_bands,
    rules.subtract_once,
    rules.merge_terms,
)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Pairs whose keys (or queries) are among `positions`, ascending; `relation` is right for those positions only."""

    positions: Int64
    relation: r.Relation


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pairs of `source`, few in each row; `relation`, right for those pairs only, says which."""

    source: r.Relation
    relation: r.Relation


@dataclass(frozen=True, slots=True)
class Strided:
    """Pairs with (i - j) % step == 0; `relation`, right for those pairs only, says which.

    `starts` are the classes, ascending from 0, at which length or class relation may change (`class_starts`): those
    from one start to the next are alike, and `lattice.restrict` has a form for each.
    """

    step: int
    relation: r.Relation
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strided component that could be, at a place of length n.

    `listed`: else its keys (or queries) are listed; not, else it stays on contiguous tiles. `first`: no other component
    is known to need a launch of its own.
    """

    strided: Strided
    n: int
    listed: bool
    first: bool


Takes = Callable[[Candidate], bool]
"""Whether a candidate is to be a component."""


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Disjoint components at a place of length n whose union is the relation."""

    n: int
    tiled: r.Relation
    """On contiguous tiles."""
    queried: Listed | None
    """On listed queries and contiguous keys."""
    keyed: Listed | None
    """On contiguous queries and listed keys."""
    drawn: Drawn | None
    """Few scattered pairs a row, listed one by one."""
    strided: tuple[Strided, ...] = ()
    """On tiles of residue classes; steps differ."""


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """The terms of a union by the component they go to."""

    tiled: list[r.Relation]
    queried: list[tuple[Int64, r.Relation]]
    keyed: list[tuple[Int64, r.Relation]]
    drawn: list[tuple[r.Relation, r.Relation]]


def normalise(relation: r.Relation, n: int, takes: Takes | None = None) -> Normal:
    """The normal form of `relation` at a place of length n, without strided components unless `takes` wants them."""
    simple = simplify(relation, n)
    terms = _sorted_out(simple.parts if isinstance(simple, r.Union) else (simple,), n)
    if takes is None:
        return _normal(terms, n)
    by_step = _by_step(terms, n)
    apart = _without(terms, set(by_step))
    wanted: list[int] = []
    for step, strides in by_step.items():
        component = _strided(step, strides, r.union(*apart.tiled), n)
        if component is not None:
            listed = not any(common_step(term) == step for term in terms.tiled)
            others = apart.tiled or apart.queried or apart.keyed or apart.drawn or wanted
            if takes(Candidate(component, n, listed, not others)):
                wanted.append(step)

    # What the other components have is taken out of a stride, and must have a form on its classes, too.
    while True:
        kept = _without(terms, set(wanted))
        normal = _normal(kept, n)
        taken = r.union(*kept.tiled, *(term for _, term in (*kept.queried, *kept.keyed, *kept.drawn)))
        strided: list[Strided] = []
        for step in wanted:
            component = _strided(step, by_step[step], taken, n)
            if component is None:
                wanted.remove(step)
                break
            strided += [] if isinstance(component.relation, r.Empty) else [component]
            taken = r.union(taken, *by_step[step])
        else:
            return replace(normal, strided=tuple(strided))


def normalise_sum(branches: Sequence[r.Relation], n: int, takes: Takes | None = None) -> tuple[Normal, ...]:
    """The normal form of each branch of a sum. What one has is not taken out of another: both count.

    The strides of later branches always come behind another launch; a branch that comes again has one form.
    """

    def later(candidate: Candidate) -> bool:
        return takes is not None and takes(replace(candidate, first=False))

    known: dict[r.Relation, Normal] = {}
    for branch in dict.fromkeys(branches):
        known[branch] = normalise(branch, n, later if takes is not None and known else takes)
    return tuple(known[branch] for branch in branches)


def _by_step(terms: _Terms, n: int) -> dict[int, list[r.Relation]]:
    """The terms that have a common step within the length, by step."""
    by_step: dict[int, list[r.Relation]] = {}
    for term in (*terms.tiled, *(term for _, term in (*terms.queried, *terms.keyed))):
        step = common_step(term)
        if 1 < step < n:
            by_step.setdefault(step, []).append(term)
    return by_step


def _without(terms: _Terms, steps: set[int]) -> _Terms:
    """The terms without those of some steps."""
    return _Terms(
        [term for term in terms.tiled if common_step(term) not in steps],
        [(listed, term) for listed, term in terms.queried if common_step(term) not in steps],
        [(listed, term) for listed, term in terms.keyed if common_step(term) not in steps],
        terms.drawn,
    )


def _sorted_out(parts: Sequence[r.Relation], n: int) -> _Terms:
    """The terms by what they are best computed on, strides among the tiled ones."""
    tiled: list[r.Relation] = []
    keyed: list[tuple[Int64, r.Relation]] = []
    queried: list[tuple[Int64, r.Relation]] = []
    drawn: list[tuple[r.Relation, r.Relation]] = []
    for term in parts:
        source = scattered(term)
        keys, queries = support(term, n, "keys"), support(term, n, "queries")
        if source is not None and drawing_pays(source, n):
            drawn.append((source, term))
        elif keys is not None and listing_pays(keys):
            keyed.append((keys, term))
        elif queries is not None and listing_pays(queries):
            queried.append((queries, term))
        else:
            tiled.append(term)
    return _Terms(tiled, queried, keyed, drawn)


def _normal(terms: _Terms, n: int) -> Normal:
    """The components of all terms, those on tiles and listed ones."""
    taken = r.union(*terms.tiled)
    by_queries = _listed(terms.queried, taken, n, "queries")
    taken = r.union(taken, *(term for _, term in terms.queried))
    by_keys = _listed(terms.keyed, taken, n, "keys")
    taken = r.union(taken, *(term for _, term in terms.keyed))
    listed = None
    if terms.drawn:
        source = r.union(*(source for source, _ in terms.drawn))
        asked = [given(source, term) for _, term in terms.drawn]
        listed = Drawn(source, simplify(r.difference(r.union(*asked), taken), n))
    return Normal(n, r.union(*terms.tiled), by_queries, by_keys, listed)


def _strided(step: int, terms: list[r.Relation], taken: r.Relation, n: int) -> Strided | None:
    """The component of terms with a common step, without what is taken; None where its classes have no form."""
    relation = simplify(assuming_class(r.difference(r.union(*terms), taken), step), n)
    starts = class_starts(relation, step, n)
    if starts is None or any(restrict(relation, step, start) is None for start in starts):
        return None
    return Strided(step, relation, tuple(starts))


def simplify(relation: r.Relation, n: int) -> r.Relation:
    """An equal relation to which no rule applies any more."""
    relation = _with_simple_parts(relation, n)
    for rule in RULES:
        changed = rule(relation, n)
        if changed != relation:
            return simplify(changed, n)
    return relation


def everywhere(listed: Listed, side: Side) -> r.Relation:
    """The pairs of a component over listed keys (or queries) as one relation that is right for every position."""
    spans = r.spans_of(listed.positions.tolist())
    return r.intersection(r.Keys(spans) if side == "keys" else r.Queries(spans), listed.relation)


def _listed(terms: list[tuple[Int64, r.Relation]], taken: r.Relation, n: int, side: Side) -> Listed | None:
    """One component over the positions of all terms, without what is taken."""
    if not terms:
        return None
    positions = np.unique(np.concatenate([listed for listed, _ in terms]))
    rest = simplify(r.difference(r.union(*(term for _, term in terms)), taken), n)
    relation = simplify(assuming(rest, positions, n, side), n)
    return None if isinstance(relation, r.Empty) else Listed(positions, relation)


def _with_simple_parts(relation: r.Relation, n: int) -> r.Relation:
    match relation:
        case r.Union(parts):
            return r.union(*(simplify(part, n) for part in parts))
        case r.Intersection(parts):
            return r.intersection(*(simplify(part, n) for part in parts))
        case r.Difference(left, right):
            return r.difference(simplify(left, n), simplify(right, n))
        case r.Blocks(size, inner):
            return r.Blocks(size, simplify(inner, -(-n // size)))
        case r.Within(size, inner):
            return r.Within(size, simplify(inner, size))
        case r.Slice(start, stop, inner) if start < stop:
            return r.Slice(start, stop, simplify(inner, stop - start))
        case _:
            return relation
