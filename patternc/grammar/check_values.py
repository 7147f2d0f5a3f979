"""Checking numbers and lists of ids: from `tree` expressions to `typed` ones.

For: every place where the language wants a number or ids. A mistake is reported where it is and leaves a `Hole`. Not
for: values (nothing is evaluated here, so ranges are not checked) and not for patterns (`check_patterns.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never, cast

from patternc.diagnostics import Diagnostic
from patternc.grammar import signatures, tree, typed
from patternc.grammar.misuse import (
    check_names,
    foreign_comment,
    own_conflict,
    own_parameter,
    positional,
    wrong_count,
    wrong_kind,
)
from patternc.grammar.scope import NOUNS, Context, Scope, kind_of_name, unknown_name
from patternc.grammar.typed import Hole
from patternc.source import Span

MAX_DIGITS = 19
"""A literal of more digits is beyond 64 bit."""


# -- numbers ----------------------------------------------------------------------------------------------------------


def check_number(context: Context, scope: Scope, expression: tree.Expression) -> typed.Number:
    """The number that an expression is."""
    match expression:
        case tree.Number():
            return _literal(context, scope, expression)
        case tree.Name(text, span):
            return _named_number(context, scope, tree.Word(text, span))
        case tree.Negative(operand, span):
            return typed.Negative(check_number(context, scope, operand), span)
        case tree.Power(base, exponent, span):
            return typed.Power(check_number(context, scope, base), check_number(context, scope, exponent), span)
        case tree.Chain():
            return _arithmetic(context, scope, expression)
        case tree.Call():
            return _number_call(context, scope, expression)
        case tree.Range(span=span) | tree.List(span=span):
            check_ids(context, scope, expression)
            return wrong_kind(context, scope, span, "number", "a list of ids")
        case tree.Tuple(span=span):
            return wrong_kind(context, scope, span, "number", "a tuple")
        case tree.Text(span=span):
            return wrong_kind(context, scope, span, "number", "a text")
        case tree.Missing(span):
            return Hole(span)
        case _:
            assert_never(expression)


def _literal(context: Context, scope: Scope, number: tree.Number) -> typed.Number:
    span = number.span
    if number.form != "integer":
        noun = "percentage" if number.form == "percent" else "decimal"
        context.diagnostics.append(
            Diagnostic(
                "PA309",
                f"a whole number is needed here, but `{number.text}` is a {noun}",
                (scope.label(span, "not a whole number"),),
                ("a decimal or a percentage can only stand alone on one side of an `expect`",),
            )
        )
        return Hole(span)
    digits = number.text.lstrip("0") or "0"
    value = int(digits) if len(digits) <= MAX_DIGITS else None
    if value is None or value >= 1 << 63:
        context.diagnostics.append(
            Diagnostic(
                "PA405",
                "this number is beyond 64 bit",
                (scope.label(span, "at most 9223372036854775807"),),
            )
        )
        return Hole(span)
    return typed.Integer(value, span)


def _named_number(context: Context, scope: Scope, name: tree.Word) -> typed.Number:
    text, span = name.text, name.span
    if text in scope.own:
        match own_parameter(context, scope, name, "number"):
            case "number":
                return typed.NumberArgument(text, span)
            case None:
                return Hole(span)
            case other:
                return own_conflict(context, scope, name, "number", other)
    if text in context.params:
        context.used.add(text)
        param = context.params[text]
        if param.kind == "number":
            return typed.NumberParam(text, span)
        if param.kind == "ids":
            context.numbers.setdefault(text, scope.label(span, "a number is needed here", primary=False))
        return Hole(span)
    if text in signatures.COUNTS or text in scope.places:
        return typed.Quantity(cast("typed.QuantityName", text), span)
    if text == "density" and scope.facts:
        return typed.Density(span)
    if text == "cache" and scope.facts:
        return typed.Cache(span)
    if text in context.patterns:
        context.used.add(text)
        return wrong_kind(context, scope, span, "number", "a pattern", context.patterns[text].label)
    if text in signatures.PATTERN_WORDS:
        return wrong_kind(context, scope, span, "number", "a pattern")
    if text in signatures.FUNCTIONS or (scope.facts and text in signatures.FACTS):
        context.diagnostics.append(
            Diagnostic(
                "PA302", f"`{text}` needs arguments in brackets", (scope.label(span, "nothing to compute from"),)
            )
        )
        return Hole(span)
    if text in signatures.LIST_FUNCTIONS:
        return wrong_kind(context, scope, span, "number", "a list of ids")
    unknown_name(context, scope, name, "number")
    return Hole(span)


def _arithmetic(context: Context, scope: Scope, chain: tree.Chain) -> typed.Number:
    first = chain.operators[0]
    if first.sign in "|&":
        word = "a union" if first.sign == "|" else "an intersection"
        context.diagnostics.append(
            Diagnostic(
                "PA301",
                f"a number is needed here, but `{first.sign}` makes {word} of patterns",
                (scope.label(first.span, "joins patterns"),),
            )
        )
        return Hole(chain.span)
    if (commented := foreign_comment(context, scope, chain)) is not None:
        return commented
    operands = tuple(check_number(context, scope, operand) for operand in chain.operands)
    broken = False
    for operator, left, right in zip(chain.operators, chain.operands, chain.operands[1:], strict=False):
        if operator.sign == "/":
            broken = True
            context.diagnostics.append(
                Diagnostic(
                    "PA308",
                    f"`{scope.written(left.span)} / {scope.written(right.span)}` would not be a whole number",
                    (scope.label(operator.span, "true division"),),
                    fix=scope.fix("divide with `//`, which rounds down", operator.span, "//"),
                )
            )
    if broken:
        return Hole(chain.span)
    return typed.Arithmetic(operands, tuple(cast("typed.Sign", each.sign) for each in chain.operators), chain.span)


def _number_call(context: Context, scope: Scope, call: tree.Call) -> typed.Number:
    name = call.name.text
    bounds = signatures.FUNCTIONS.get(name) or (signatures.FACTS.get(name) if scope.facts else None)
    if name in scope.own or bounds is None:
        return _not_a_function(context, scope, call)
    arguments = positional(context, scope, call)
    if arguments is None:
        return Hole(call.span)
    least, most = bounds
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wrong_count(context, scope, call, least, most, len(arguments))
        return Hole(call.span)
    values = tuple(check_number(context, scope, argument) for argument in arguments)
    if name in signatures.FACTS:
        values = tuple(_known_number(context, scope, value, name) for value in values)
    if name == "pairs":
        return typed.Pairs(values[0], values[1] if len(values) == 2 else None, call.span)
    if name == "waste":
        return typed.Waste(values[0], values[1], call.span)
    return typed.Function(cast("typed.FunctionName", name), values, call.span)


def _known_number(context: Context, scope: Scope, number: typed.Number, fact: str) -> typed.Number:
    """The argument of a fact, which must not be one itself."""
    inner = next((each for each in _below(number) if isinstance(each, _FACT)), None)
    if inner is None:
        return number
    context.diagnostics.append(
        Diagnostic(
            "PA206",
            f"the arguments of `{fact}` are numbers that are known before anything is counted",
            (scope.label(inner.span, "is counted"),),
        )
    )
    return Hole(number.span)


_FACT = (typed.Pairs, typed.Density, typed.Cache, typed.Waste)


def _below(number: typed.Number) -> Iterator[typed.Number]:
    """A number and all numbers in it."""
    yield number
    match number:
        case typed.Negative(operand):
            yield from _below(operand)
        case typed.Arithmetic(operands) | typed.Function(_, operands):
            for operand in operands:
                yield from _below(operand)
        case typed.Power(base, exponent):
            yield from _below(base)
            yield from _below(exponent)
        case _:
            pass


def _not_a_function(context: Context, scope: Scope, call: tree.Call) -> Hole:
    name = call.name
    kind = kind_of_name(context, scope, name.text)
    declared = context.params.get(name.text) or context.patterns.get(name.text)
    if (
        name.text in scope.own
        or name.text in context.params
        or name.text in signatures.COUNTS
        or name.text in scope.places
    ):
        context.diagnostics.append(
            Diagnostic(
                "PA310",
                f"`{name.text}` is {NOUNS[kind] if kind else 'a parameter'} and takes no arguments",
                (
                    scope.label(call.span, "no function"),
                    *((declared.label,) if declared and name.text not in scope.own else ()),
                ),
            )
        )
    elif kind is not None:
        wrong_kind(context, scope, call.span, "number", NOUNS[kind], *((declared.label,) if declared else ()))
    else:
        unknown_name(context, scope, name, "number", called=True)
        check_names(context, scope, call)
    context.used.add(name.text)
    return Hole(call.span)


# -- ids --------------------------------------------------------------------------------------------------------------


def check_ids(context: Context, scope: Scope, expression: tree.Expression) -> typed.Ids:
    """The list of ids that an expression is; a number is a list of one."""
    return typed.Ids(_items(context, scope, expression), expression.span)


def _items(context: Context, scope: Scope, expression: tree.Expression) -> tuple[typed.Item, ...]:
    match expression:
        case tree.List(items):
            return tuple(item for each in items for item in _items(context, scope, each))
        case tree.Range(start, stop, step, span):
            return (
                typed.Stretch(
                    check_number(context, scope, start),
                    check_number(context, scope, stop),
                    None if step is None else check_number(context, scope, step),
                    span,
                ),
            )
        case tree.Name(text, span) if text in scope.own:
            match scope.own[text]:
                case "ids":
                    own_parameter(context, scope, tree.Word(text, span), "ids")
                    return (typed.IdsArgument(text, span),)
                case None:
                    own_parameter(context, scope, tree.Word(text, span), "ids")
                    return (Hole(span),)
                case "pattern":
                    own_parameter(context, scope, tree.Word(text, span), "ids")
                    return (own_conflict(context, scope, tree.Word(text, span), "ids", "pattern"),)
                case "number":
                    pass
        case tree.Name(text, span) if text in context.params and context.params[text].kind == "ids":
            context.used.add(text)
            return (typed.IdsParam(text, span),)
        case tree.Name(text, span) if kind_of_name(context, scope, text) == "pattern":
            context.used.add(text)
            declared = context.patterns.get(text)
            return (wrong_kind(context, scope, span, "ids", "a pattern", *((declared.label,) if declared else ())),)
        case tree.Name(text, span) if kind_of_name(context, scope, text) is None and text not in context.params:
            unknown_name(context, scope, tree.Word(text, span), "ids")
            return (Hole(span),)
        case tree.Call(tree.Word("powers"), _, span) if "powers" not in scope.own:
            arguments = positional(context, scope, expression)
            if arguments is None:
                return (Hole(span),)
            if len(arguments) != 1:
                wrong_count(context, scope, expression, 1, 1, len(arguments))
                return (Hole(span),)
            return (typed.Powers(check_number(context, scope, arguments[0]), span),)
        case tree.Call(name, _, span) if kind_of_name(context, scope, name.text) is None:
            unknown_name(context, scope, name, "ids", called=True)
            check_names(context, scope, expression)
            return (Hole(span),)
        case tree.Call(name, _, span) if kind_of_name(context, scope, name.text) == "pattern":
            context.used.add(name.text)
            return (wrong_kind(context, scope, span, "ids", "a pattern"),)
        case tree.Chain((tree.Number(low), tree.Number(high)), (tree.Operator("-"),), span):
            return (_dashed(context, scope, span, low, high),)
        case _:
            pass
    number = check_number(context, scope, expression)
    return (number if isinstance(number, Hole) else typed.Single(number, expression.span),)


def _dashed(context: Context, scope: Scope, span: Span, low: str, high: str) -> Hole:
    """Report `0-5` where ids are wanted: read as a difference it would be the id -5, and nobody means that."""
    fix, written = None, "a..b"
    if low.isdigit() and high.isdigit() and max(len(low), len(high)) < MAX_DIGITS and int(low) <= int(high):
        written = f"{int(low)}..{int(high) + 1}"
        fix = scope.fix(f"write `{written}`: the end is left out", span, written)
    context.diagnostics.append(
        Diagnostic(
            "PA109",
            f"a range is written `{written}`, not with `-`",
            (scope.label(span, "a difference of two numbers"),),
            fix=fix,
        )
    )
    return Hole(span)
