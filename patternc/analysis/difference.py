"""Difference: which pairs two schedules have in common, which only one of them has, and what that changes.

For: `patternc diff` and `Program.diff`. Counts are exact, in O(tiles), as those of a report: what only one side has is
a relation of its own, and so is what both have, but count another number of times (`A + B`). Masks can be compared at
one length; where models have other numbers of layers or heads, those that both have are compared, place by place. Not
for: rendering, or plans (who has one hands in what it predicts).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from patternc.algebra.evaluate import evaluate, multiplicities
from patternc.algebra.relation import Relation, difference, intersection, union
from patternc.algebra.schedule import Schedule
from patternc.analysis.count import count
from patternc.analysis.measures import Cache, decode_cache
from patternc.analysis.operators import NoOperator
from patternc.analysis.reach import Pair, Reach, layer_relations, reach
from patternc.analysis.report import CACHE_METHOD
from patternc.analysis.rows import pair_counts


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a plan predicts for all layers: seconds of the forward and of the backward pass."""

    device: str
    forward: float
    backward: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the model, or a parameter, that differs; None where a side has none."""

    name: str
    a: int | bool | str | None
    b: int | bool | str | None


@dataclass(frozen=True, slots=True)
class Recounted:
    """A pair that both sides have, and how often each counts it."""

    pair: Pair
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Shared:
    """Two patterns at one place: pairs in both, pairs in one alone, and the first of those by query, then by key.

    `recounted` are those of both that one side counts more often than the other. Each number counts a pair once.
    """

    both: int
    only_a: int
    only_b: int
    recounted: int
    first_only_a: Pair | None
    first_only_b: Pair | None
    first_recounted: Recounted | None

    @property
    def same_pairs(self) -> bool:
        """Whether the two have the same pairs, however often they count."""
        return not self.only_a and not self.only_b

    @property
    def equal(self) -> bool:
        """Whether the two have the same pairs, and each of them as often."""
        return self.same_pairs and not self.recounted


@dataclass(frozen=True, slots=True)
class Group:
    """Layers and heads in which the same pattern of A meets the same pattern of B; `shared` counts one head."""

    layers: tuple[int, ...]
    heads: tuple[int, ...]
    pattern_a: str
    pattern_b: str
    shared: Shared


@dataclass(frozen=True, slots=True)
class Side:
    """What one schedule costs and connects. `cache` is None where it is not known; `cache_method` says why."""

    model: str
    tokens: int
    layers: int
    heads: int
    pairs: int
    density: Fraction
    reach: Reach
    cache: Cache | None
    cache_method: str
    predicted: Predicted | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs. `groups` is empty where the lengths differ: then no pair of masks can be compared."""

    a: Side
    b: Side
    settings: tuple[Setting, ...]
    groups: tuple[Group, ...]

    @property
    def comparable(self) -> bool:
        """Whether masks could be compared."""
        return self.a.tokens == self.b.tokens

    @property
    def equal(self) -> bool:
        """Whether every layer and head of both models has the same pairs, and each of them as often."""
        alike = (self.a.tokens, self.a.layers, self.a.heads) == (self.b.tokens, self.b.layers, self.b.heads)
        return alike and all(group.shared.equal for group in self.groups)


def side(schedule: Schedule, predicted: Predicted | None = None) -> Side:
    """What one schedule costs and connects. Raises TileBudgetError."""
    counts = count(schedule)
    cache: Cache | None = None
    method = CACHE_METHOD
    try:
        cache = decode_cache(schedule)
    except NoOperator as error:
        method = f"not decided: {error}"
    return Side(
        model=schedule.name,
        tokens=schedule.tokens,
        layers=schedule.layers,
        heads=schedule.heads,
        pairs=counts.total,
        density=counts.density,
        reach=reach(layer_relations(schedule), schedule.tokens, "past" if schedule.causal else "all"),
        cache=cache,
        cache_method=method,
        predicted=predicted,
    )


def compare(a: Schedule, b: Schedule, side_a: Side, side_b: Side) -> Difference:
    """What differs between two schedules, of which the sides are known.

    Raises:
        TileBudgetError: counting what only one of them has takes more than the budget allows.
    """
    groups = tuple(_groups(a, b)) if a.tokens == b.tokens else ()
    return Difference(side_a, side_b, tuple(_settings(a, b)), groups)


