"""Designing: from a program whose parameters are lists to the best numbers in them.

For: `patternc.design` and `patternc design`: making the members of the family, one for each way to choose, and saying
what was found. Not for: the search itself (`analysis/search.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import SupportsIndex

from patternc.algebra.choices import Chosen, all_choices, choices, choose
from patternc.algebra.elaborate import Elaborated, elaborate
from patternc.analysis.design import OBJECTIVES, Design, Excluded, Objective, Point, Tried
from patternc.analysis.facts import Facts, program_facts
from patternc.analysis.operators import NoOperator
from patternc.analysis.search import Measured, Member, Walked, measure, walk
from patternc.analysis.stages import stage
from patternc.arguments import Given, GivenParam, check_target, overrides_of, source_of, whole_number
from patternc.codegen.explain import predicted
from patternc.codegen.plan import Dtype
from patternc.codegen.predict import device_of
from patternc.compiler import DEFAULT_TARGET, analyse
from patternc.diagnostics import Diagnostic, PatternError, has_errors, ordered
from patternc.grammar import typed
from patternc.grammar.check import check as check_names
from patternc.grammar.overrides import overridden
from patternc.grammar.parse import parse
from patternc.program import Program
from patternc.source import Source, Span

MOST_CHOICES = 4096
"""How many ways to choose are tried: a grid, whatever each takes."""


def design(
    source: Given,
    *,
    minimise: Sequence[Objective] | Objective = ("pairs", "depth"),
    tokens: SupportsIndex | None = None,
    params: Mapping[str, GivenParam] | None = None,
    head_dim: SupportsIndex | None = None,
    dtype: Dtype = "bfloat16",
    target: str = DEFAULT_TARGET,
) -> Design:
    """Choose the parameters of a pattern that are lists of numbers.

    Args:
        source: path of a pattern file, or the text itself, as for `compile`. A parameter to be chosen is written as a
            list where the pattern needs a number: `param k = 16..1024`.
        minimise: one or two of "pairs", "time", "cache" and "depth". The first decides what is best, both make the
            frontier; the second is "depth" unless it is said, or "pairs" where that is the first.
        tokens: the length n; overrides the model's.
        params: parameter overrides; a range, a list or text such as "16..1024 step 16" for a number is to choose from.
        head_dim: size of a head; overrides the model's. Times depend on it: they are for 64 where nothing says it.
        dtype: as for `compile`.
        target: as for `compile`; what times are predicted for.

    Raises:
        PatternError: the pattern is wrong, there is nothing to choose or too much, or no choice meets the expectations.
        ValueError: an objective, `dtype` or `target` there is none of.
        TypeError: another argument is of none of these types.
    """
    found = explore(
        source, minimise=minimise, tokens=tokens, params=params, head_dim=head_dim, dtype=dtype, target=target
    )
    if found.best is None:
        raise PatternError([nothing_meets(found)])
    return found


def explore(
    source: Given,
    *,
    minimise: Sequence[Objective] | Objective = ("pairs", "depth"),
    tokens: SupportsIndex | None = None,
    params: Mapping[str, GivenParam] | None = None,
    head_dim: SupportsIndex | None = None,
    dtype: Dtype = "bfloat16",
    target: str = DEFAULT_TARGET,
    partial: bool = False,
) -> Design:
    """As `design`; where nothing is feasible, that is in the value.

    `partial`: KeyboardInterrupt ends the search, and the value has what was found until then.
    """
    objectives = _objectives(minimise, target)
    check_target(dtype, target)
    family = _family(source, whole_number("tokens", tokens), params, whole_number("head_dim", head_dim), dtype, target)
    measured, walked, interrupted = Measured(), Walked(), False
    total = len(family.members)
    try:
        measured = measure(family.members, objectives[0], lambda done: stage(f"{objectives[0]}: {done:,} of {total:,}"))
        for each in walk(measured, objectives[1], lambda done: stage(f"judging {done:,} of {total:,} choices")):
            walked = each
    except KeyboardInterrupt:
        if not partial:
            raise
        interrupted = True
    frontier = tuple(family.point(member) for _, _, member in walked.frontier)
    best = frontier[0] if frontier else None
    if best is not None:
        family.verify(best)
    return Design(
        model=family.model.name,
        tokens=family.members[0].schedule.tokens,
        causal=family.model.causal,
        objectives=objectives,
        lists=family.lists,
        expectations=tuple(each.text for each in family.program.expectations),
        choices=total + sum(each.count for each in family.wrong),
        judged=walked.judged,
        excluded=(*walked.reasons, *family.wrong),
        tried=_tried(measured, walked),
        best=best,
        frontier=frontier,
        by_formula=measured.by_formula,
        checks=measured.checks + (len(frontier) if measured.by_formula else 0),
        device=None if (device := device_of(target)) is None else device.name,
        proof=None if best is None else family.facts(best.chosen).proof,
        interrupted=interrupted,
    )


def nothing_meets(found: Design) -> Diagnostic:
    """The error of a search that found nothing: what rules the choices out, and how many."""
    labels = [
        replace(each.label, text=f"{f'{each.code} ' if each.code else ''}rules out {each.count:,}", primary=False)
        for each in found.excluded
        if each.label is not None
    ]
    labels[:1] = [replace(label, primary=True) for label in labels[:1]]
    notes = [f"{each.text}: {each.count:,} of {found.choices:,}" for each in found.excluded if each.label is None]
    tried = "the only choice is" if found.choices == 1 else f"none of the {found.choices:,} choices is"
    message = f"{tried} legal and meets every expectation"
    if found.interrupted:
        message = f"interrupted after {found.judged:,} of {found.choices:,} choices, none of which is good"
    return Diagnostic("PA607", message, tuple(labels), tuple(notes))


def _objectives(minimise: Sequence[Objective] | Objective, target: str) -> tuple[Objective, Objective]:
    given = (minimise,) if isinstance(minimise, str) else tuple(minimise)
    for each in given:
        if each not in OBJECTIVES:
            raise ValueError(f"what can be minimised is {', '.join(OBJECTIVES)}; got {each!r}")
    if not 1 <= len(given) <= 2 or len(set(given)) < len(given):
        raise ValueError(f"minimise one thing, or two different ones; got {', '.join(given) or 'none'}")
    if "time" in given and target == "cpu":
        raise ValueError("there are no predictions of time for cpu: minimise pairs or cache, or say another target")
    if len(given) == 2:
        return given[0], given[1]
    return given[0], "pairs" if given[0] == "depth" else "depth"


def _tried(measured: Measured, walked: Walked) -> tuple[Tried, ...]:
    """All choices whose first objective is known; nothing was asked of those that cannot be on the frontier."""
    looked_at = {each.chosen: each for each in walked.tried}
    every = ((first, member.chosen) for first, member in measured.known)
    return tuple(looked_at.get(chosen, Tried(chosen, first, None, None)) for first, chosen in every)


# -- the members ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Family:
    """The program with each of the ways to choose that are no mistake; `wrong` counts the others by their mistake."""

    source: Source
    params: Mapping[str, GivenParam]
    program: typed.Program
    model: typed.Model
    lists: tuple[tuple[str, tuple[int, ...]], ...]
    tokens: int | None
    overrides: dict[str, int | tuple[int, ...]]
    head_dim: int | None
    dtype: Dtype
    target: str
    members: list[Member] = field(default_factory=list[Member])
    wrong: tuple[Excluded, ...] = ()

    def elaborated(self, chosen: Chosen) -> tuple[typed.Program, Elaborated]:
        """The program with a choice, and what it says."""
        program = choose(self.program, dict(chosen))
        return program, elaborate(program, self.tokens, self.overrides, self.head_dim)

    def facts(self, chosen: Chosen) -> Facts:
        """The figures of a member."""
        return program_facts(*self.elaborated(chosen))

    def compiled(self, chosen: Chosen) -> Program:
        """A member as everybody else compiles it."""
        program, elaborated = self.elaborated(chosen)
        assert elaborated.schedule is not None, "members have schedules"
        return Program(program, elaborated, elaborated.schedule, self.dtype, self.target, elaborated.diagnostics)

    def seconds(self, chosen: Chosen) -> float | None:
        """The predicted time of the forward pass of a member."""
        times = predicted(self.compiled(chosen).figures)
        return None if times is None else float(times.forward)

    def member(self, chosen: Chosen, elaborated: Elaborated) -> Member:
        """A way to choose that is no mistake."""
        assert elaborated.schedule is not None
        return Member(
            chosen,
            elaborated.schedule,
            elaborated.expectations,
            lambda: self.facts(chosen),
            lambda: self.seconds(chosen),
        )

    def verify(self, best: Point) -> None:
        """Hold a point against what everybody gets who compiles the pattern with its parameters."""
        program, failures = analyse(
            self.source,
            tokens=self.tokens,
            params={**self.params, **dict(best.chosen)},
            head_dim=self.head_dim,
            dtype=self.dtype,
            target=self.target,
        )
        assert not failures, f"{best.chosen} fails where it was found to hold: {failures[0].message}"
        assert program.facts.counts.total == best.pairs, f"{best.chosen} has other pairs than were found"

    def point(self, member: Member) -> Point:
        """All figures of a member, from the ordinary analysis."""
        program = self.compiled(member.chosen)
        times, reach = predicted(program.figures), program.facts.reach
        try:
            cache = program.facts.cache.most
        except NoOperator:
            cache = None
        return Point(
            chosen=member.chosen,
            depth=reach.depth,
            connected=reach.complete,
            pairs=program.facts.counts.total,
            forward_seconds=None if times is None else float(times.forward),
            backward_seconds=None if times is None else float(times.backward),
            cache=cache,
        )


def _family(
    source: Given,
    tokens: int | None,
    params: Mapping[str, GivenParam] | None,
    head_dim: int | None,
    dtype: Dtype,
    target: str,
) -> _Family:
    """All ways to choose. Raises PatternError for what is wrong whatever is chosen."""
    read = source_of(source)
    checked = check_names(parse(read))
    program, overrides, wrong = overridden(checked.program, overrides_of(params), choosing=True)
    diagnostics = (*checked.diagnostics, *wrong)
    if has_errors(diagnostics):
        raise PatternError(ordered(diagnostics))
    if program.model is None:
        raise PatternError(elaborate(program, tokens, overrides, head_dim).diagnostics)
    ways = all_choices(program, tokens, MOST_CHOICES)
    lists = tuple((each.name, tuple(sorted({dict(way)[each.name] for way in ways}))) for each in choices(program))
    family = _Family(read, params or {}, program, program.model, lists, tokens, overrides, head_dim, dtype, target)
    mistakes: dict[tuple[str, Span | None], Excluded] = {}
    shown: tuple[Diagnostic, ...] = ()
    for chosen in ways:
        _, elaborated = family.elaborated(chosen)
        if elaborated.schedule is not None:
            family.members.append(family.member(chosen, elaborated))
            continue
        errors = tuple(each for each in elaborated.diagnostics if has_errors([each]))
        shown, error = shown or errors, errors[0]
        key = error.code, None if error.primary is None else error.primary.span
        before = mistakes.get(key, Excluded(error.message, error.primary, 0, error.code))
        mistakes[key] = replace(before, count=before.count + 1)
    if not family.members:
        raise PatternError(shown)
    family.wrong = tuple(mistakes.values())
    return family
