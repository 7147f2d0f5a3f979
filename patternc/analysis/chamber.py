"""Chambers: the conditions under which one polynomial counts the pairs of a family's members.

For: guessing the conditions that matter from the member at hand (which number is below which), sampling members that
meet them, fitting the polynomial to exact counts, and dropping every condition it does not need. A polynomial that does
not fit every sample is dropped, so a guess can fail but not mislead. Not for: printing (`formula.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import Relation
from patternc.analysis.family import TOKENS, Affine, Family
from patternc.analysis.fit import Polynomial, fit, monomials
from patternc.analysis.region import (
    QUOTIENT,
    REST,
    Condition,
    Period,
    Region,
    follows,
    regions,
)
from patternc.analysis.template import Invalid

MOST_VARIABLES = 6
MOST_SAMPLE_TOKENS = 260
HELD_OUT = 40
"""Exact counts beyond those that determine a polynomial, which it must meet as well."""
DRAWS = 40
"""Members drawn for each one wanted before a region counts as too small."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A polynomial in `variables` (n, or q and r, then the family's symbols), right wherever `region` holds.

    `checks` is the number of exact counts that it met, beyond those that determine it.
    """

    polynomial: Polynomial
    variables: tuple[str, ...]
    region: Region
    checks: int


@lru_cache(maxsize=4096)
def exact_count(relation: Relation, tokens: int) -> int:
    """Pairs, decided one by one; the small members of a family that several regions draw are counted once."""
    at = np.arange(tokens, dtype=np.int64)
    return int(np.count_nonzero(evaluate(relation, at[:, None], at[None, :], tokens)))


def count_family(members: Family, tokens: int, pairs: int) -> Counted | None:
    """The polynomial that counts the family around its own relation, which has `pairs` pairs at length `tokens`.

    None where no polynomial of low degree fits every sample of any region that was tried.
    """
    try:
        period = _period(members)
    except Invalid:
        return None
    here = {TOKENS: tokens, **{each.name: each.value for each in members.symbols}}
    if period is not None:
        modulus = period.modulus(here)
        periods, rest = divmod(tokens - period.offset(here), modulus)
        here |= {QUOTIENT: periods, REST: rest}
    for region in regions(members, period, here):
        variables = _variables(members, region)
        if len(variables) > MOST_VARIABLES:
            return None
        degree = 4 if period is not None else 2
        needed = len(monomials(len(variables), degree)) * 5 // 4 + 4
        sampler = _Sampler(members, region, random.Random(0))
        samples = sampler.draw(needed)
        if len(samples) < needed:
            continue
        points = [tuple(values[name] for name in variables) for values, _ in samples]
        polynomial = fit(points, [count for _, count in samples], degree)
        if polynomial is None or polynomial([here[name] for name in variables]) != pairs:
            continue
        held_out = sampler.draw(HELD_OUT, known=samples)
        counted = Counted(polynomial, variables, region, 1)
        better = _right(counted, members, region, held_out, HELD_OUT // 2)
        if better is not None:
            return _loosened(better, members)
    return None


def _period(members: Family) -> Period | None:
    """The one modulus of the family and where its grid starts; None without any.

    Raises:
        Invalid: there are several, the grid ends before the sequence does, or it changes with the length.
    """
    sized = [
        (slot, n) for slot, n in zip(members.slots, members.numbers, strict=True) if slot.role == "size" and n.terms
    ]
    if not sized:
        return None
    if len({number for _, number in sized}) > 1 or len({slot.inside for slot, _ in sized}) > 1:
        raise Invalid
    inside = sized[0][0].inside
    offset = Affine(0)
    if inside is not None:
        start, stop = members.slots[inside], members.slots[inside + 1]
        to_the_end = stop.from_end and members.numbers[inside + 1] == offset
        if start.from_end or start.inside is not None or not to_the_end:
            raise Invalid
        offset = members.numbers[inside]
    if sized[0][1].mentions(TOKENS) or offset.mentions(TOKENS):
        raise Invalid
    return Period(sized[0][1], offset)


def _variables(members: Family, region: Region) -> tuple[str, ...]:
    names = tuple(each.name for each in members.symbols)
    if region.period is None:
        return (TOKENS, *names)
    return (QUOTIENT, *names) if region.whole else (QUOTIENT, REST, *names)


Sample = tuple[dict[str, int], int]
"""Values of n, q, r and the symbols, and the exact count of the member there."""


class _Sampler:
    """Draws small members of a family that meet a region's conditions, each once, and counts them."""

    def __init__(self, members: Family, region: Region, draws: random.Random) -> None:
        self.members = members
        self.region = region
        self.draws = draws
        self.tests = [_test(condition) for condition in region.conditions]
        numbers = zip(members.slots, members.numbers, strict=True)
        self.sizes = {name for slot, number in numbers if slot.role == "size" for name, _ in number.terms}

    def draw(
        self, wanted: int, broken: Condition | None = None, known: Sequence[Sample] = (), **fixed: int
    ) -> list[Sample]:
        """Up to `wanted` samples other than `known`; with `broken`, such as break that condition and meet the region's.

        `fixed`: `periods` and `modulus` take these values instead of at least the region's.
        """
        found: list[Sample] = []
        tried = {tuple(values.values()) for values, _ in known}
        breaks = None if broken is None else _test(broken)
        for _ in range(wanted * DRAWS):
            values = self._values(fixed)
            if values is None or (breaks is not None and breaks(values)):
                continue
            if not all(test(values) for test in self.tests):
                continue
            key = tuple(values.values())
            if key in tried:
                continue
            tried.add(key)
            try:
                member = self.members.member(values)
            except Invalid:
                continue
            found.append((values, exact_count(member, values[TOKENS])))
            if len(found) == wanted:
                break
        return found

    def _values(self, fixed: Mapping[str, int]) -> dict[str, int] | None:
        region, draws = self.region, self.draws
        least = fixed.get("modulus", region.least_modulus)
        values: dict[str, int] = {}
        for each in self.members.symbols:
            low, high = (least, least + 11) if each.name in self.sizes else (1, draws.choice((6, least + 15)))
            values[each.name] = draws.randint(low, high)
        if region.period is None:
            values[TOKENS] = draws.randint(1, 60)
            return values
        modulus, offset = region.period.modulus(values), region.period.offset(values)
        if modulus < max(least, 1) or ("modulus" in fixed and modulus != fixed["modulus"]):
            return None
        periods = (
            fixed["periods"]
            if "periods" in fixed
            else draws.randint(region.periods, region.periods + draws.choice((5, 12)))
        )
        rest = 0 if region.whole else draws.randrange(modulus)
        tokens = offset + periods * modulus + rest
        if offset < 0 or not 0 < tokens <= MOST_SAMPLE_TOKENS:
            return None
        return {**values, TOKENS: tokens, QUOTIENT: periods, REST: rest}


