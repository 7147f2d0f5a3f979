"""Formulas: the pairs of a pattern in closed form, found and checked.

For: looking for the polynomial that counts a pattern's family (`chamber.py`) and holding it against exact counts at the
compiled length and at others, of the program itself where it can be asked. A formula that fails one check is not a
formula: None. Not for: proofs, or text (`expression.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import lcm

from patternc.algebra.relation import (
    Band,
    Blocks,
    Chunk,
    Columns,
    Difference,
    Intersection,
    Relation,
    Residue,
    Rows,
    Slice,
    Union,
    Within,
)
from patternc.algebra.schedule import Schedule
from patternc.analysis.chamber import Counted, count_family, exact_count
from patternc.analysis.count import Counts
from patternc.analysis.expression import Formula, added, express
from patternc.analysis.family import APART, TOKENS, Affine, Apart, Family, Instance, family
from patternc.analysis.fit import Polynomial, fit
from patternc.analysis.probe import inside, pairs_of, probed
from patternc.analysis.region import QUOTIENT, Period, Region
from patternc.analysis.template import draws, reseeded

HELD_OUT_LENGTHS = 2
"""Lengths near the compiled one at which a formula is checked, where its region has them."""
REDRAWN_TOKENS, REDRAWS = 640, 4
"""How often, and at which length at most, a random pattern is drawn anew to see whether its count changes."""
FEWEST_LENGTHS = 6
"""Exact counts that a polynomial in the length alone must meet; three determine it."""
FIRST_TRIED = 16
"""Such a polynomial is looked for at this part of the length first, where counting takes less, then at the length."""
LENGTHS_BELOW = 4
"""Lengths tried whenever the range of such a polynomial grows downwards, beside the two lowest."""

Instantiate = Callable[[int, Mapping[str, int]], Schedule | None]
"""The same program at another length with these parameters; None where it has none (an id out of range, say)."""


def find_formula(
    relation: Relation, tokens: int, pairs: int, params: Mapping[str, int], at: Instance | None
) -> Formula | None:
    """The formula of a pattern that has `pairs` pairs at length `tokens`; None where none is found.

    `at` gives the same pattern at other lengths and parameters. Without it the relation's own numbers stand in the
    formula, and there is none for patterns whose ids may be counted from the end.
    """
    members = family(relation, tokens, params, at)
    if members is None or _by_chance(relation, tokens):
        return None
    counted = count_family(members, tokens, pairs)
    if counted is not None and _holds_elsewhere(members, counted, tokens, params, at):
        counted = probed(members, counted, tokens, params, at)
        if counted is not None:
            return express(members, counted)
    if members.follows_length or draws(relation):
        return None
    alone = members.constant()
    counted = _count_lengths(alone, tokens, pairs, params, at)
    return None if counted is None else express(alone, counted)


def _by_chance(relation: Relation, tokens: int) -> bool:
    """Whether the count depends on what is drawn: then there is no formula to look for."""
    length = min(tokens, REDRAWN_TOKENS)
    counts = {exact_count(reseeded(relation, (seed,)), length) for seed in range(REDRAWS)} if draws(relation) else {0}
    return len(counts) > 1


def formulas(schedule: Schedule, counts: Counts, at: Instantiate | None) -> tuple[Formula | None, ...]:
    """The formula of every distinct pattern of a schedule, beside `schedule.patterns`."""
    params = dict(schedule.params)
    known: dict[tuple[int, tuple[tuple[str, int], ...]], Schedule | None] = {}

    def instance(tokens: int, values: Mapping[str, int]) -> Schedule | None:
        assert at is not None
        key = tokens, tuple(values.items())
        if key not in known:
            known[key] = at(tokens, values)
        return known[key]

    def branch_of(index: int, branch: int) -> Instance | None:
        places = [
            (layer, head) for layer, row in enumerate(schedule.table) for head, of in enumerate(row) if of == index
        ]

        def same(tokens: int, values: Mapping[str, int]) -> Relation | Apart | None:
            other = instance(tokens, values)
            if other is None:
                return None
            if (other.layers, other.heads) != (schedule.layers, schedule.heads):
                return APART
            now = {other.table[layer][head] for layer, head in places}
            if len(now) > 1:
                return APART
            branches = other.patterns[now.pop()].relations
            return branches[branch] if len(branches) == len(schedule.patterns[index].branches) else APART

        return None if at is None else same

    def formula_of(index: int) -> Formula | None:
        """That of a sum adds up those of its branches."""
        found = [
            find_formula(relation, schedule.tokens, pairs, params, branch_of(index, branch))
            for branch, (relation, pairs) in enumerate(
                zip(schedule.patterns[index].relations, counts.patterns[index].branches, strict=True)
            )
        ]
        known = [(1, formula) for formula in found if formula is not None]
        return None if len(known) < len(found) else known[0][1] if len(known) == 1 else added(known)

    return tuple(formula_of(index) for index in range(len(schedule.patterns)))


def total_formula(schedule: Schedule, found: Sequence[Formula | None]) -> Formula | None:
    """The pairs of all layers and heads; None where a pattern has no formula."""
    times = Counter(at for row in schedule.table for at in row)
    known = [(times[at], formula) for at, formula in enumerate(found) if formula is not None]
    return added(known) if len(known) == len(found) else None


def _count_lengths(
    members: Family, tokens: int, pairs: int, params: Mapping[str, int], at: Instance | None
) -> Counted | None:
    """The polynomial in the length alone, for lengths with the same remainder; for relations with fixed numbers."""
    modulus = _common_size(members.relation)
    rest = tokens % modulus
    region = Region((), Period(Affine(modulus), Affine(rest)), 0, 1, whole=True)
    known: dict[int, int | None] = {tokens // modulus: pairs}

    def exact(periods: int) -> int | None:
        if periods not in known:
            length = rest + periods * modulus
            relation = members.member({TOKENS: length}) if at is None else at(length, params)
            known[periods] = None if relation is None or isinstance(relation, Apart) else pairs_of(relation, length)
        return known[periods]

    def found_from(least: int, others: Sequence[int]) -> tuple[Polynomial, int] | None:
        """The polynomial through three counts from `least` on, and how many others it meets: all of them."""
        first = range(least, least + 3)
        counts = [exact(periods) for periods in first] if least >= 1 else [None]
        polynomial = None if None in counts else fit([(each,) for each in first], [each or 0 for each in counts], 2)
        held_out = dict.fromkeys(each for each in others if each not in first)
        if polynomial is None or len(held_out) + len(first) < FEWEST_LENGTHS:
            return None
        agree = all(exact(periods) == polynomial((periods,)) for periods in held_out)
        return (polynomial, len(held_out)) if agree else None

    here = tokens // modulus
    far = (here, here * 3 // 4, here + here // 4 + 3)
    least = here // FIRST_TRIED
    found = found_from(least, (*far, here // 4, here // 2))
    if found is None:
        least = here - 2
        found = found_from(least, (*far, here + 1, here + 2))
    if found is None:
        return None
    polynomial, checks = found
    least = min(least, here * 3 // 4)
    # Below some length another polynomial holds: by quarters, then by halves, as long as this one still does.
    for part in (4, 2):
        while lower := least // part:
            below = {lower, lower + 1, *range(lower, least, max(1, (least - lower) // LENGTHS_BELOW))}
            if any(exact(periods) != polynomial((periods,)) for periods in sorted(below)):
                break
            least, checks = lower, checks + len(below)
    return Counted(polynomial, (QUOTIENT,), replace(region, periods=least), checks)


def _common_size(relation: Relation) -> int:
    """A multiple of all sizes in the relation, those inside blocks taken in tokens."""
    match relation:
        case Band(step=size) | Residue(size, _) | Columns(size, _) | Rows(size, _):
            return size
        case Chunk(sizes):
            return lcm(*sizes)
        case Blocks(size, inner):
            return size * _common_size(inner)
        case Within(size, _):
            return size
        case Slice(_, _, inner):
            return _common_size(inner)
        case Union(parts) | Intersection(parts):
            return lcm(*(_common_size(part) for part in parts))
        case Difference(left, right):
            return lcm(_common_size(left), _common_size(right))
        case _:
            return 1


def _holds_elsewhere(
    members: Family, counted: Counted, tokens: int, params: Mapping[str, int], at: Instance | None
) -> bool:
    """Whether the polynomial counts the pattern at other lengths near the compiled one, as far as there are any."""
    here = {each.name: each.value for each in members.symbols}
    period = counted.region.period
    step = 1 if period is None else period.modulus({**here, TOKENS: tokens})
    checked = 0
    for length in dict.fromkeys((tokens - 1, tokens - step, tokens // 2 + 1, tokens // 2 // step * step)):
        values = inside(counted.region, {**here, TOKENS: length})
        if values is None:
            continue
        relation = members.member(values) if at is None else at(length, params)
        if isinstance(relation, Apart):
            return False
        pairs = None if relation is None else pairs_of(relation, length)
        if pairs is None:
            continue
        if counted.polynomial([values[name] for name in counted.variables]) != pairs:
            return False
        checked += 1
        if checked >= HELD_OUT_LENGTHS:
            break
    return True
