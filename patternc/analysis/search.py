"""Search: which choices are on the frontier of two objectives, among those that meet every expectation.

Choices are looked at in ascending order of the first objective. A later one is on the frontier only if it has less of
the second than all before it, so that most are dismissed by that, and those alone are judged that are not. (Ordered by
pairs, whatever a choice contains comes before it: that more pairs connect more leaves nothing to be dismissed.)

For: `patternc design`. Exact: nothing is sampled, and what is not known is not feasible. Not for: times, which come
from plans and are asked for, or programs (`patternc/designer.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.choices import Chosen
from patternc.algebra.expectation import Connected, Expectation
from patternc.algebra.schedule import Schedule
from patternc.analysis.design import UNCONNECTED, Excluded, Objective, Tried
from patternc.analysis.expectations import judge
from patternc.analysis.expression import Formula, value
from patternc.analysis.facts import Facts
from patternc.analysis.operators import NoOperator
from patternc.analysis.reach import layer_relations
from patternc.analysis.rows import empty_rows
from patternc.analysis.sight import blind
from patternc.diagnostics import Label

MOST_FORMULAS = 8
"""How often a closed form is looked for: each holds for a part of the choices."""
SPREAD = 3
"""At how many of the choices that a closed form serves it is held against an exact count, beside those shown."""

Watch = Callable[[int], None]
"""Called with the number of choices that are done."""
Reason = tuple[str, Label | None]


@dataclass(frozen=True, slots=True)
class Member:
    """The program with one choice. `facts` are found anew at each call: those of a thousand are too much to keep."""

    chosen: Chosen
    schedule: Schedule
    expectations: tuple[Expectation, ...]
    facts: Callable[[], Facts]
    seconds: Callable[[], float | None]


@dataclass(slots=True)
class Measured:
    """The first objective of all members where it is known, with how that was found."""

    known: list[tuple[float, Member]] = field(default_factory=list[tuple[float, Member]])
    unknown: list[tuple[Member, Reason]] = field(default_factory=list[tuple[Member, Reason]])
    by_formula: int = 0
    checks: int = 0


@dataclass(slots=True)
class Walked:
    """What a walk over the choices has found so far."""

    frontier: list[tuple[float, float, Member]] = field(default_factory=list[tuple[float, float, Member]])
    tried: list[Tried] = field(default_factory=list[Tried])
    excluded: dict[Reason, int] = field(default_factory=dict[Reason, int])
    judged: int = 0

    def rule_out(self, reasons: Sequence[Reason]) -> None:
        """Count one choice with the reasons against it."""
        for reason in dict.fromkeys(reasons):
            self.excluded[reason] = self.excluded.get(reason, 0) + 1

    @property
    def reasons(self) -> tuple[Excluded, ...]:
        """What rules choices out, most first."""
        ordered = sorted(self.excluded.items(), key=lambda item: -item[1])
        return tuple(Excluded(text, label, count) for (text, label), count in ordered)


# -- figures ----------------------------------------------------------------------------------------------------------


def figure(objective: Objective, facts: Facts, seconds: Callable[[], float | None]) -> float | Reason:
    """An objective of one member, or why it is not known."""
    try:
        match objective:
            case "pairs":
                return facts.counts.total
            case "cache":
                return facts.cache.most
            case "depth":
                found = facts.reach
                if not found.exact:
                    return (f"the depth is not known: {found.method}", None)
                return UNCONNECTED if found.depth is None else found.depth
            case "time":
                predicted = seconds()
                return ("there is no prediction of time", None) if predicted is None else predicted
            case _:
                assert_never(objective)
    except (TileBudgetError, NoOperator) as error:
        return (f"{objective} not known: {error}", None)


def measure(members: Sequence[Member], objective: Objective, watch: Watch, *, closed_forms: bool = True) -> Measured:
    """The first objective of every member, ascending; pairs by closed forms where there are any."""
    measured = Measured()
    found: list[tuple[float, Member]] = []
    forms: list[_Form] = []
    tries = MOST_FORMULAS if closed_forms and objective == "pairs" else 0
    for done, member in enumerate(members):
        watch(done)
        values = {"n": member.schedule.tokens, **dict(member.schedule.params)}
        for form in forms:
            counted = value(form.formula, values)
            if counted is not None:
                form.serves.append((counted, member))
                found.append((counted, member))
                break
        else:
            facts = member.facts()
            own = figure(objective, facts, member.seconds)
            if isinstance(own, tuple):
                measured.unknown.append((member, own))
                continue
            found.append((own, member))
            if tries:
                tries -= 1
                formula = facts.formula
                if formula is not None and value(formula, values) == own:
                    forms.append(_Form(formula))
    for form in forms:
        if not form.holds(measured):
            return measure(members, objective, watch, closed_forms=False)
        measured.by_formula += len(form.serves)
    measured.known = sorted(found, key=lambda each: (each[0], each[1].chosen))
    return measured


@dataclass(slots=True)
class _Form:
    """A closed form, and the members whose pairs are from it."""

    formula: Formula
    serves: list[tuple[int, Member]] = field(default_factory=list[tuple[int, Member]])

    def holds(self, measured: Measured) -> bool:
        """Whether exact counts of a few of those it serves, the first and the last among them, are the same."""
        last = len(self.serves) - 1
        for at in sorted({last * part // (SPREAD - 1) for part in range(SPREAD)} if last >= 0 else ()):
            counted, member = self.serves[at]
            if member.facts().counts.total != counted:
                return False
            measured.checks += 1
        return True


# -- the walk ---------------------------------------------------------------------------------------------------------


def walk(measured: Measured, second: Objective, watch: Watch) -> Iterator[Walked]:
    """The frontier, choice by choice: the same value again and again, with one more choice done."""
    walked = Walked()
    for _, reason in measured.unknown:
        walked.rule_out([reason])
        walked.judged += 1
    yield walked
    for done, (first, member) in enumerate(measured.known):
        watch(done)
        _visit(walked, first, member, second)
        yield walked


def _visit(walked: Walked, first: float, member: Member, second: Objective) -> None:
    best = walked.frontier[-1][1] if walked.frontier else None
    if best is not None and second == "depth" and _deeper(member, best):
        return
    facts = member.facts()
    other: float | Reason | None = None
    if best is not None or second != "depth":  # otherwise judging it finds the depth, or that it does not matter
        other = figure(second, facts, member.seconds)
        if best is not None and not isinstance(other, tuple) and other >= best:
            walked.tried.append(Tried(member.chosen, first, other, meets=None))
            return
    walked.judged += 1
    reasons = list(_against(member, facts))
    if reasons:
        walked.rule_out(reasons)
        walked.tried.append(Tried(member.chosen, first, None if isinstance(other, tuple) else other, meets=False))
        return
    if other is None:
        other = figure(second, facts, member.seconds)
    if isinstance(other, tuple):
        walked.rule_out([other])
        walked.tried.append(Tried(member.chosen, first, None, meets=None))
        return
    if walked.frontier and walked.frontier[-1][0] == first:
        walked.frontier.pop()  # as much of the first, more of the second
    walked.frontier.append((first, other, member))
    walked.tried.append(Tried(member.chosen, first, other, meets=True))


def _deeper(member: Member, best: float) -> bool:
    """Whether a glance shows that a member does not connect in fewer layers than `best`."""
    layers = layer_relations(member.schedule)
    fewer = len(layers) if best == UNCONNECTED else int(best) - 1
    if fewer == 0:
        return True
    try:
        return blind(layers[:fewer], member.schedule.tokens, both_ways=not member.schedule.causal)
    except NoOperator:
        return False


def _against(member: Member, facts: Facts) -> Iterator[Reason]:
    """What rules a member out."""
    schedule = member.schedule
    try:
        if not schedule.allow_empty and any(
            empty_rows(pattern.relation, schedule.tokens) is not None for pattern in schedule.patterns
        ):
            yield ("a query attends nothing", None)
    except TileBudgetError as error:
        yield (str(error), None)
    for expected in member.expectations:
        if isinstance(expected, Connected) and _refuted(expected, facts):
            yield (expected.text, expected.label)
            continue
        (verdict,) = judge([expected], facts)
        if verdict.holds is None:
            yield (f"{expected.text} (not known)", expected.label)
        elif not verdict.holds:
            yield (expected.text, expected.label)


def _refuted(expected: Connected, facts: Facts) -> bool:
    """Whether a glance shows that the first layers do not connect, where finding out for certain takes a sweep."""
    both_ways = facts.target == "all" and not expected.to_past
    try:
        return blind(facts.layers[: expected.layers], facts.schedule.tokens, both_ways)
    except NoOperator:
        return False