def shared(a: Sequence[Relation], b: Sequence[Relation], n: int) -> Shared:
    """How the sums of two lists of branches overlap at a place of length n. Raises TileBudgetError."""
    set_a, set_b = union(*a), union(*b)
    pairs = _pairs(set_a, n)
    if set_a == set_b:
        only_a, only_b, first_only_a, first_only_b = 0, 0, None, None
    else:
        left, right = difference(set_a, set_b), difference(set_b, set_a)
        (only_a, first_only_a), (only_b, first_only_b) = _counted(left, n), _counted(right, n)
    both = pairs - only_a
    meeting = set_a if not only_a else set_b if not only_b else intersection(set_a, set_b)
    recounted, first = _recounted(a, b, meeting, both, n)
    return Shared(both, only_a, only_b, recounted, first_only_a, first_only_b, first)


def _pairs(relation: Relation, n: int) -> int:
    return pair_counts(relation, n).total


def _counted(relation: Relation, n: int) -> tuple[int, Pair | None]:
    """How many pairs a relation has, and the first of them by query, then by key."""
    counts = pair_counts(relation, n)
    if not counts.total:
        return 0, None
    query = int(np.argmax(counts.per_query > 0))
    (keys,) = np.nonzero(evaluate(relation, np.array([query]), np.arange(n), n))
    return counts.total, (query, int(keys[0]))


def _recounted(
    a: Sequence[Relation], b: Sequence[Relation], meeting: Relation, both: int, n: int
) -> tuple[int, Recounted | None]:
    """How many of the pairs that both sides have (`meeting`, `both` of them) count otherwise, and the first of them."""
    if len(a) == len(b) == 1:
        return 0, None
    # Branches of both sides cancel out; a branch that is written several times is looked at once.
    times = Counter(a)
    times.subtract(Counter(b))
    ahead: dict[int, list[tuple[Relation, int]]] = {0: [(meeting, both)] if both else []}
    for branch, more in times.items():
        if more:
            ahead = _divided(ahead, branch, more, n)
    ahead.pop(0, None)
    found = [_counted(part, n) for parts in ahead.values() for part, _ in parts]
    firsts = [pair for _, pair in found if pair is not None]
    if not firsts:
        return 0, None
    query, key = min(firsts)
    at = np.array([query]), np.array([key])
    times_a, times_b = (int(multiplicities(side, *at, n)[0]) for side in (a, b))
    return sum(pairs for pairs, _ in found), Recounted((query, key), times_a, times_b)


def _divided(
    ahead: dict[int, list[tuple[Relation, int]]], branch: Relation, more: int, n: int
) -> dict[int, list[tuple[Relation, int]]]:
    """Disjoint parts of what both sides have, by how much A is ahead of B, after one more branch.

    A part that lies inside of the branch or outside of it stays as it is, so that there are never more parts than
    combinations of branches that some pair has.
    """
    after: dict[int, list[tuple[Relation, int]]] = {}
    for lead, parts in ahead.items():
        for part, pairs in parts:
            inside = intersection(part, branch)
            within = _pairs(inside, n)
            if within == pairs:
                after.setdefault(lead + more, []).append((part, pairs))
            elif not within:
                after.setdefault(lead, []).append((part, pairs))
            else:
                after.setdefault(lead + more, []).append((inside, within))
                after.setdefault(lead, []).append((difference(part, branch), pairs - within))
    return after


def _groups(a: Schedule, b: Schedule) -> Iterator[Group]:
    """The places that both models have, in order of their first layer, those alike together."""
    heads = range(min(a.heads, b.heads))
    known: dict[tuple[tuple[Relation, ...], tuple[Relation, ...]], Shared] = {}
    places: dict[tuple[int, int, tuple[int, ...]], list[int]] = {}
    for layer in range(min(a.layers, b.layers)):
        meeting: dict[tuple[int, int], list[int]] = {}
        for head in heads:
            meeting.setdefault((a.table[layer][head], b.table[layer][head]), []).append(head)
        for (left, right), alike in meeting.items():
            places.setdefault((left, right, tuple(alike)), []).append(layer)
    for (left, right, alike), layers in places.items():
        pattern_a, pattern_b = a.patterns[left], b.patterns[right]
        meets = (pattern_a.relations, pattern_b.relations)
        if meets not in known:
            known[meets] = shared(*meets, a.tokens)
        yield Group(tuple(layers), alike, pattern_a.text, pattern_b.text, known[meets])


def _settings(a: Schedule, b: Schedule) -> Iterator[Setting]:
    for name in ("name", "tokens", "causal", "layers", "heads", "kv_heads", "head_dim", "allow_empty"):
        left, right = getattr(a, name), getattr(b, name)
        if left != right:
            yield Setting(name.replace("_empty", " empty"), left, right)
    params_a, params_b = dict(a.params), dict(b.params)
    for name in dict.fromkeys((*params_a, *params_b)):
        if params_a.get(name) != params_b.get(name):
            yield Setting(f"param {name}", params_a.get(name), params_b.get(name))
