"""Checking patterns: from `tree` expressions to `typed` ones.

For: every place where the language wants a pattern: bodies, schedules, lifts, arguments. A mistake is reported where
it is and leaves a `Hole`. Not for: numbers and ids (`check_values.py`), or anything that needs a value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from patternc.diagnostics import Diagnostic
from patternc.grammar import signatures, tree, typed
from patternc.grammar.check_calls import bind
from patternc.grammar.check_values import (
    check_ids,
    check_number,
    not_there_yet,
    own_conflict,
    own_parameter,
    wrong_kind,
)
from patternc.grammar.scope import NOUNS, Context, Scope, kind_of_name, unknown_name
from patternc.grammar.signatures import Signature
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
        example = signatures.PRIMITIVES[text].example
        context.diagnostics.append(
            Diagnostic(
                "PA302", f"`{text}` needs arguments, as in `{example}`", (scope.label(span, "used without any"),)
            )
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
            note = "`|` is the union, in which a key that both sides have counts once"
            return not_there_yet(context, scope, first.span, "the sum `+` of patterns", note)


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
        return _primitive(context, scope, call, signatures.PRIMITIVES[name])
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


def _primitive(context: Context, scope: Scope, call: tree.Call, signature: Signature) -> typed.Pattern:
    by_place = [each.name for each in signature.parameters if not each.named]
    by_name = [each.name for each in signature.parameters if each.named]
    bound = bind(context, scope, call, by_place, by_name, direction=signature.direction)
    arguments = _Arguments(context, scope, bound.values, bound.broken)
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in bound.values and not bound.broken:
            context.diagnostics.append(
                Diagnostic(
                    "PA302",
                    f"`{signature.name}` needs a {parameter.name}, as in `{signature.example}`",
                    (scope.label(call.span, f"without a {parameter.name}"),),
                )
            )
            bound = replace(bound, broken=True)
    direction = bound.direction.direction if bound.direction else None
    pattern = _typed_primitive(arguments, call, direction)
    return Hole(call.span) if bound.broken else pattern


@dataclass(frozen=True, slots=True)
class _Arguments:
    """The arguments of one call of a primitive, checked as they are asked for."""

    context: Context
    scope: Scope
    values: dict[str, tree.Expression]
    broken: bool
    """The call has mistakes already, so nothing is missed in it."""

    def number(self, name: str) -> typed.Number:
        return self.maybe_number(name) or Hole()

    def maybe_number(self, name: str) -> typed.Number | None:
        value = self.values.get(name)
        return None if value is None else check_number(self.context, self.scope, value)

    def ids(self, name: str) -> typed.Ids:
        return self.maybe_ids(name) or typed.Ids((Hole(),))

    def maybe_ids(self, name: str) -> typed.Ids | None:
        value = self.values.get(name)
        return None if value is None else check_ids(self.context, self.scope, value)

    def pattern(self, name: str) -> typed.Pattern:
        return self.maybe_pattern(name) or Hole()

    def maybe_pattern(self, name: str) -> typed.Pattern | None:
        value = self.values.get(name)
        return None if value is None else check_pattern(self.context, self.scope, value)

    def seed(self) -> tuple[typed.Number, ...] | None:
        match self.values.get("seed"):
            case None:
                return None
            case tree.Tuple(items):
                return tuple(check_number(self.context, self.scope, item) for item in items)
            case value:
                return (check_number(self.context, self.scope, value),)

    def exclusive(self, call: tree.Call, one: str, other: str, *, unnamed: bool = False) -> None:
        """Report two arguments that say the same thing in two ways."""
        if one in self.values and other in self.values:
            self.context.diagnostics.append(
                Diagnostic(
                    "PA307",
                    f"`{call.name.text}` takes either {f'a {one}' if unnamed else f'`{one}`'} or `{other}`, not both",
                    (
                        self.scope.label(self.values[other].span, "this one"),
                        self.scope.label(self.values[one].span, "or this one", primary=False),
                    ),
                )
            )


def _typed_primitive(arguments: _Arguments, call: tree.Call, direction: typed.Direction | None) -> typed.Pattern:
    span = call.span
    match call.name.text:
        case "local":
            return _local(arguments, call, direction)
        case "stride" | "columns" | "rows" as of:
            arguments.exclusive(call, "at", "last")
            modulus, at = arguments.number("distance"), arguments.maybe_ids("at")
            return typed.Residues(of, modulus, at, arguments.maybe_number("last"), span)
        case "chunk":
            size = arguments.number("size")
            return typed.Chunks(typed.Ids((typed.Single(size, size.span),), size.span), False, span)
        case "chunks":
            return typed.Chunks(arguments.ids("sizes"), True, span)
        case "keys" | "queries" | "global" | "diagonals" as of:
            return typed.Positions(of, arguments.ids("ids"), span)
        case "random":
            return typed.Random(
                arguments.number("count"),
                arguments.seed(),
                arguments.maybe_pattern("avoid"),
                arguments.maybe_ids("among"),
                direction,
                span,
            )
        case "blocks" | "within" as by:
            return typed.Lift(by, arguments.number("size"), arguments.pattern("pattern"), span)
        case "slice":
            return typed.Slice(arguments.ids("range"), arguments.pattern("pattern"), span)
        case other:
            for name, value in arguments.values.items():
                if not isinstance(value, tree.Text):
                    arguments.maybe_number(name)
            return not_there_yet(arguments.context, arguments.scope, call.name.span, f"`{other}`")


def _local(arguments: _Arguments, call: tree.Call, direction: typed.Direction | None) -> typed.Pattern:
    dilation = arguments.maybe_number("dilation")
    spelled = [name for name in ("back", "ahead") if name in arguments.values]
    if "width" in arguments.values:
        for name in spelled:
            arguments.exclusive(call, "width", name, unnamed=True)
        return typed.Local(arguments.number("width"), dilation, direction, call.span)
    if not spelled and not arguments.broken:
        arguments.context.diagnostics.append(
            Diagnostic(
                "PA302",
                "`local` needs a width, or `back` and `ahead`",
                (arguments.scope.label(call.span, "without a width"),),
            )
        )
    elif spelled and direction is not None:
        word = next(each for each in call.arguments if isinstance(each, tree.DirectionArgument))
        arguments.context.diagnostics.append(
            Diagnostic(
                "PA307",
                f"`{direction}` changes nothing where `back` and `ahead` are spelled out",
                (arguments.scope.label(word.span, "leave it out"),),
            )
        )
    return typed.Window(arguments.maybe_number("back"), arguments.maybe_number("ahead"), dilation, call.span)


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
