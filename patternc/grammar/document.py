"""Documents: words with places where a line may end, and the choice of those places.

For: `format.py`, which says what belongs together; `text_of` breaks what does not fit on a line. A comment ends its
line, so what has one inside is broken. Not for: the language (a document knows words, not what they mean).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

WIDTH = 100
"""Columns of a line, its comment not counted."""
INDENT = 4
MOST_BEFORE = 40
"""A value that does not fit beside its name goes below it where it would begin beyond this column."""
COMMENT_COLUMN = 40
"""Where a comment behind code begins; neighbours that reach further move together."""
LONGEST_ALIGNED = 64
"""Longer lines do not move the comments of their neighbours."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A word or sign; the comments on lines of their own before it, and the one behind it on its line."""

    text: str
    before: tuple[str, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Spaces between two words of a line: another number in what is on one line and in what is broken."""

    broken: int = 1
    flat: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """A line end where its group is broken, `shift` columns left of the indentation; else `flat`."""

    flat: str = " "
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Next:
    """In a broken group: a line end if `part`, which follows, does not fit on this line; else a space."""

    part: Document


@dataclass(frozen=True, slots=True)
class Break:
    """A line end, with an empty line if `blank`; nothing at the beginning of a text."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A comment on a line of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Concat:
    """One after the other."""

    parts: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Indent:
    """The lines of `part` are indented further."""

    part: Document


@dataclass(frozen=True, slots=True)
class Align:
    """The lines of `part` begin at the column where it begins."""

    part: Document


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if it fits there; else every `Line` in it ends one."""

    part: Document


@dataclass(frozen=True, slots=True)
class Value:
    """What stands behind `=` or `:`, after `gap` spaces in a broken block; where that is too far right, below it.

    A block (`block` True) is never put below for its width; where `below`, also what fits on one line there alone.
    """

    part: Document
    gap: int = 1
    block: bool = False
    below: bool = False


Document = Leaf | Space | Line | Next | Break | Note | Concat | Indent | Align | Group | Value


def concat(*parts: Document) -> Concat:
    """One after the other."""
    return Concat(parts)


def one_line(document: Document) -> str:
    """A document in one line, whatever its width. It must have neither comments nor line ends."""
    match document:
        case Leaf(text, before, after):
            assert not before
            assert after is None  # a comment ends its line
            return text
        case Space(_, flat):
            return " " * flat
        case Line(flat):
            return flat
        case Next():
            return " "
        case Concat(parts):
            return "".join(map(one_line, parts))
        case Indent(part) | Align(part) | Group(part):
            return one_line(part)
        case Value(part):
            return f" {one_line(part)}"
        case Break() | Note():
            raise AssertionError("this part of a document ends a line")
        case _:
            assert_never(document)


def rigid(document: Document) -> Document:
    """A document whose lines end at its comments only."""
    match document:
        case Line(flat):
            return Space(len(flat), len(flat))
        case Next():
            return Space()
        case Concat(parts):
            return Concat(tuple(map(rigid, parts)))
        case Indent(part) | Align(part) | Group(part) | Value(part):
            return rigid(part)
        case Leaf() | Space() | Break() | Note():
            return document
        case _:
            assert_never(document)


def width_of(document: Document) -> int:
    """How many columns a document has on one line, its comments not counted."""
    return _Extents().of(document).width


def text_of(document: Document) -> str:
    """A document as lines; ends with a line end unless it is empty."""
    lines: list[str] = []
    for commented, run in groupby(_Page(document).lines, key=lambda line: line[1] is not None):
        alike = list(run)
        if not commented:
            lines += [code for code, _ in alike]
            continue
        widths = [len(code) for code, _ in alike]
        column = max(COMMENT_COLUMN, *(width + 2 for width in widths if width <= LONGEST_ALIGNED), 0)
        lines += [f"{code:<{max(column, len(code) + 2)}}{comment}" for code, comment in alike]
    return "".join(f"{line}\n" for line in lines)


# -- how wide ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Extent:
    """What is known of a part before it is placed."""

    width: int = 0
    """Columns on one line, without comments."""
    lead: int = 0
    """Columns up to the first place where a line could end."""
    open: bool = True
    """No line could end inside: `lead` is all of it."""
    breaks: bool = False
    """A line ends inside, whatever the width."""
    comment_before: bool = False
    """There is a comment before the first word."""
    comment_after: bool = False
    """There is a comment behind the last word."""
    words: bool = False
    """There is a word in it."""


def _followed(first: _Extent, second: _Extent) -> _Extent:
    inside = first.words and second.words and (first.comment_after or second.comment_before)
    return _Extent(
        first.width + second.width,
        first.lead + second.lead if first.open else first.lead,
        first.open and second.open,
        first.breaks or second.breaks or inside,
        first.comment_before if first.words else second.comment_before,
        second.comment_after if second.words else first.comment_after,
        first.words or second.words,
    )


class _Extents:
    """The extents of a document's parts, each computed once. By identity: the document must outlive this."""

    def __init__(self) -> None:
        self._known: dict[int, _Extent] = {}

    def of(self, part: Document) -> _Extent:
        """The extent of a part."""
        known = self._known.get(id(part))
        if known is None:
            known = self._known[id(part)] = self._computed(part)
        return known

    def _computed(self, part: Document) -> _Extent:
        match part:
            case Leaf(text, before, after):
                width = len(text)
                lead = 0 if before else width
                return _Extent(width, lead, not before and after is None, False, bool(before), after is not None, True)
            case Space(_, flat):
                return _Extent(flat, flat)
            case Line(flat):
                return _Extent(len(flat), open=False)
            case Next():
                return _Extent(1, open=False)
            case Break() | Note():
                return _Extent(open=False, breaks=True)
            case Concat(parts):
                whole = _Extent()
                for each in parts:
                    whole = _followed(whole, self.of(each))
                return whole
            case Indent(inner) | Align(inner) | Group(inner):
                return self.of(inner)
            case Value(inner):
                return _followed(_Extent(1, 1), self.of(inner))
            case _:
                assert_never(part)


# -- where lines end ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """A part that is still to be written, `indent` columns in; `broken`: the lines of its group end."""

    part: Document
    indent: int
    broken: bool


class _Page:
    """The lines of a document, each with the comment behind it."""

    def __init__(self, document: Document) -> None:
        self.lines: list[tuple[str, str | None]] = []
        self._line = ""
        self._comment: str | None = None
        self._spaces = 0
        self._ended = False  # a comment was written: nothing may follow it on its line
        self._extents = _Extents()
        self._left = [_Task(document, 0, True)]
        while self._left:
            self._write(self._left.pop())
        self._end_line(0)

    def _write(self, task: _Task) -> None:
        indent, broken = task.indent, task.broken
        match task.part:
            case Leaf():
                self._write_leaf(task.part, indent)
            case Space(wide, narrow):
                self._spaces += wide if broken else narrow
            case Line(flat, shift):
                if broken:
                    self._end_line(indent - shift)
                else:
                    self._spaces += len(flat)
            case Next(part):
                if broken and (self._ended or not self._fits(part, self._column + 1)):
                    self._end_line(indent)
                else:
                    self._spaces += 1
            case Break(blank):
                if self.lines or not self._is_fresh:
                    self._end_line(indent)
                    if blank:
                        self.lines.append(("", None))
            case Note(text):
                self._line += text
                self._ended = True
            case Concat(parts):
                self._left += [_Task(each, indent, broken) for each in reversed(parts)]
            case Indent(part):
                self._left.append(_Task(part, indent + INDENT, broken))
            case Align(part):
                self._left.append(_Task(part, self._column, broken))
            case Group(part):
                self._left.append(_Task(part, indent, broken and not self._fits(part, self._column)))
            case Value(part, gap):
                self._write_value(task.part, part, gap if broken else 1, indent, broken)
            case _:
                assert_never(task.part)

    @property
    def _column(self) -> int:
        return len(self._line) + self._spaces

    @property
    def _is_fresh(self) -> bool:
        """Whether nothing is on this line yet."""
        return not self._line.strip()

    def _end_line(self, indent: int) -> None:
        if not self._is_fresh:
            self.lines.append((self._line, self._comment))
        self._line, self._comment, self._spaces, self._ended = " " * indent, None, 0, False

    def _write_leaf(self, leaf: Leaf, indent: int) -> None:
        column = self._column if self._is_fresh else indent + INDENT
        for note in leaf.before:
            if not self._is_fresh:
                self._end_line(column)
            self._line, self._spaces, self._ended = " " * column + note, 0, True
        if self._ended:  # where no line ends by itself
            self._end_line(column)
        self._line += " " * self._spaces + leaf.text
        self._spaces = 0
        if leaf.after is not None:
            self._comment, self._ended = leaf.after, True

    def _write_value(self, value: Value, part: Document, gap: int, indent: int, broken: bool) -> None:
        column = self._column + gap
        wide = not value.block and not self._fits(part, column)
        wide = wide and (column > MOST_BEFORE or (value.below and self._fits(part, indent + INDENT)))
        if wide or self._ended or self._extents.of(part).comment_before:
            indent += INDENT
            self._end_line(indent)
        else:
            self._spaces += gap
        self._left.append(_Task(part, indent, broken))

    def _fits(self, part: Document, column: int) -> bool:
        """Whether a part fits on this line from a column on, with what must follow it there."""
        extent = self._extents.of(part)
        column += extent.width
        if extent.breaks or column > WIDTH:
            return False
        for task in reversed(self._left):
            match task.part:
                case Line() | Next() if not task.broken:
                    column += self._extents.of(task.part).width
                case Space(wide) if task.broken:
                    column += wide
                case rest:
                    extent = self._extents.of(rest)
                    column += extent.lead
                    if not extent.open:
                        break
            if column > WIDTH:
                return False
        return column <= WIDTH
