"""Chambers: the conditions under which one polynomial counts the pairs of a family's members.

For: guessing the conditions that matter from the member at hand (which number is below which), sampling members that
meet them, fitting the polynomial to exact counts, and dropping every condition it does not need. A polynomial that does
not fit every sample is dropped, so a guess can fail but not mislead. Not for: printing (`formula.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from patternc.algebra.evaluate import evaluate
from patternc.algebra.relation import Relation
from patternc.analysis.family import TOKENS, Affine, Family, symbol
from patternc.analysis.fit import Polynomial, fit, monomials
from patternc.analysis.template import Invalid, Unit

MOST_VARIABLES = 6
MOST_SAMPLE_TOKENS = 260
HELD_OUT = 40
"""Exact counts beyond those that determine a polynomial, which it must meet as well."""
DRAWS = 40
"""Members drawn for each one wanted before a region counts as too small."""
STARTS = ((2, 2, 0), (2, 2, 2), (9, 9, 0), (9, 9, 2))
"""(periods, least modulus) that the samples have at least, and the slack of every order, tried in this sequence."""

QUOTIENT, REST = "q", "r"
"""n = q * modulus + r with 0 <= r < modulus."""


@dataclass(frozen=True, slots=True)
class Condition:
    """low <= high."""

    low: Affine
    high: Affine


@dataclass(frozen=True, slots=True)
class Period:
    """Where a family repeats: n = offset + q * modulus + r with 0 <= r < modulus."""

    modulus: Affine
    offset: Affine


@dataclass(frozen=True, slots=True)
class Region:
    """Which members a polynomial is for: those that meet all conditions, with at least `periods` whole periods.

    `period` None: nothing repeats. `whole`: r must be 0.
    """

    conditions: tuple[Condition, ...]
    period: Period | None
    periods: int = 0
    least_modulus: int = 1
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A polynomial in `variables` (n, or q and r, then the family's symbols), right wherever `region` holds.

    `checks` is the number of exact counts that it met, beyond those that determine it.
    """

    polynomial: Polynomial
    variables: tuple[str, ...]
    region: Region
    checks: int


def exact_count(relation: Relation, tokens: int) -> int:
    """Pairs, decided one by one."""
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
    for region in _regions(members, period, here):
        variables = _variables(members, region)
        if len(variables) > MOST_VARIABLES:
            return None
        degree = 4 if period is not None else 2
        needed = len(monomials(len(variables), degree)) * 5 // 4 + 4
        samples = _Sampler(members, region, random.Random(0)).draw(needed + HELD_OUT)
        if len(samples) < needed + HELD_OUT // 2:
            continue
        points = [tuple(values[name] for name in variables) for values, _ in samples]
        counts = [count for _, count in samples]
        polynomial = fit(points[:needed], counts[:needed], degree)
        if polynomial is None or polynomial([here[name] for name in variables]) != pairs:
            continue
        if all(polynomial(point) == count for point, count in zip(points[needed:], counts[needed:], strict=True)):
            return _loosened(Counted(polynomial, variables, region, len(points) - needed + 1), members)
    return None


