"""Regions: where in the space of its parameters and lengths one polynomial may count a family.

For: guessing the conditions that matter from the member at hand: which of its numbers is below which, how many whole
periods there are, on which side of each number the rest of the last period lies. Not for: deciding whether a guess is
right (`chamber.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from patternc.analysis.family import TOKENS, Affine, Family, symbol
from patternc.analysis.template import Unit

STARTS = ((2, 2, 0), (2, 2, 2), (9, 9, 0), (9, 9, 2))
"""(periods, least modulus) that the samples have at least, and the slack of every order, tried in this sequence."""
QUOTIENT, REST = "q", "r"
"""n = q * modulus + r with 0 <= r < modulus."""


@dataclass(frozen=True, slots=True)
class Condition:
    """low <= high."""

    low: Affine
    high: Affine

    @property
    def gap(self) -> Affine:
        """What must not be negative."""
        return self.high.plus(self.low, -1)


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


def regions(members: Family, period: Period | None, here: Mapping[str, int]) -> Iterator[Region]:
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
    found = [condition for condition in found if not evident(condition)]
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


def evident(condition: Condition) -> bool:
    """Whether it holds for all symbols of at least 1 (n too; q and r of at least 0)."""
    gap = condition.gap
    least = gap.constant + sum(coefficient for name, coefficient in gap.terms if name not in (QUOTIENT, REST))
    return least >= 0 and all(coefficient > 0 for _, coefficient in gap.terms)


def follows(condition: Condition, others: tuple[Condition, ...], region: Region) -> bool:
    """Whether a condition is plain from at most two others, or from n holding all its periods and r."""
    facts = list(others)
    if region.period is not None:
        whole = region.period.offset
        for _ in range(region.periods):
            whole = whole.plus(region.period.modulus)
        facts += [Condition(whole.plus(symbol(REST)), symbol(TOKENS)), Condition(symbol(REST), region.period.modulus)]
        facts.append(Condition(Affine(region.periods), symbol(QUOTIENT)))
        facts.append(Condition(Affine(region.least_modulus), region.period.modulus))
    gap = condition.gap
    for used in [(), *((a,) for a in facts), *combinations(facts, 2)]:
        left = gap
        for fact in used:
            left = left.plus(fact.gap, -1)
        if evident(Condition(Affine(0), left)):
            return True
    return False
