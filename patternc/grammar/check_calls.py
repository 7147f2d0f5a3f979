"""Matching the arguments of a call with the parameters of what is called.

For: calls of primitives, lifts and declared patterns. Not for: what the arguments are (`check_patterns.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar import tree
from patternc.grammar.scope import Context, Scope, closest
from patternc.source import Span


@dataclass(frozen=True, slots=True)
class Bound:
    """The argument of each parameter that got one, and the direction at the end; `broken` after a mistake."""

    values: dict[str, tree.Expression]
    direction: tree.DirectionArgument | None
    broken: bool


def bind(
    context: Context,
    scope: Scope,
    call: tree.Call,
    by_place: Sequence[str],
    by_name: Sequence[str],
    *,
    direction: bool = False,
    declared: Label | None = None,
    exclusive: Collection[tuple[str, str]] = (),
) -> Bound:
    """Match a call's arguments with the parameters that are given by place and those that have a name.

    `direction`: the call may end in `causal` or `bidirectional`. `declared` points at the declaration, if there is one.
    `exclusive`: parameters that are not given together; the caller reports those that are.
    """
    values: dict[str, tree.Expression] = {}
    problems: list[Diagnostic] = []
    before: tree.NamedArgument | tree.DirectionArgument | None = None
    given: tree.DirectionArgument | None = None
    excess: list[tree.Expression] = []
    for argument in call.arguments:
        match argument:
            case tree.DirectionArgument():
                problem = _direction_problem(scope, call, argument, direction, given)
                before = given = argument
            case tree.NamedArgument():
                problem = _named_problem(scope, call, argument, by_place, by_name, values, given)
                before = argument
                if problem is None:
                    values[argument.name.text] = argument.value
            case _:
                problem = None
                place = next((each for each in by_place if each not in values), None)
                if before is not None and place is not None and any((place, each) in exclusive for each in values):
                    values[place] = argument  # in order or not, it cannot stand beside what was given
                elif before is not None:
                    problem = _misplaced(scope, argument, before)
                elif len(values) < len(by_place):
                    values[by_place[len(values)]] = argument
                elif not isinstance(argument, tree.Missing):
                    excess.append(argument)
        if problem is not None and (problem.code != "PA305" or all(each.code != "PA305" for each in problems)):
            problems.append(problem)
    broken = bool(problems)
    if len(problems) == 1 and problems[0].code == "PA305" and _has_room(call, by_place):
        problems = [replace(problems[0], fix=_reordered(scope, call))]
    context.diagnostics += problems
    if excess:
        broken = True
        span = Span(excess[0].span.start, excess[-1].span.stop)
        context.diagnostics.append(_too_many(scope, call, span, len(by_place), by_name, declared))
    return Bound(values, given, broken)


def _has_room(call: tree.Call, by_place: Sequence[str]) -> bool:
    """Whether the arguments without a name, put first, would take no place that is given by name."""
    named = {each.name.text for each in call.arguments if isinstance(each, tree.NamedArgument)}
    unnamed = len(call.arguments) - sum(
        isinstance(each, tree.NamedArgument | tree.DirectionArgument) for each in call.arguments
    )
    return unnamed <= len(by_place) and named.isdisjoint(by_place[:unnamed])


def _reordered(scope: Scope, call: tree.Call) -> Fix:
    """The arguments in their right order."""

    def rank(argument: tree.Argument) -> int:
        return 2 if isinstance(argument, tree.DirectionArgument) else int(isinstance(argument, tree.NamedArgument))

    text = scope.source.text
    ordered = sorted(call.arguments, key=rank)
    replacement = ", ".join(text[each.span.start : each.span.stop] for each in ordered)
    span = Span(call.arguments[0].span.start, call.arguments[-1].span.stop)
    return scope.fix("put them in order", span, replacement)


def _direction_problem(
    scope: Scope,
    call: tree.Call,
    argument: tree.DirectionArgument,
    legal: bool,
    given: tree.DirectionArgument | None,
) -> Diagnostic | None:
    if not legal:
        return Diagnostic(
            "PA303",
            f"`{call.name.text}` does not take `{argument.direction}`",
            (scope.label(argument.span, "only local, random and neighborhood do"),),
        )
    if given is not None:
        return Diagnostic(
            "PA304",
            "the direction is given twice",
            (scope.label(argument.span, "again here"), scope.label(given.span, "first given here", primary=False)),
        )
    return None


def _named_problem(
    scope: Scope,
    call: tree.Call,
    argument: tree.NamedArgument,
    by_place: Sequence[str],
    by_name: Sequence[str],
    values: dict[str, tree.Expression],
    given: tree.DirectionArgument | None,
) -> Diagnostic | None:
    name = argument.name.text
    if name in values:
        return Diagnostic(
            "PA304",
            f"the argument `{name}` is given twice",
            (
                scope.label(argument.span, "again here"),
                scope.label(values[name].span, "first given here", primary=False),
            ),
        )
    if name not in by_name:
        fix: Fix | None = None
        notes: tuple[str, ...] = ()
        unnamed = [each for each in by_place if each not in by_name]
        if len(values) < len(unnamed) and closest(name, by_name) is None:
            notes = (f"the {unnamed[len(values)]} of `{call.name.text}` is given without a name",)
            fix = scope.fix("leave the name out", Span(argument.span.start, argument.value.span.start), "")
        elif (suggestion := closest(name, by_name)) is not None:
            fix = scope.fix(f"did you mean `{suggestion}`?", argument.name.span, suggestion)
        elif by_name:
            notes = (f"`{call.name.text}` knows {_listed(by_name)}",)
        return Diagnostic(
            "PA303",
            f"`{call.name.text}` has no argument called `{name}`",
            (scope.label(argument.name.span, "unknown argument"),),
            notes,
            fix,
        )
    if given is not None:
        return Diagnostic(
            "PA305",
            f"`{given.direction}` comes after all other arguments",
            (scope.label(given.span, "move it to the end"), scope.label(argument.span, "", primary=False)),
        )
    return None


def _misplaced(
    scope: Scope, argument: tree.Expression, before: tree.NamedArgument | tree.DirectionArgument
) -> Diagnostic:
    named = isinstance(before, tree.NamedArgument)
    what = f"`{before.name.text} = ...`" if named else f"`{before.direction}`"
    return Diagnostic(
        "PA305",
        f"an argument without a name cannot follow {what}",
        (scope.label(argument.span, "move it to the front"), scope.label(before.span, "", primary=False)),
    )


def _too_many(
    scope: Scope, call: tree.Call, span: Span, most: int, by_name: Sequence[str], declared: Label | None
) -> Diagnostic:
    noun = "argument" if most == 1 else "arguments"
    count = f"{most} {noun}" if most else "no arguments"
    only_by_name = [] if declared else list(by_name)
    notes = (
        (f"{_listed(only_by_name)} {'is' if len(only_by_name) == 1 else 'are'} given by name",) if only_by_name else ()
    )
    return Diagnostic(
        "PA302",
        f"`{call.name.text}` takes {count}{' without a name' if only_by_name else ''}",
        (scope.label(span, "too many"), *((declared,) if declared else ())),
        notes,
    )


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
