"""Checking calls of the language's own patterns: which arguments they take, and what they become.

For: `check_patterns.py`. Not for: patterns that a file declares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from patternc.diagnostics import Diagnostic
from patternc.grammar import signatures, tree, typed
from patternc.grammar.check_calls import bind
from patternc.grammar.check_values import (
    check_ids,
    check_number,
)
from patternc.grammar.layout_file import LayoutFileError, read_layout
from patternc.grammar.scope import Context, Scope
from patternc.grammar.signatures import Signature
from patternc.grammar.typed import Hole

PatternChecker = Callable[[Context, Scope, tree.Expression], typed.Pattern]


def check_primitive(
    context: Context, scope: Scope, call: tree.Call, signature: Signature, check_pattern: PatternChecker
) -> typed.Pattern:
    """The pattern that a call of `signature` is; `check_pattern` checks the patterns among its arguments."""
    by_place = [each.name for each in signature.parameters if not each.named]
    by_name = [each.name for each in signature.parameters if each.named]
    bound = bind(context, scope, call, by_place, by_name, direction=signature.direction, exclusive=signatures.EXCLUSIVE)
    if any(isinstance(argument, tree.Missing) for argument in call.arguments):
        bound = replace(bound, broken=True)  # what is not there was reported, and may have been anything
    arguments = _Arguments(context, scope, bound.values, bound.broken, check_pattern)
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in bound.values and not bound.broken:
            context.diagnostics.append(
                Diagnostic(
                    "PA302",
                    f"`{signature.name}` needs {parameter.phrase}, as in {signature.examples}",
                    (scope.label(call.span, f"without {parameter.phrase}"),),
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
    check_pattern: PatternChecker

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
        return None if value is None else self.check_pattern(self.context, self.scope, value)

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
        case "neighborhood":
            width, dilation = arguments.number("width"), arguments.maybe_number("dilation")
            return typed.Neighborhood(width, dilation, arguments.maybe_number("group"), direction, span)
        case "blocks" | "within" as by:
            return typed.Lift(by, arguments.number("size"), arguments.pattern("pattern"), span)
        case "slice":
            return typed.Slice(arguments.ids("range"), arguments.pattern("pattern"), span)
        case "layout":
            return _layout(arguments, call)
        case other:
            raise AssertionError(other)  # `signatures` has no other


def _layout(arguments: _Arguments, call: tree.Call) -> typed.Pattern:
    """The layout in the file that the call names. A file is read once for a program."""
    context, scope, named = arguments.context, arguments.scope, arguments.values.get("file")
    if not isinstance(named, tree.Text):
        if named is not None:
            context.diagnostics.append(
                Diagnostic(
                    "PA301",
                    f"the name of a file, in quotes, is needed here, but `{scope.written(named.span)}` is none",
                    (scope.label(named.span, 'as in layout("mask.npy")'),),
                )
            )
        return Hole(call.span)
    here = scope.source.path
    path = Path(named.text) if here is None else here.parent / named.text
    name = named.text if here is None else str(Path(scope.source.name).parent / named.text)
    if path not in context.layouts:
        try:
            context.layouts[path] = read_layout(path, name)
        except LayoutFileError as error:
            context.layouts[path] = error
    layout = context.layouts[path]
    if isinstance(layout, LayoutFileError):
        notes = (layout.note,) if layout.note else ()
        label = scope.label(named.span, "named here")
        context.diagnostics.append(Diagnostic(layout.code, layout.message, (label,), notes))
        return Hole(call.span)
    return typed.Layout(named.text, layout.digest, call.span)


def _local(arguments: _Arguments, call: tree.Call, direction: typed.Direction | None) -> typed.Pattern:
    dilation = arguments.maybe_number("dilation")
    spelled = [name for name in ("back", "ahead") if name in arguments.values]
    if "width" in arguments.values:
        for name in spelled[:1]:
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
