"""Printing trees: the canonical text of an expression, a statement, a file.

For: the texts of terms in reports and kernels, and tests: parsing what is printed gives the tree again. Not for:
comments, which a tree does not have.
"""

from __future__ import annotations

from typing import assert_never

from patternc.grammar import tree

LEVELS = {"+": 1, "|": 2, "-": 3, "&": 4, "*": 5, "//": 5, "%": 5, "/": 5}
_UNARY = 6
_POWER = 7
_ATOM = 8
_INDENT = "    "


def format_expression(expression: tree.Expression) -> str:
    """An expression in one line."""
    return _at(expression, 0)


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


def _at(expression: tree.Expression, level: int) -> str:
    """An expression where one of at least `level` is needed; others get brackets."""
    text = _text(expression)
    return f"({text})" if _level(expression) < level else text


def _text(expression: tree.Expression) -> str:
    match expression:
        case tree.Number(text) | tree.Name(text):
            return text
        case tree.Text(text):
            return f'"{text}"'
        case tree.Missing():
            return "?"
        case tree.Negative(operand):
            return f"-{_at(operand, _UNARY)}"
        case tree.Power(base, exponent):
            return f"{_at(base, _ATOM)}**{_at(exponent, _UNARY)}"
        case tree.Chain(operands, operators):
            level = _level(expression)
            first, *others = (_at(operand, level + 1) for operand in operands)
            return first + "".join(f" {each.sign} {text}" for each, text in zip(operators, others, strict=True))
        case tree.Call(name, arguments):
            return f"{name.text}({', '.join(map(_argument, arguments))})"
        case tree.Range(start, stop, step):
            tail = "" if step is None else f" step {_text(step)}"
            return f"{_text(start)}..{_text(stop)}{tail}"
        case tree.List(items):
            return f"[{', '.join(map(_text, items))}]"
        case tree.Tuple(items):
            return f"({', '.join(map(_text, items))})"
        case _:
            assert_never(expression)


def _argument(argument: tree.Argument) -> str:
    match argument:
        case tree.NamedArgument(name, value):
            return f"{name.text} = {_text(value)}"
        case tree.DirectionArgument(direction):
            return direction
        case expression:
            return _text(expression)


def format_statement(statement: tree.Statement) -> str:
    """A statement; a model takes several lines. Without a line end."""
    match statement:
        case tree.Use(target, library):
            return f"use std.{target.text}" if library else f'use "{target.text}"'
        case tree.Param(name, value):
            return f"param {name.text} = {_text(value)}"
        case tree.Pattern(name, parameters, body):
            brackets = f"({', '.join(word.text for word in parameters)})" if parameters else ""
            return f"pattern {name.text}{brackets} = {_text(body)}"
        case tree.Model(name, settings):
            lines = "".join(f"{_INDENT}{_setting(setting)}\n" for setting in settings)
            return f"model {name.text} {{\n{lines}}}"
        case tree.Expect(condition):
            return f"expect {_condition(condition)}"
        case _:
            assert_never(statement)


def format_file(file: tree.File) -> str:
    """A whole file, a blank line around a model; ends with a line end."""
    texts: list[str] = []
    for before, statement in zip((None, *file.statements), file.statements, strict=False):
        if before is not None and (type(before) is not type(statement) or isinstance(statement, tree.Model)):
            texts.append("")
        texts.append(format_statement(statement))
    return "".join(f"{text}\n" for text in texts)


def _condition(condition: tree.Condition) -> str:
    match condition:
        case tree.Comparison(left, sign, right):
            return f"{_text(left)} {sign.sign} {_text(right)}"
        case tree.Connected(depth, from_any_layer, to_past):
            within = "" if depth is None else f" within {_text(depth)} layers"
            return f"connected{within}{' from any layer' * from_any_layer}{' to past' * to_past}"
        case tree.Order(growth):
            return f"order {growth}"
        case tree.CropStable():
            return "crop_stable"
        case _:
            assert_never(condition)


def _setting(setting: tree.Flag | tree.Setting | tree.Layers) -> str:
    match setting:
        case tree.Flag(name):
            return name
        case tree.Setting(name, value):
            return f"{name} {_text(value)}"
        case tree.Layers(count, body, repeated):
            head = f"layers {_text(count)} {'= repeat ' * repeated}{{"
            inner = _INDENT * 2
            lines = "".join(f"{inner}{_entry(entry)}\n" for entry in body)
            return f"{head}\n{lines}{_INDENT}}}"
        case _:
            assert_never(setting)


def _entry(entry: tree.LayerEntry | tree.Round) -> str:
    match entry:
        case tree.LayerEntry(selector, pattern):
            return f"{_selector(selector)}: {_assigned(pattern)}"
        case tree.Round(count, pattern):
            return f"{_text(count)} * {_assigned(pattern)}"
        case _:
            assert_never(entry)


def _selector(selector: tree.Selector) -> str:
    return selector.which if isinstance(selector.which, str) else _text(selector.which)


def _assigned(assigned: tree.Expression | tree.HeadBlock) -> str:
    if not isinstance(assigned, tree.HeadBlock):
        return _text(assigned)
    inner = _INDENT * 3
    lines = "".join(f"{inner}{_selector(each.selector)}: {_text(each.pattern)}\n" for each in assigned.entries)
    return f"heads {{\n{lines}{_INDENT * 2}}}"
