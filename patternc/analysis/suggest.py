"""Suggestions: what would make a model that is right cheaper, or connect it sooner, each tried before it is given.

For: the advice of a report, which is no warning: nothing is wrong. A suggestion names a number that was written, says
what another one gives at this length, exactly, and keeps every expectation. The numbers tried, and how often reach is
asked, are bounded, so that what is said never depends on the machine. Not for: mistakes and costs that are warned of
(`advice.py`), or predictions (`codegen/crossing.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.elaborate import Elaborated, elaborate
from patternc.analysis.advice import MOST_COMPUTED
from patternc.analysis.expectations import Verdict, judge
from patternc.analysis.facts import Facts, program_facts
from patternc.analysis.knobs import Knob, knobs, turned
from patternc.analysis.operators import NoOperator
from patternc.analysis.presburger_text import grouped
from patternc.analysis.proof import Proof
from patternc.analysis.sight import blind
from patternc.analysis.suggestion import Suggestion
from patternc.analysis.tile_counts import occupied_tiles
from patternc.grammar import typed

MOST_KNOBS = 4
NEAR = 8
"""Distances on either side that are tried one by one; further ones in sixteenths of the distance."""
MOST_SWEEPS = 2
"""How often a full answer about reach is asked for, beside what a glance dismisses."""
LONGEST_TRIED = 1 << 16
"""Longer sequences take too long to try anything on."""
MOST_PLANNED = 4
"""Distinct patterns up to which another block size is planned."""
LONGEST_DRAWN = 1 << 14
"""And longer ones have too many tiles of neighbours to count those that nobody computes."""
WORTHWHILE = 10
"""Per cent of the computed pairs that another block saves at least."""


def suggest(
    program: typed.Program, elaborated: Elaborated, facts: Facts, verdicts: Sequence[Verdict]
) -> tuple[Suggestion, ...]:
    """The advice about a program at its length; `facts` are its figures, with the tiles of its plan.

    Nothing is tried on a program whose expectations fail: what does not hold is said first.
    """
    asked = _Asked(program, elaborated, facts)
    turnable = knobs(program, elaborated)[:MOST_KNOBS]
    found = [*_beyond(facts), *_on_classes(facts)]
    good = all(verdict.holds for verdict in verdicts) and facts.schedule.tokens <= LONGEST_TRIED
    if good and turnable and asked.repeatable:
        found += _sooner(asked, [each for each in turnable if each.role == "distance"])
        found += _blocks(asked, [each for each in turnable if each.role == "block"])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Asked:
    program: typed.Program
    elaborated: Elaborated
    facts: Facts

    def turned(self, knob: Knob, value: int) -> tuple[Elaborated, Facts] | None:
        """The model with another value of a knob; None where that is a mistake, or changes more than its patterns."""
        schedule = self.facts.schedule
        program, elaborated = turned(self.program, self.given, knob, value, schedule.tokens, schedule.head_dim)
        other = elaborated.schedule
        if other is None or (other.layers, other.heads) != (schedule.layers, schedule.heads):
            return None
        return elaborated, program_facts(program, elaborated, self.facts.tiles)

    @property
    def given(self) -> Mapping[str, int]:
        """The parameters that were given from outside."""
        return {} if self.facts.origin is None else self.facts.origin.given

    @property
    def repeatable(self) -> bool:
        """Whether the program and the numbers given from outside are all there is: a list given is not known here."""
        schedule = self.facts.schedule
        return elaborate(self.program, schedule.tokens, self.given, schedule.head_dim).schedule == schedule


# -- connected sooner -------------------------------------------------------------------------------------------------


def _sooner(asked: _Asked, distances: list[Knob]) -> Iterator[Suggestion]:
    """The nearest other distance that connects the model, or connects it in fewer layers."""
    facts = asked.facts
    reach, layers = facts.reach, facts.schedule.layers
    if not reach.exact or reach.depth in (1, 2):  # one layer that connects is dense attention
        return
    fewer = layers if reach.depth is None else reach.depth - 1
    best: tuple[tuple[int, int], Knob, int, Facts] | None = None
    for knob in distances:
        found = _nearest(asked, knob, fewer)
        if found is not None:
            change = abs(found[0] - knob.value), found[1].counts.total
            best = (change, knob, *found) if best is None or change < best[0] else best
    if best is None:
        return
    _, knob, value, other = best
    depth = other.reach.depth
    assert depth is not None
    now = f"does not connect in its {layers} layers" if reach.depth is None else f"connects in {reach.depth} layers"
    text = (
        f"the schedule {now}; in {depth} with {knob.described(value)}, and {other.counts.total:,} pairs "
        f"instead of {facts.counts.total:,}"
    )
    yield Suggestion("depth", text, knob.label, None if knob.name is None else (knob.name, value))


def _nearest(asked: _Asked, knob: Knob, fewer: int) -> tuple[int, Facts] | None:
    """The nearest value that connects in `fewer` layers, of those tried, and those nearer than that on its side."""
    found = _first(asked, knob, fewer, _around(knob.value, asked.facts.schedule.tokens))
    if found is None or abs(found[0] - knob.value) <= NEAR:
        return found
    sign = 1 if found[0] > knob.value else -1
    gap = range(knob.value + sign * (NEAR + 1), found[0], sign)[-(knob.value // 16) :]
    return _first(asked, knob, fewer, gap) or found


def _first(asked: _Asked, knob: Knob, fewer: int, values: Iterable[int]) -> tuple[int, Facts] | None:
    sweeps = 0
    for value in values:
        tried = asked.turned(knob, value)
        if tried is None:
            continue
        elaborated, facts = tried
        try:
            if blind(facts.layers[:fewer], facts.schedule.tokens, both_ways=not facts.schedule.causal):
                continue
            sweeps += 1
            if sweeps > MOST_SWEEPS:
                return None
            depth = facts.reach.depth
        except NoOperator:
            return None
        if depth is not None and depth <= fewer and _keeps(elaborated, facts):
            return value, facts
    return None


def _around(value: int, tokens: int) -> list[int]:
    """Other values to try, the nearest first, of two as near the smaller one."""
    steps = {*range(1, NEAR + 1), *(value * part // 16 for part in range(1, 17))} - {0}
    values = {value + sign * step for step in steps for sign in (-1, 1)}
    return sorted((each for each in values if 1 <= each <= tokens), key=lambda each: (abs(each - value), each))


def _keeps(elaborated: Elaborated, facts: Facts) -> bool:
    """Whether every expectation holds."""
    return all(verdict.holds for verdict in judge(elaborated.expectations, facts))


# -- cheaper blocks ---------------------------------------------------------------------------------------------------


def _blocks(asked: _Asked, blocks: list[Knob]) -> Iterator[Suggestion]:
    """Half or twice a block size, where the plan then computes less, and the model connects as soon as it did."""
    reach = asked.facts.reach
    if not reach.exact or reach.depth is None or len(asked.facts.schedule.patterns) > MOST_PLANNED:
        return
    before = _computed(asked.facts)
    for knob in blocks:
        better: tuple[int, int] | None = None
        for value in (knob.value // 2, knob.value * 2):
            tried = asked.turned(knob, value) if 1 <= value <= asked.facts.schedule.tokens else None
            if tried is None:
                continue
            elaborated, facts = tried
            try:
                computed, depth = _computed(facts), facts.reach.depth
            except TileBudgetError:
                continue
            kept = depth is not None and depth <= reach.depth and _keeps(elaborated, facts)
            if kept and computed * 100 <= before * (100 - WORTHWHILE) and (better is None or computed < better[1]):
                better = value, computed
        if better is not None:
            value, computed = better
            text = (
                f"block {value} instead of {knob.value} saves {1 - computed / before:.0%}: {computed:,} pairs are "
                f"computed instead of {before:,}, and it connects as soon"
            )
            yield Suggestion("block", text, knob.label, None if knob.name is None else (knob.name, value))


def _computed(facts: Facts) -> int:
    """Pairs that the tiles of all layers and heads hold."""
    return sum(facts.computed[at].computed for row in facts.schedule.table for at in row)


# -- longer sequences -------------------------------------------------------------------------------------------------


def _on_classes(facts: Facts) -> Iterator[Suggestion]:
    """Patterns that would waste most of what tiles of neighbours compute, and do not as the plan has them."""
    if facts.schedule.tokens > LONGEST_DRAWN:
        return
    for pattern, computed in zip(facts.schedule.patterns, facts.computed, strict=True):
        planned = computed.computed_over_useful
        if planned is None or planned > MOST_COMPUTED:
            continue
        try:
            held = occupied_tiles(pattern.relation, facts.schedule.tokens, computed.rows, computed.columns)
        except TileBudgetError:
            continue
        ratio = held.tiles * computed.rows * computed.columns / computed.pairs
        if ratio > MOST_COMPUTED:
            text = (
                f"`{pattern.text}` would waste most of its tiles of {computed.rows} x {computed.columns} neighbours, "
                f"{ratio:,.1f} pairs for each one that counts, but does not as it is planned: {float(planned):,.1f}"
            )
            yield Suggestion("classes", text)


def _beyond(facts: Facts) -> Iterator[Suggestion]:
    """Where a model that is connected at this length would not be at another one, as the proof says."""
    proof = facts.proof
    if not isinstance(proof, Proof) or proof.undrawn or proof.here.incomplete is None or not facts.reach.complete:
        return
    statement = proof.here
    first = statement.missing[0] if statement.missing else None
    pair = "" if first is None else f" ({grouped(first.query)}, {grouped(first.key)})" if not first.where else ""
    condition = grouped(statement.incomplete or "")
    since = re.fullmatch(r"n >= ([\d,]+)", condition)
    when = f"from n = {since[1]} on" if since else f"where {condition}"
    count = facts.schedule.layers
    layers = "its layer leaves" if count == 1 else f"its {count} layers leave"
    what = f"{pair} unconnected" if pair else " pairs unconnected"
    text = f"{layers}{what} {when}, as is proved; at {facts.schedule.tokens:,} tokens everything is connected"
    yield Suggestion("length", text)
