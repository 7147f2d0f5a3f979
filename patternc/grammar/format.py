"""Printing: the canonical layout of a pattern file, with its comments; and the text of trees that were never written.

For: `patternc fmt`, and the texts of terms in reports and kernels. Formatting changes white space alone: brackets that
are not needed, but written, stay. A tree without a text gets those that it needs. A block has its entries on lines of
their own; one that was written on a single line stays there if it fits. Not for: where a line ends (`document.py`),
which comment goes where (`comments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from patternc.diagnostics import PatternError, has_errors
from patternc.grammar import tree
from patternc.grammar.comments import Comment, Gap, Words, comments_of, placed_words
from patternc.grammar.document import (
    Break,
    Document,
    Group,
    Indent,
    Leaf,
    Line,
    Note,
    Space,
    Value,
    concat,
    one_line,
    rigid,
    text_of,
    width_of,
)
from patternc.grammar.format_expressions import expression_document, filled
from patternc.grammar.reading import text_source

LONGEST_SELECTOR = 24
"""Longer selectors do not move the patterns of their neighbours."""

_GROWTH_WORD = re.compile(r"[0-9.]+|\w+|\S")
"""The words of an order of growth, such as n^1.5 or n*log(n)."""
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def formatted(text: str, name: str = "<text>") -> str:
    """The text of a pattern file in its canonical layout; line ends are those of its first line.

    Raises PatternError for a text that cannot be parsed, with all mistakes in its syntax, and for one that would become
    larger than what is read. `name` is what they call it.
    """
    from patternc.grammar.lexer import scan  # lark: printing trees does without it
    from patternc.grammar.parse import parse

    source = text_source(text, name)
    parsed = parse(source)
    if has_errors(parsed.diagnostics):
        raise PatternError(parsed.diagnostics)
    written = text_of(_file(Words(placed_words(text)), parsed.tree))
    assert [each.text for each in scan(written)] == [each.text for each in scan(text)]  # white space alone changes
    assert comments_of(written) == comments_of(text)
    text_source(written, name)
    first_line, line_end, _ = text.partition("\n")
    return written.replace("\n", "\r\n") if line_end and first_line.endswith("\r") else written


def formatted_pattern(text: str, name: str = "<text>") -> str:
    """The text of a single pattern in its canonical layout, as `formatted` does a file's.

    Raises what `formatted` raises, and ValueError where statements follow the pattern.
    """
    from patternc.grammar.single import BEFORE_PATTERN, single_pattern

    source, pattern = single_pattern(text, name)
    words = Words(placed_words(source.text))
    for word in BEFORE_PATTERN.split():
        words.leaf(word)
    return text_of(concat(expression_document(words, pattern.body), *_notes(words.gap().notes, first=False)))


def format_expression(expression: tree.Expression) -> str:
    """An expression in one line."""
    return one_line(expression_document(Words(), expression))


def format_statement(statement: tree.Statement) -> str:
    """A statement; a model takes several lines. Without a line end."""
    return text_of(_statement(Words(), statement)).removesuffix("\n")


def format_file(file: tree.File) -> str:
    """A whole file; ends with a line end unless it is empty."""
    return text_of(_file(Words(), file))


# -- entries under one another -----------------------------------------------------------------------------------------


def _each(words: Words, items: Sequence[_Item], make: Callable[[Words, _Item], _Made]) -> list[tuple[Gap, _Made]]:
    """What is made of items, each with what stands before it."""
    return [(words.gap(), make(words, item)) for item in items]


def _notes(notes: Sequence[Comment], first: bool) -> list[Document]:
    """Comments on lines of their own; an empty line before the first thing in a block is left out."""
    return [
        part
        for place, note in enumerate(notes)
        for part in (Break(note.blank and not (first and place == 0)), Note(note.text))
    ]


def _block(words: Words, opening: Leaf, items: Sequence[tuple[Gap, Document]], on_lines: bool) -> Document:
    """Braces around entries, which are on lines of their own (`on_lines`), or where they fit on a single one."""
    last = words.gap()
    closing = words.leaf("}")
    if not items and not last.notes:
        return concat(opening, closing)
    if not on_lines and not last.notes and not any(gap.notes for gap, _ in items):
        parts = [part for place, (_, item) in enumerate(items) for part in (Line("  " if place else " "), item)]
        return Group(concat(opening, Indent(concat(*parts)), Line(" "), closing))
    parts: list[Document] = []
    for place, (gap, item) in enumerate(items):
        parts += _notes(gap.notes, place == 0)
        parts += [Break(gap.blank and bool(place or gap.notes)), item]
    parts += _notes(last.notes, not items)
    return concat(opening, Indent(concat(*parts)), Break(), closing)


def _file(words: Words, file: tree.File) -> Document:
    """Statements of another kind, and models, stand apart."""
    parts: list[Document] = []
    before = None
    for statement, (gap, document) in zip(file.statements, _each(words, file.statements, _statement), strict=True):
        blanks = [*(note.blank for note in gap.notes), gap.blank]
        apart = before is not None and (type(before) is not type(statement) or isinstance(statement, tree.Model))
        if apart and not any(blanks):
            blanks[0] = True
        for note, blank in zip(gap.notes, blanks, strict=False):
            parts += [Break(blank), Note(note.text)]
        parts += [Break(blanks[-1]), document]
        before = statement
    return concat(*parts, *_notes(words.gap().notes, first=False))


# -- statements --------------------------------------------------------------------------------------------------------


def _statement(words: Words, statement: tree.Statement) -> Document:
    match statement:
        case tree.Use(target, True):
            library = concat(words.leaf("use"), Space(), words.leaf("std"), words.leaf("."))
            return concat(library, words.leaf(target.text))
        case tree.Use(target):
            return concat(words.leaf("use"), Space(), words.leaf(f'"{target.text}"'))
        case tree.Param(name, value):
            head = concat(words.leaf("param"), Space(), words.leaf(name.text), Space(), words.leaf("="))
            return concat(head, Value(expression_document(words, value), below=True))
        case tree.Pattern(name, parameters, body):
            head = concat(words.leaf("pattern"), Space(), words.leaf(name.text), _parameters(words, parameters))
            return concat(head, Space(), words.leaf("="), Value(expression_document(words, body), below=True))
        case tree.Model(name, settings):
            head = concat(words.leaf("model"), Space(), words.leaf(name.text), Space())
            opening = words.leaf("{")
            return concat(head, _block(words, opening, _each(words, settings, _setting), True))
        case tree.Expect(condition):
            return concat(words.leaf("expect"), Space(), _condition(words, condition))
        case _:
            assert_never(statement)


def _parameters(words: Words, parameters: Sequence[tree.Word]) -> Document:
    if not parameters:
        return concat()
    opening = words.leaf("(")
    names: list[Document] = []
    commas: list[Leaf] = []
    for place, parameter in enumerate(parameters):
        names.append(words.leaf(parameter.text))
        if place + 1 < len(parameters):
            commas.append(words.leaf(","))
    return filled(words, names, "()", opening, commas)


def _condition(words: Words, condition: tree.Condition) -> Document:
    match condition:
        case tree.Comparison(left, sign, right):
            first = expression_document(words, left)
            second = concat(Line(), words.leaf(sign.sign), Space(), expression_document(words, right))
            return Group(concat(first, Indent(second)))
        case tree.Connected(depth, from_any_layer, to_past):
            parts: list[Document] = [words.leaf("connected")]
            if depth is not None:
                within = concat(Space(), words.leaf("within"), Space(), expression_document(words, depth))
                parts += [within, Space(), words.leaf("layers")]
            phrases = "from any layer " * from_any_layer + "to past" * to_past
            parts += [part for word in phrases.split() for part in (Space(), words.leaf(word))]
            return concat(*parts)
        case tree.Order(growth):
            parts = [words.leaf("order"), Space()]
            for word in _GROWTH_WORD.findall(growth):
                leaf = words.leaf(word)
                parts += [Space(), leaf, Space()] if leaf.text == "*" else [leaf]
            return concat(*parts)
        case tree.CropStable():
            return words.leaf("crop_stable")
        case _:
            assert_never(condition)


def _setting(words: Words, setting: tree.Flag | tree.Setting | tree.Layers) -> Document:
    match setting:
        case tree.Flag(name):
            first, *others = [words.leaf(word) for word in name.split()]
            return concat(first, *(part for other in others for part in (Space(), other)))
        case tree.Setting(name, value):
            return concat(words.leaf(name), Space(), expression_document(words, value))
        case tree.Layers(count, body, repeated):
            head = concat(words.leaf("layers"), Space(), expression_document(words, count), Space())
            if repeated:
                head = concat(head, words.leaf("="), Space(), words.leaf("repeat"), Space())
            return concat(head, _entries(words, body))
        case _:
            assert_never(setting)


# -- schedules ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """`selector: pattern`, or `count * pattern`."""

    which: Document
    sign: Leaf
    pattern: Document
    block: bool


def _entries(words: Words, entries: Sequence[tree.LayerEntry | tree.HeadEntry | tree.Round]) -> Document:
    """A block of entries, their patterns under one another."""
    opening = words.leaf("{")
    on_lines = words.new_line()
    made = _each(words, entries, _entry)
    widths = [width for _, entry in made if (width := width_of(entry.which)) <= LONGEST_SELECTOR]
    longest = max(widths, default=0)
    items = [(gap, _aligned(entry, longest, alone=len(made) == 1)) for gap, entry in made]
    return _block(words, opening, items, on_lines)


def _aligned(entry: _Entry, longest: int, alone: bool) -> Document:
    missing = max(0, longest - width_of(entry.which))
    if entry.sign.text == "*":
        return concat(Space(missing, 0), entry.which, Space(), entry.sign, Value(entry.pattern, 1, entry.block))
    return concat(entry.which, entry.sign, Value(entry.pattern, 1 if alone else missing + 2, entry.block))


def _entry(words: Words, entry: tree.LayerEntry | tree.HeadEntry | tree.Round) -> _Entry:
    match entry:
        case tree.LayerEntry(selector, pattern) | tree.HeadEntry(selector, pattern):
            which, sign = _selector(words, selector), words.leaf(":")
        case tree.Round(count, pattern):
            which, sign = expression_document(words, count), words.leaf("*")
        case _:
            assert_never(entry)
    if isinstance(pattern, tree.HeadBlock):
        head = concat(words.leaf("heads"), Space())
        return _Entry(which, sign, concat(head, _entries(words, pattern.entries)), True)
    return _Entry(which, sign, expression_document(words, pattern), False)


def _selector(words: Words, selector: tree.Selector) -> Document:
    """A selector. No line ends in it unless in a list: the sign of `-1:` is one by the colon on its line."""
    if isinstance(selector.which, str):
        return words.leaf(selector.which)
    document = expression_document(words, selector.which)
    return document if isinstance(selector.which, tree.List) else rigid(document)
