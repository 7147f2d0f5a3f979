"""Documents of expressions: where they may be broken.

For: `format.py`. The operands of a broken chain stand under one another, their signs to the left; the arguments of a
call get a line each, the items of a list share lines. Not for: statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from patternc.grammar import tree
from patternc.grammar.comments import Words
from patternc.grammar.document import (
    Align,
    Break,
    Document,
    Group,
    Indent,
    Leaf,
    Line,
    Next,
    Note,
    Space,
    concat,
)

LEVELS = {"+": 1, "|": 2, "-": 3, "&": 4, "*": 5, "//": 5, "%": 5, "/": 5}
_UNARY = 6
_POWER = 7
_ATOM = 8


def _level(expression: tree.Expression) -> int:
    match expression:
        case tree.Chain(_, operators):
            return LEVELS[operators[0].sign]
        case tree.Negative():
            return _UNARY
        case tree.Power():
            return _POWER
        case _:
            return _ATOM


def expression_document(words: Words, expression: tree.Expression, level: int = 0) -> Document:
    """An expression where one of at least `level` is needed. Brackets are those written, or else those needed."""
    opened: list[Leaf] = []
    if words.written:
        while words.next_start() < expression.span.start:
            opened.append(words.leaf("("))
    elif _level(expression) < level:
        opened.append(words.leaf("("))
    document = _bare(words, expression)
    for bracket in reversed(opened):
        document = Group(concat(bracket, Indent(concat(Line(""), document)), closed(words, ")")))
    return document


def closed(words: Words, sign: str) -> Document:
    """The bracket that closes a group, with comments before it indented like what it closes."""
    gap = words.gap()
    if not gap.notes:
        return concat(Line(""), words.leaf(sign))
    notes = [part for note in gap.notes for part in (Break(), Note(note.text))]
    return concat(Indent(concat(*notes)), Break(), words.leaf(sign))


def filled(words: Words, items: Sequence[Document], brackets: str, opening: Leaf, commas: Sequence[Leaf]) -> Document:
    """Items in brackets, as many on a line as fit."""
    parts: list[Document] = []
    for place, item in enumerate(items):
        whole = concat(item, commas[place]) if place < len(commas) else item
        parts += [Next(whole), whole] if place else [Line(""), whole]
    return Group(concat(opening, Indent(concat(*parts)), closed(words, brackets[1])))


def _filled(words: Words, items: Sequence[tree.Expression], brackets: str) -> Document:
    opening = words.leaf(brackets[0])
    documents: list[Document] = []
    commas: list[Leaf] = []
    for place, item in enumerate(items):
        documents.append(expression_document(words, item))
        if place + 1 < len(items):
            commas.append(words.leaf(","))
    return filled(words, documents, brackets, opening, commas)


def _bare(words: Words, expression: tree.Expression) -> Document:
    match expression:
        case tree.Number(text) | tree.Name(text):
            return words.leaf(text)
        case tree.Text(text):
            return words.leaf(f'"{text}"')
        case tree.Missing():
            return words.leaf("?")
        case tree.Negative(operand):
            return concat(words.leaf("-"), expression_document(words, operand, _UNARY))
        case tree.Power(base, exponent):
            first = expression_document(words, base, _ATOM)
            return concat(first, words.leaf("**"), expression_document(words, exponent, _UNARY))
        case tree.Chain(operands, operators):
            return _chain(words, operands, operators, _level(expression) + 1)
        case tree.Call():
            return _call(words, expression)
        case tree.Range(start, stop, step):
            first = expression_document(words, start)
            bounds = concat(first, words.leaf(".."), expression_document(words, stop))
            if step is None:
                return bounds
            return concat(bounds, Space(), words.leaf("step"), Space(), expression_document(words, step))
        case tree.List(items):
            return _filled(words, items, "[]")
        case tree.Tuple(items):
            return _filled(words, items, "()")
        case _:
            assert_never(expression)


def _chain(
    words: Words, operands: Sequence[tree.Expression], operators: Sequence[tree.Operator], level: int
) -> Document:
    first, *others = operands
    parts: list[Document] = [expression_document(words, first, level)]
    for operator, operand in zip(operators, others, strict=True):
        sign = words.leaf(operator.sign)
        parts += [
            Line(shift=len(operator.sign) + 1),
            sign,
            Space(),
            Align(expression_document(words, operand, level)),
        ]
    return Align(Group(concat(*parts)))


def _call(words: Words, call: tree.Call) -> Document:
    name = words.leaf(call.name.text)
    hugged = _ends_in_a_list(call.arguments) and not words.commented(call.span)
    opening = words.leaf("(")
    parts: list[Document] = []
    for place, argument in enumerate(call.arguments):
        if not hugged:
            parts.append(Line(" " if place else ""))
        elif place:
            parts.append(Space())
        parts.append(_argument(words, argument))
        if place + 1 < len(call.arguments):
            parts.append(words.leaf(","))
    if hugged:
        return concat(name, opening, *parts, words.leaf(")"))
    return Group(concat(name, opening, Indent(concat(*parts)), closed(words, ")")))


def _ends_in_a_list(arguments: Sequence[tree.Argument]) -> bool:
    """A long list as the last of short arguments: `keys([`, its items on lines of their own, and `])`."""
    if not arguments:
        return False
    *others, last = arguments
    value = last.value if isinstance(last, tree.NamedArgument) else last
    return isinstance(value, tree.List) and all(isinstance(each, tree.Number | tree.Name) for each in others)


def _argument(words: Words, argument: tree.Argument) -> Document:
    match argument:
        case tree.NamedArgument(name, value):
            return concat(words.leaf(name.text), Space(), words.leaf("="), Space(), expression_document(words, value))
        case tree.DirectionArgument(direction):
            return words.leaf(direction)
        case expression:
            return expression_document(words, expression)
