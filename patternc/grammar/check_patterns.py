"""Checking patterns: from `tree` expressions to `typed` ones.

For: every place where the language wants a pattern: bodies, schedules, lifts, arguments. A mistake is reported where
it is and leaves a `Hole`. Not for: numbers and ids (`check_values.py`), or anything that needs a value.
"""

from __future__ import annotations

from typing import assert_never

from patternc.diagnostics import Diagnostic
from patternc.grammar import signatures, tree, typed
from patternc.grammar.check_calls import bind
from patternc.grammar.check_primitives import check_primitive
from patternc.grammar.check_values import check_ids, check_number
from patternc.grammar.misuse import check_names, foreign_comment, own_conflict, own_parameter, wrong_kind
from patternc.grammar.scope import NOUNS, Context, Scope, kind_of_name, unknown_name
from patternc.grammar.typed import Hole, Kind


def check_pattern(context: Context, scope: Scope, expression: tree.Expression) -> typed.Pattern:
    """The pattern that an expression is."""
    match expression:
        case tree.Name(text, span):
            return _named_pattern(context, scope, tree.Word(text, span))
        case tree.Call():
            return _call(context, scope, expression)
        case tree.Chain():
            return _chain(context, scope, expression)
        case tree.Number(span=span) | tree.Negative(span=span) | tree.Power(span=span):
            return wrong_kind(context, scope, span, "pattern", "a number")
        case tree.Range(span=span) | tree.List(span=span):
            return wrong_kind(context, scope, span, "pattern", "a list of ids")
        case tree.Tuple(span=span):
            return wrong_kind(context, scope, span, "pattern", "a tuple")
        case tree.Text(span=span):
            return wrong_kind(context, scope, span, "pattern", "a text")
        case tree.Missing(span):
            return Hole(span)
        case _:
            assert_never(expression)


def _named_pattern(context: Context, scope: Scope, name: tree.Word) -> typed.Pattern:
    text, span = name.text, name.span
    if text in scope.own:
        match own_parameter(context, scope, name, "pattern"):
            case "pattern":
                return typed.PatternArgument(text, span)
            case None:
                return Hole(span)
            case other:
                return own_conflict(context, scope, name, "pattern", other)
    if text in ("dense", "empty", "self", "past"):
        return typed.Constant(text, span)
    if text in context.patterns:
        context.used.add(text)
        declared = context.patterns[text]
        if declared.parameters:
            names = ", ".join(parameter.text for parameter, _ in declared.parameters)
            context.diagnostics.append(
                Diagnostic(
                    "PA302",
                    f"`{text}` needs its arguments: `{text}({names})`",
                    (scope.label(span, "used without arguments"), declared.label),
                )
            )
            return Hole(span)
        return Hole(span) if declared.kind is None else typed.NamedPattern(text, (), span)
    if text in signatures.PRIMITIVES:
        examples = signatures.PRIMITIVES[text].examples
        context.diagnostics.append(
            Diagnostic("PA302", f"`{text}` needs arguments, as in {examples}", (scope.label(span, "used without any"),))
        )
        return Hole(span)
    if text in context.params:
        context.used.add(text)
    kind = kind_of_name(context, scope, text)
    if kind is not None:
        declared = context.params.get(text)
        return wrong_kind(context, scope, span, "pattern", NOUNS[kind], *((declared.label,) if declared else ()))
    if text not in context.params:
        unknown_name(context, scope, name, "pattern")
    return Hole(span)


def _chain(context: Context, scope: Scope, chain: tree.Chain) -> typed.Pattern:
    first = chain.operators[0]
    if (commented := foreign_comment(context, scope, chain)) is not None:
        return commented
    if first.sign in ("*", "//", "%", "/"):
        context.diagnostics.append(
            Diagnostic(
                "PA301",
                f"a pattern is needed here, but `{first.sign}` computes a number",
                (scope.label(first.span, "patterns are joined by `|`, `&` and `-`"),),
            )
        )
        return Hole(chain.span)
    parts = tuple(check_pattern(context, scope, operand) for operand in chain.operands)
    match first.sign:
        case "|":
            return typed.Union(parts, chain.span)
        case "&":
            return typed.Intersection(parts, chain.span)
        case "-":
            return typed.Difference(parts, chain.span)
        case _:
            return typed.Sum(parts, chain.span)


# -- calls ------------------------------------------------------------------------------------------------------------


def _call(context: Context, scope: Scope, call: tree.Call) -> typed.Pattern:
    name = call.name.text
    if name in scope.own:
        own_parameter(context, scope, call.name, "pattern")
        if scope.own[name] is not None:
            context.diagnostics.append(
                Diagnostic(
                    "PA310",
                    f"`{name}` is a parameter and takes no arguments",
                    (scope.label(call.span, "no pattern by itself"),),
                )
            )
        return Hole(call.span)
    if name in signatures.PRIMITIVES:
        return check_primitive(context, scope, call, signatures.PRIMITIVES[name], check_pattern)
    if name in context.patterns:
        return _declared(context, scope, call)
    if name in signatures.CONSTANTS:
        context.diagnostics.append(
            Diagnostic(
                "PA302",
                f"`{name}` takes no arguments",
                (scope.label(call.span),),
                fix=scope.fix("leave the brackets out", call.span, name),
            )
        )
        return Hole(call.span)
    kind = kind_of_name(context, scope, name)
    if kind is not None:
        context.used.add(name)
        declared = context.params.get(name)
        return wrong_kind(context, scope, call.span, "pattern", NOUNS[kind], *((declared.label,) if declared else ()))
    if name not in context.params:
        unknown_name(context, scope, call.name, "pattern", called=True)
        check_names(context, scope, call)
    return Hole(call.span)


def _declared(context: Context, scope: Scope, call: tree.Call) -> typed.Pattern:
    name = call.name.text
    context.used.add(name)
    declared = context.patterns[name]
    names = [word.text for word, _ in declared.parameters]
    bound = bind(context, scope, call, names, names, declared=declared.label)
    missing = [each for each in names if each not in bound.values]
    if missing and not bound.broken:
        listed = " and ".join(f"`{each}`" for each in missing)
        context.diagnostics.append(
            Diagnostic(
                "PA302",
                f"`{name}` needs {listed}",
                (scope.label(call.span, f"{len(bound.values)} of {len(names)} arguments"), declared.label),
            )
        )
    values = [
        check_value(context, scope, bound.values[word.text], kind)
        for word, kind in declared.parameters
        if word.text in bound.values
    ]
    if missing or bound.broken or declared.kind is None:
        return Hole(call.span)
    return typed.NamedPattern(name, tuple(values), call.span)


def check_value(context: Context, scope: Scope, expression: tree.Expression, kind: Kind | None) -> typed.Value:
    """An expression of a kind; of the kind it looks like where any will do."""
    match kind or looks_like(context, scope, expression):
        case "number":
            return check_number(context, scope, expression)
        case "ids":
            return check_ids(context, scope, expression)
        case "pattern":
            return check_pattern(context, scope, expression)


def looks_like(context: Context, scope: Scope, expression: tree.Expression) -> Kind:
    """The kind an expression seems to be of, where nothing says which one is wanted."""
    while True:
        match expression:
            case tree.Range() | tree.List():
                return "ids"
            case tree.Name(text):
                return kind_of_name(context, scope, text) or "number"
            case tree.Call(name):
                return kind_of_name(context, scope, name.text) or "pattern"
            case tree.Chain(operands, operators):
                if operators[0].sign in "|&":
                    return "pattern"
                if operators[0].sign not in ("+", "-"):
                    return "number"
                expression = operands[0]
            case _:
                return "number"
