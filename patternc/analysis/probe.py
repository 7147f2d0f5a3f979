"""Probes: exact counts where the region that a polynomial claims ends, and of small programs in it.

For: narrowing a region whose edge was guessed too far out. Samples drawn inside a region (`chamber.py`) rarely lie on
its edges, and a member of a family is not always what the program makes of the same numbers. Not for: finding
polynomials or regions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.relation import Relation
from patternc.analysis.chamber import MOST_SAMPLE_TOKENS, Counted, exact_count
from patternc.analysis.family import TOKENS, Affine, Apart, Family, Instance, Symbol, symbol
from patternc.analysis.region import QUOTIENT, REST, Condition, Region
from patternc.analysis.rows import pair_counts
from patternc.analysis.template import Invalid

ON_AN_EDGE = 12
"""Members counted on each edge of a region, ..."""
TRIES = 30
"""... and how many are drawn for each of them."""
PROGRAMS = 12
"""Programs drawn with tiny parameters, and as many with small ones; the same for all patterns of a schedule."""
MOST_ROUNDS, DEEPEST = 12, 3
"""How often a region may be narrowed, and how far at once, before its polynomial is given up."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Values of n, q, r and the symbols at which there is a pattern, and its pairs."""

    values: dict[str, int]
    pairs: int


def probed(
    members: Family, counted: Counted, tokens: int, params: Mapping[str, int], at: Instance | None
) -> Counted | None:
    """The polynomial with its region narrowed until it counts all that is found on its edges; None without success.

    `tokens` and `params` are those of the compiled program, which `at` gives at others.
    """

    def right(probe: Probe) -> bool:
        return counted.polynomial([probe.values[name] for name in counted.variables]) == probe.pairs

    programs = [] if at is None else list(_programs(members, counted.region, tokens, params, at))
    region, own = counted.region, _values(members, {**params, TOKENS: tokens})
    for _ in range(MOST_ROUNDS):
        probes = [*_on_edges(members, region), *programs]
        probes = [probe for probe in probes if inside(region, probe.values) is not None]
        wrong = [probe for probe in probes if not right(probe)]
        if not wrong:
            return replace(counted, region=region, checks=counted.checks + len(probes))
        narrowed = _narrowed(members, region, wrong)
        if narrowed is None or inside(narrowed, own) is None:
            return None
        region = narrowed
    return None


def inside(region: Region, values: Mapping[str, int]) -> dict[str, int] | None:
    """The values of n and the symbols with q and r, if they lie in the region."""
    found = {**values}
    if found[TOKENS] < 1:
        return None
    if region.period is not None:
        modulus, offset = region.period.modulus(found), region.period.offset(found)
        if modulus < region.least_modulus or modulus < 1:
            return None
        periods, rest = divmod(found[TOKENS] - offset, modulus)
        found |= {QUOTIENT: periods, REST: rest}
        if periods < region.periods or (region.whole and rest):
            return None
    return found if all(each.gap(found) >= 0 for each in region.conditions) else None


def _edges(members: Family, region: Region) -> list[Condition]:
    """The conditions of a region, and those it has without saying so."""
    found = [*region.conditions, Condition(Affine(1), symbol(TOKENS))]
    found += [Condition(Affine(0), symbol(each.name)) for each in members.symbols]
    if region.period is not None:
        found.append(Condition(Affine(region.periods), symbol(QUOTIENT)))
        if region.period.modulus.terms:
            found.append(Condition(Affine(region.least_modulus), region.period.modulus))
    return found


def _narrowed(members: Family, region: Region, wrong: list[Probe]) -> Region | None:
    """The region without the wrong probes at the edge where most of them are; None if they are at none."""
    edges = _edges(members, region)
    nearest = min(edge.gap(probe.values) for probe in wrong for edge in edges)
    if nearest > DEEPEST:
        return None
    edge = max(edges, key=lambda edge: sum(edge.gap(probe.values) == nearest for probe in wrong))
    narrower = Condition(edge.low.plus(Affine(nearest + 1)), edge.high)
    if edge in region.conditions:
        return replace(region, conditions=tuple(narrower if each == edge else each for each in region.conditions))
    if edge.high == symbol(QUOTIENT):
        return replace(region, periods=narrower.low.constant)
    if region.period is not None and edge.high == region.period.modulus:
        return replace(region, least_modulus=narrower.low.constant)
    return replace(region, conditions=(*region.conditions, narrower))