def _test(condition: Condition) -> Callable[[Mapping[str, int]], bool]:
    """The condition as a function of the values."""
    gap = condition.gap
    return lambda values: gap(values) >= 0


BEYOND = 24
"""Members on the far side of a condition that must all be counted right before it is dropped, ..."""
FEW = 8
"""... or at least so many, where no more are found; ..."""
FEWEST = 4
"""... or so many where one value alone is added: a number of periods, a modulus."""
ROUNDS = 3


def _loosened(counted: Counted, members: Family) -> Counted:
    """The same polynomial with every condition dropped or relaxed that it does not need as it is."""
    for _ in range(ROUNDS):
        before = counted
        for condition in counted.region.conditions:
            counted = _without(counted, members, condition)
        if counted.region.period is not None:
            counted = _lower(counted, members)
        if counted.region == before.region:
            break
    kept = counted.region.conditions
    for condition in kept:
        rest = tuple(each for each in kept if each != condition)
        if follows(condition, rest, counted.region):
            kept = rest
    return replace(counted, region=replace(counted.region, conditions=kept))


def _right(counted: Counted, members: Family, wider: Region, samples: list[Sample], least: int) -> Counted | None:
    """The polynomial for a wider region, if it counts all of these new members of it, and they are not too few."""
    agree = all(counted.polynomial([values[name] for name in counted.variables]) == count for values, count in samples)
    return (
        replace(counted, region=wider, checks=counted.checks + len(samples))
        if agree and len(samples) >= least
        else None
    )


def _without(counted: Counted, members: Family, condition: Condition) -> Counted:
    region = counted.region
    others = tuple(each for each in region.conditions if each != condition)
    looser = [Condition(condition.low.plus(Affine(-slack)), condition.high) for slack in (2, 1)]
    for kept in ((), (looser[0],), (looser[1],)):
        wider = replace(region, conditions=(*others, *kept))
        samples = _Sampler(members, wider, random.Random(1)).draw(BEYOND, condition)
        better = _right(counted, members, wider, samples, FEW)
        if better is not None:
            return better
    return counted


def _lower(counted: Counted, members: Family) -> Counted:
    while counted.region.periods > 0:
        wider = replace(counted.region, periods=counted.region.periods - 1)
        samples = _Sampler(members, wider, random.Random(2)).draw(BEYOND, periods=wider.periods)
        better = _right(counted, members, wider, samples, FEWEST)
        if better is None:
            break
        counted = better
    while counted.region.least_modulus > 1:
        wider = replace(counted.region, least_modulus=counted.region.least_modulus - 1)
        samples = _Sampler(members, wider, random.Random(3)).draw(BEYOND, modulus=wider.least_modulus)
        better = _right(counted, members, wider, samples, FEWEST)
        if better is None:
            break
        counted = better
    return counted
