"""The pattern of one head as the terms it was written as.

For: `elaborate.py`: each term's relation with its text, the cut to the past, and the warning that a term adds nothing.
Not for: which head gets which pattern.
"""

from __future__ import annotations

from collections.abc import Sequence

from patternc.algebra import relation as r
from patternc.algebra.construct import called, construct
from patternc.algebra.evaluation import Closure, Evaluation, Frame, Stop
from patternc.algebra.primitives import Place
from patternc.algebra.redundant import covered_by
from patternc.algebra.schedule import Branch, HeadPattern, Term, sum_of
from patternc.diagnostics import Diagnostic, Label
from patternc.grammar import tree, typed
from patternc.grammar.dependencies import has_missing
from patternc.grammar.format import format_expression
from patternc.grammar.written import written

IdRun = tuple[int, int | None, int]
"""(start, stop, step) of a range of ids, or (id, None, 1); negative ones count from the end of where they are used."""

ParamValue = int | tuple[IdRun, ...]
"""What a `param` is at one length."""


def constant(value: ParamValue) -> typed.Number | typed.Ids:
    """The value of a parameter as an expression."""
    if isinstance(value, int):
        return typed.Integer(value)
    items: list[typed.Item] = []
    for start, stop, step in value:
        if stop is None:
            items.append(typed.Single(typed.Integer(start)))
        else:
            by = None if step == 1 else typed.Integer(step)
            items.append(typed.Stretch(typed.Integer(start), typed.Integer(stop), by))
    return typed.Ids(tuple(items))


def head_pattern(
    evaluation: Evaluation, frame: Frame, place: Place, pattern: typed.Pattern
) -> tuple[HeadPattern, tuple[Label, ...]]:
    """What one head attends: branch by branch its terms, cut to the past in a causal model; and where each was written.

    Raises Stop.
    """
    written_branches = [
        (written_branch, _expanded(evaluation, *written_branch, place.n, typed.Union))
        for written_branch in _expanded(evaluation, frame, pattern, place.n, typed.Sum)
    ]
    branches: list[Branch] = []
    for _, written_terms in written_branches:
        terms: list[Term] = []
        for term_frame, term in written_terms:
            try:
                relation = construct(evaluation, term_frame, place, term)
                text = format_expression(_written(term_frame, term))
            except Stop:
                continue
            terms.append(Term(text, _cut(relation) if place.causal else relation))
        if len(terms) == len(written_terms):
            branches.append(Branch(r.union(*(term.relation for term in terms)), tuple(terms)))
    if len(branches) < len(written_branches):
        raise Stop
    for (_, written_terms), branch in zip(written_branches, branches, strict=True):
        _note_redundant(evaluation, written_terms, branch.terms, alone=len(branches) == 1)
    places = tuple(term_frame.label(term.span) for _, terms in written_branches for term_frame, term in terms)
    return sum_of(*branches), places


def _cut(relation: r.Relation) -> r.Relation:
    """The pairs of a relation with j <= i; part by part, so that parts without any disappear."""
    if isinstance(relation, r.Union):
        return r.union(*(r.intersection(r.PAST, part) for part in relation.parts))
    return r.intersection(r.PAST, relation)


def _expanded(
    evaluation: Evaluation, frame: Frame, pattern: typed.Pattern, n: int, joined: type[typed.Sum | typed.Union]
) -> list[tuple[Frame, typed.Pattern]]:
    """The operands of the sum (or union) a pattern is, in the order written, those inside named patterns included."""
    evaluation.enter(frame, pattern.span)
    try:
        evaluation.step(frame, pattern.span)
        match pattern:
            case typed.Sum(parts) | typed.Union(parts) if isinstance(pattern, joined):
                return [each for part in parts for each in _expanded(evaluation, frame, part, n, joined)]
            case typed.NamedPattern(name):
                inner = called(evaluation, frame, n, pattern)
                return _expanded(evaluation, inner, evaluation.patterns[name].body, n, joined)
            case typed.PatternArgument(name):
                closure = frame.argument(name).value
                assert isinstance(closure, Closure)
                return _expanded(evaluation, closure.frame, closure.pattern, n, joined)
            case _:
                return [(frame, pattern)]
    finally:
        evaluation.leave()


_MOST_COMPARED = 64
"""Terms are compared with one another up to this number of them."""


def _note_redundant(
    evaluation: Evaluation, written_terms: Sequence[tuple[Frame, typed.Pattern]], terms: Sequence[Term], *, alone: bool
) -> None:
    """Note of each term whether it adds something to its branch (`alone`: the only one), at the compiled length."""
    if evaluation.clip_ids or not evaluation.length_known:
        return
    relations = [term.relation for term in terms]
    for position, (frame, pattern) in enumerate(written_terms):
        place = frame.source.name, pattern.span
        other = covered_by(position, relations) if len(terms) <= _MOST_COMPARED else None
        if (alone and len(terms) == 1) or (other is None and not isinstance(relations[position], r.Empty)):
            evaluation.useful.add(place)
            continue
        if has_missing(_written(frame, pattern)):
            evaluation.useful.add(place)  # what it would be without the mistake in it, nobody knows
            continue
        labels = [frame.label(pattern.span, "adds nothing")]
        reason = "it has no pairs here"
        if other is not None:
            reason = f"`{terms[other].text}` has all its pairs"
            other_frame, other_pattern = written_terms[other]
            labels.append(other_frame.label(other_pattern.span, "has all its pairs", primary=False))
        message = f"the term `{terms[position].text}` adds nothing: {reason}"
        evaluation.idle.setdefault(place, Diagnostic("PA904", message, tuple(labels)))


def _written(frame: Frame, value: typed.Value) -> tree.Expression:
    """How a value reads with the arguments of named patterns in the place of their parameters."""

    def lookup(name: str) -> tree.Expression:
        argument = frame.argument(name)
        match argument.value:
            case int() as value if _mentions_n(argument.written):
                return written(typed.Integer(value))
            case tuple() as runs if _mentions_n(argument.written):
                return written(constant(tuple((run.start, run.stop, run.step) for run in runs)))
            case int() | tuple() | Closure():
                return _written(argument.frame, argument.written)

    return written(value, lookup)


def _mentions_n(value: typed.Value) -> bool:
    """Whether an argument has n in it, which would mean another length inside a lift."""
    waiting: list[object] = [value]
    while waiting:
        match waiting.pop():
            case typed.Quantity("n") | typed.Powers():
                return True
            case typed.Ids(items):
                waiting.extend(items)
            case typed.Single(operand) | typed.Negative(operand):
                waiting.append(operand)
            case typed.Stretch(start, stop, step):
                waiting += (start, stop, step)
            case typed.Arithmetic(operands) | typed.Function(_, operands):
                waiting.extend(operands)
            case typed.Power(base, exponent):
                waiting += (base, exponent)
            case _:
                pass
    return False