def pairs_of(relation: Relation, tokens: int) -> int | None:
    """Pairs, however many tokens; None beyond the budget of tiles."""
    if tokens <= MOST_SAMPLE_TOKENS:
        return exact_count(relation, tokens)
    try:
        return pair_counts(relation, tokens).total
    except TileBudgetError:
        return None


def _on_edges(members: Family, region: Region) -> Iterator[Probe]:
    """Small members on each edge."""
    draws = random.Random(0)
    for edge in _edges(members, region):
        seen: set[tuple[int, ...]] = set()
        for _ in range(ON_AN_EDGE * TRIES):
            values = _moved_to(edge, _small(members, region, draws), members, region, draws)
            if values is None or edge.gap(values) or tuple(values.values()) in seen:
                continue
            seen.add(tuple(values.values()))
            try:
                member = members.member(values)
            except Invalid:
                continue
            yield Probe(values, exact_count(member, values[TOKENS]))
            if len(seen) >= ON_AN_EDGE:
                break


def _least(each: Symbol) -> int:
    """The least value of a symbol in members: half of 1 is 0, and what may be 0 besides only the program knows."""
    return 0 if each.name.endswith("//2") else 1


def _small(members: Family, region: Region, draws: random.Random) -> dict[str, int]:
    most = draws.choice((3, 6, 14))
    values = {each.name: draws.randint(_least(each), most) for each in members.symbols}
    if region.period is None:
        return {**values, TOKENS: draws.randint(1, draws.choice((6, 20, 60)))}
    modulus = region.period.modulus(values)
    rest = 0 if region.whole else draws.randrange(max(modulus, 1))
    periods = region.periods + draws.randint(0, draws.choice((2, 6)))
    return {**values, TOKENS: region.period.offset(values) + periods * modulus + rest}


def _moved_to(
    edge: Condition, values: dict[str, int], members: Family, region: Region, draws: random.Random
) -> dict[str, int] | None:
    """The values with one changed such that they lie on the edge; None where that leaves the region."""
    found = inside(replace(region, conditions=(), periods=-MOST_SAMPLE_TOKENS), values)
    if found is None:
        return None
    ways = [(name, slope) for name, slope in edge.gap.terms if abs(slope) == 1]
    if not ways:
        return inside(region, values)
    name, slope = draws.choice(ways)
    found[name] -= slope * edge.gap(found)
    if region.period is not None and name != TOKENS:
        found[TOKENS] = region.period.offset(found) + found[QUOTIENT] * region.period.modulus(found) + found[REST]
    if found[TOKENS] > MOST_SAMPLE_TOKENS or any(found[each.name] < _least(each) for each in members.symbols):
        return None
    return inside(region, found)


def _programs(members: Family, region: Region, tokens: int, params: Mapping[str, int], at: Instance) -> Iterator[Probe]:
    """What the program itself makes of the shortest lengths in the region, and of small parameters."""
    own = inside(region, _values(members, {**params, TOKENS: tokens}))
    lengths = {1, 2, 3}
    assert own is not None, "the region is around the program"
    for edge in _edges(members, region):
        slopes = dict(edge.gap.terms)
        if slopes.get(TOKENS) == 1:
            lengths.add(tokens - edge.gap(own))
        elif region.period is not None and slopes.get(QUOTIENT) == 1:
            lengths.add(tokens - edge.gap(own) * region.period.modulus(own))
    draws = random.Random(0)
    small = [
        {name: draws.randint(0, most) for name in sorted(params)} | {TOKENS: draws.randint(1, 4 * most)}
        for most in (5, 16)
        for _ in range(PROGRAMS)
    ]
    here, frozen = {**params, TOKENS: tokens}, dict(members.frozen)
    points = [*({**here, TOKENS: length} for length in sorted(lengths)), *({**each, **frozen} for each in small)]
    for point in points:
        values = inside(region, _values(members, point))
        if values is None:
            continue
        length = point.pop(TOKENS)
        relation = at(length, point)
        pairs = None if relation is None or isinstance(relation, Apart) else pairs_of(relation, length)
        if pairs is not None:
            yield Probe(values, pairs)


def _values(members: Family, point: Mapping[str, int]) -> dict[str, int]:
    """The symbols, and n, for the program with these parameters."""
    values = {TOKENS: point[TOKENS]}
    for each in members.symbols:
        name = each.name.removesuffix("//2")
        values[each.name] = each.value if each.literal else point[name] // 2 if name != each.name else point[name]
    return values