def _period(members: Family) -> Period | None:
    """The one modulus of the family and where its grid starts; None without any.

    Raises:
        Invalid: there are several, or the grid ends before the sequence does.
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
    return Period(sized[0][1], offset)


def _variables(members: Family, region: Region) -> tuple[str, ...]:
    names = tuple(each.name for each in members.symbols)
    if region.period is None:
        return (TOKENS, *names)
    return (QUOTIENT, *names) if region.whole else (QUOTIENT, REST, *names)


def _regions(members: Family, period: Period | None, here: Mapping[str, int]) -> Iterator[Region]:
    """Regions around the relation at hand, from the widest guess to narrower ones, each once."""
    lengths = _lengths(members, None if period is None else period.modulus, here)
    found: dict[Region, None] = {}
    for kind in ("plain", "rests", "whole"):
        for periods, least, slack in STARTS:
            common = _orders(lengths, None if period is None else period.modulus, slack, here)
            if period is None:
                found[Region(tuple(common), None)] = None
                continue
            if here[QUOTIENT] < periods or period.modulus(here) < least or (kind == "whole" and here[REST]):
                continue
            if kind == "rests":
                common = list(dict.fromkeys([*common, *_rests(lengths["tokens"], period.modulus, slack, here)]))
            found[Region(tuple(common), period, periods, least, kind == "whole")] = None
    yield from found


def _orders(
    lengths: Mapping[Unit, list[Affine]], modulus: Affine | None, slack: int, here: Mapping[str, int]
) -> list[Condition]:
    """Which length is below which, and below what its unit allows: n, the number of periods, or the modulus."""
    plain = lengths["tokens"]
    pairs = [pair for same in lengths.values() for pair in combinations(same, 2)]
    pairs += [(length, symbol(TOKENS)) for length in plain]
    if modulus is not None:
        pairs += [(length, modulus) for length in (*plain, *lengths["inner"])]
        pairs += [(length, symbol(QUOTIENT)) for length in lengths["periods"]]
    found = [_compared(a, b, slack, here) for a, b in pairs]
    found = [condition for condition in found if not _evident(condition)]
    total = Affine(slack)
    for length in plain:
        total = total.plus(length)
    if len(plain) > 1 and total(here) <= here[TOKENS]:
        found.append(Condition(total, symbol(TOKENS)))
    return list(dict.fromkeys(found))


def _rests(plain: list[Affine], modulus: Affine, slack: int, here: Mapping[str, int]) -> list[Condition]:
    """On which side of each length the rest of the last period lies."""
    rest = symbol(REST)
    found = [Condition(Affine(1), rest)] if here[REST] else []
    for length in plain:
        found += [_compared(rest, length, slack, here), _compared(rest, modulus.plus(length, -1), slack, here)]
    for a, b in combinations(plain, 2):
        found += [_compared(rest.plus(a), b, slack, here), _compared(rest.plus(b), a, slack, here)]
    return list(dict.fromkeys(found))


def _lengths(members: Family, modulus: Affine | None, here: Mapping[str, int]) -> dict[Unit, list[Affine]]:
    """What the numbers measure, positive at hand, by unit. The modulus is left out."""
    found: dict[Unit, dict[Affine, None]] = {"tokens": {}, "periods": {}, "inner": {}}
    for slot, number in zip(members.slots, members.numbers, strict=True):
        if slot.role == "size":
            continue
        measured = [number]
        if slot.role == "residue" and modulus is not None:
            measured.append(modulus.plus(number, -1))
        for length in measured:
            if length.terms and not length.mentions(TOKENS):
                found[slot.unit][length.negative() if length(here) < 0 else length] = None
    return {unit: list(lengths) for unit, lengths in found.items()}


def _compared(a: Affine, b: Affine, slack: int, here: Mapping[str, int]) -> Condition:
    """The order that the two have at hand, with that much slack where there is."""
    low, high, least = (a, b, 0) if a(here) <= b(here) else (b, a, 1)
    slack = max(slack, least) if low(here) + max(slack, least) <= high(here) else least
    return Condition(low.plus(Affine(slack)), high)


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

    def draw(self, wanted: int, broken: Condition | None = None, **fixed: int) -> list[Sample]:
        """Up to `wanted` samples; with `broken`, such as do not meet that condition but all of the region's.

        `fixed`: `periods` and `modulus` take these values instead of at least the region's.
        """
        found: dict[tuple[int, ...], Sample] = {}
        breaks = None if broken is None else _test(broken)
        for _ in range(wanted * DRAWS):
            values = self._values(fixed)
            if values is None or (breaks is not None and breaks(values)):
                continue
            if not all(test(values) for test in self.tests):
                continue
            key = tuple(values.values())
            if key in found:
                continue
            try:
                member = self.members.member(values)
            except Invalid:
                continue
            found[key] = (values, exact_count(member, values[TOKENS]))
            if len(found) == wanted:
                break
        return list(found.values())

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
    gap = _gap(condition)
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
        if _follows(condition, rest, counted.region):
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


def _gap(condition: Condition) -> Affine:
    return condition.high.plus(condition.low, -1)


def _evident(condition: Condition) -> bool:
    """Whether it holds for all symbols of at least 1 (n too; q and r of at least 0)."""
    gap = _gap(condition)
    least = gap.constant + sum(coefficient for name, coefficient in gap.terms if name not in (QUOTIENT, REST))
    return least >= 0 and all(coefficient > 0 for _, coefficient in gap.terms)


def _follows(condition: Condition, others: tuple[Condition, ...], region: Region) -> bool:
    """Whether a condition is plain from at most two others, or from n holding all its periods and r."""
    facts = list(others)
    if region.period is not None:
        whole = region.period.offset
        for _ in range(region.periods):
            whole = whole.plus(region.period.modulus)
        facts += [Condition(whole.plus(symbol(REST)), symbol(TOKENS)), Condition(symbol(REST), region.period.modulus)]
        facts.append(Condition(Affine(region.periods), symbol(QUOTIENT)))
        facts.append(Condition(Affine(region.least_modulus), region.period.modulus))
    gap = _gap(condition)
    for used in [(), *((a,) for a in facts), *combinations(facts, 2)]:
        left = gap
        for fact in used:
            left = left.plus(_gap(fact), -1)
        if _evident(Condition(Affine(0), left)):
            return True
    return False
