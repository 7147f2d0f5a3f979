"""Reports of names and calls that do not fit their place, the same wherever a value or a pattern is wanted.

For: the checks of numbers, ids and patterns. Not for: deciding what a place wants.
"""

from __future__ import annotations

from patternc.diagnostics import Diagnostic, Label
from patternc.grammar import tree
from patternc.grammar.dependencies import words_in
from patternc.grammar.scope import NOUNS, Context, Scope, Use, is_unknown, unknown_name
from patternc.grammar.typed import Hole, Kind
from patternc.source import Span


def wrong_kind(context: Context, scope: Scope, span: Span, wanted: Kind, found: str, *others: Label) -> Hole:
    """Report that something of another kind stands where `wanted` is needed."""
    context.diagnostics.append(
        Diagnostic(
            "PA301",
            f"{NOUNS[wanted]} is needed here, but `{scope.written(span)}` is {found}",
            (scope.label(span, f"{found}, not {NOUNS[wanted]}"), *others),
        )
    )
    return Hole(span)


def own_parameter(context: Context, scope: Scope, name: tree.Word, wanted: Kind) -> Kind | None:
    """The kind of the pattern's own parameter `name` as far as it is known, with the use noted for the inference."""
    context.uses.append(Use(name.text, wanted, name.span))
    return scope.own[name.text]


def own_conflict(context: Context, scope: Scope, name: tree.Word, wanted: Kind, found: Kind) -> Hole:
    """Report an own parameter that is used as two kinds."""
    first = next((use.span for use in context.uses if use.name == name.text and use.wanted == found), None)
    others = [] if first is None else [scope.label(first, f"used as {NOUNS[found]} here", primary=False)]
    context.diagnostics.append(
        Diagnostic(
            "PA306",
            f"`{name.text}` cannot be both {NOUNS[found]} and {NOUNS[wanted]}",
            (scope.label(name.span, f"used as {NOUNS[wanted]} here"), *others),
        )
    )
    return Hole(name.span)


def foreign_comment(context: Context, scope: Scope, chain: tree.Chain) -> Hole | None:
    """Report `64 // word`, a comment of other languages that happens to be a division by something unknown."""
    for operator, operand in zip(chain.operators, chain.operands[1:], strict=True):
        if operator.sign == "//" and isinstance(operand, tree.Name) and is_unknown(context, scope, operand.text):
            context.diagnostics.append(
                Diagnostic(
                    "PA109",
                    f"there is no number called `{operand.text}`; if this was to be a comment, comments begin with `#`",
                    (
                        scope.label(operator.span, "a division"),
                        scope.label(operand.span, "not declared", primary=False),
                    ),
                    fix=scope.fix("write `#`", operator.span, "#"),
                )
            )
            return Hole(chain.span)
    return None


def positional(context: Context, scope: Scope, call: tree.Call) -> tuple[tree.Expression, ...] | None:
    """The arguments of a call that takes them by place only; None once another one was reported."""
    kept: list[tree.Expression] = []
    broken = False
    for argument in call.arguments:
        if isinstance(argument, tree.NamedArgument | tree.DirectionArgument):
            word = argument.name.text if isinstance(argument, tree.NamedArgument) else argument.direction
            broken = True
            context.diagnostics.append(
                Diagnostic(
                    "PA303",
                    f"`{call.name.text}` has no argument called `{word}`",
                    (scope.label(argument.span, "its arguments are given by place only"),),
                )
            )
        else:
            kept.append(argument)
    return None if broken else tuple(kept)


def wrong_count(context: Context, scope: Scope, call: tree.Call, least: int, most: int | None, got: int) -> None:
    """Report a wrong number of arguments."""
    if most == 0:
        message = f"`{call.name.text}` takes no arguments"
    else:
        bounds = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        noun = "argument" if bounds == "1" else "arguments"
        message = f"`{call.name.text}` takes {bounds} {noun}, but {got or 'none'} {'is' if got < 2 else 'are'} given"
    context.diagnostics.append(Diagnostic("PA302", message, (scope.label(call.span),)))


def check_names(context: Context, scope: Scope, call: tree.Call) -> None:
    """Report the unknown names among the arguments of a call that is unknown itself, so that no kind is known."""
    for name in words_in(call.arguments):
        if is_unknown(context, scope, name.text):
            unknown_name(context, scope, name, "number")
