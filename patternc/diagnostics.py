"""Diagnostics: a mistake as a value, and its rendering for people.

For: everything that tells a user what is wrong with a pattern file. A `Diagnostic` has a stable code (its text is in
`patternc.catalogue`), one sentence that stands alone, the places that matter, notes, and a text edit where one would
help. `render` draws them in the terminal; it is a pure function. Not for: finding mistakes, or the formats made for
machines (`patternc.cli.formats`).
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from patternc.source import Source, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what is to be said about it. The primary label is where the mistake is; others explain it."""

    source: Source
    span: Span
    text: str = ""
    primary: bool = True


@dataclass(frozen=True, slots=True)
class Fix:
    """A text edit that removes the mistake: `source.text[span]` becomes `replacement`. `text` says it in words."""

    text: str
    source: Source
    span: Span
    replacement: str

    def applied(self) -> str:
        """The source's text after the edit."""
        text = self.source.text
        return text[: self.span.start] + self.replacement + text[self.span.stop :]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake. Codes from PA900 on are warnings, all others are errors."""

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        """Error or warning; the code decides."""
        return "warning" if self.code >= "PA900" else "error"

    @property
    def primary(self) -> Label | None:
        """The label where the mistake is; None for one without a place."""
        return next((label for label in self.labels if label.primary), None)


class PatternError(Exception):
    """A pattern is wrong; `diagnostics` says where and why (at least one of them is an error)."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = tuple(diagnostics)

    def __str__(self) -> str:
        return "\n" + render(self.diagnostics)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them is an error."""
    return any(diagnostic.severity == "error" for diagnostic in diagnostics)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In the order of the text: by file, place and code; those without a place first."""

    def key(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
        label = diagnostic.primary
        name, start, stop = (label.source.name, label.span.start, label.span.stop) if label else ("", -1, -1)
        return name, start, stop, diagnostic.code, diagnostic.message

    return tuple(sorted(dict.fromkeys(diagnostics), key=key))


# -- the rendering ----------------------------------------------------------------------------------------------------

_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "help": "\x1b[1;32m",
    "gutter": "\x1b[1;34m",
    "bold": "\x1b[1m",
}
_TAB = "    "


MAX_DRAWN = 100
"""How many diagnostics are drawn; of more, errors come first, and the rest is counted."""


def render(diagnostics: Sequence[Diagnostic], *, width: int = 100, colour: bool = False) -> str:
    """The diagnostics as text for a terminal `width` columns wide, a blank line between two; ends with a line end.

    At most `MAX_DRAWN` are drawn.
    """
    shown = diagnostics
    if len(diagnostics) > MAX_DRAWN:
        shown = sorted(diagnostics, key=lambda each: each.severity)[:MAX_DRAWN]
    drawing = _Drawing(max(width, 40), colour)
    texts = [drawing.diagnostic(diagnostic) for diagnostic in shown]
    if len(shown) < len(diagnostics):
        texts.append(f"and {len(diagnostics) - len(shown):,} more\n")
    return "\n".join(texts)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are, as in 2 errors, 1 warning; empty when there is nothing to say."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    counts = ((errors, "error"), (len(diagnostics) - errors, "warning"))
    return ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts if count)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label on one displayed line: the columns begin <= column < end, counted in terminal cells."""

    begin: int
    end: int
    label: Label


def _cells(text: str) -> list[str]:
    """How each character is shown; tabs are spread, controls and lone surrogates are replaced by U+FFFD."""
    if text.isascii() and text.isprintable():  # a line may have 250,000 characters, and a hundred mistakes
        return list(text)
    shown: list[str] = []
    for character in text:
        if character == "\t":
            shown.append(_TAB)
        elif unicodedata.category(character) in ("Cc", "Cs", "Cf", "Cn", "Co", "Zl", "Zp"):
            shown.append("\ufffd")
        else:
            shown.append(character)
    return shown


def _width(shown: str) -> int:
    """Terminal cells that a shown character takes (a spread tab takes several)."""
    if len(shown) > 1:
        return len(shown)
    if unicodedata.combining(shown):
        return 0
    return 2 if unicodedata.east_asian_width(shown) in "WF" else 1


def _fits(cells: Sequence[str], room: int) -> bool:
    """Whether characters take at most `room` terminal cells."""
    used = 0
    for cell in cells:
        used += _width(cell)
        if used > room:
            return False
    return True


class _Drawing:
    """How wide, and in colour or not: what all parts of one rendering share."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour

    def paint(self, kind: str, text: str) -> str:
        return f"{_COLOURS[kind]}{text}\x1b[0m" if self.colour and text else text

    def diagnostic(self, diagnostic: Diagnostic) -> str:
        severity = diagnostic.severity
        head, *rest = self.wrapped(f"{severity}[{diagnostic.code}]: {diagnostic.message}", "  ")
        prefix = f"{severity}[{diagnostic.code}]"
        lines = [self.paint(severity, prefix) + self.paint("bold", head.removeprefix(prefix))]
        lines += [self.paint("bold", line) for line in rest]
        lasts = [label.source.position(label.span.start)[0] + 1 for label in diagnostic.labels]
        margin = len(str(max(lasts, default=0)))
        sources = dict.fromkeys(label.source for label in sorted(diagnostic.labels, key=lambda each: not each.primary))
        for position, source in enumerate(sources):
            labels = [label for label in diagnostic.labels if label.source == source]
            lines += self.excerpt(source, labels, margin, severity, first=position == 0)
        bar = self.gutter(margin, "")
        if diagnostic.labels and (diagnostic.notes or diagnostic.fix):
            lines.append(bar)
        for note in diagnostic.notes:
            first, *more = self.wrapped(f"{' ' * margin} = {note}", f"{' ' * margin}   ")
            lines += [self.paint("gutter", first[: margin + 2]) + first[margin + 2 :], *more]
        if diagnostic.fix is not None:
            lines += self.fix(diagnostic.fix, margin)
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def wrapped(self, text: str, indent: str) -> list[str]:
        return textwrap.wrap(
            text,
            self.width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )

    def gutter(self, margin: int, number: str) -> str:
        return self.paint("gutter", f"{number:>{margin}} |")

    def excerpt(self, source: Source, labels: list[Label], margin: int, severity: str, first: bool) -> list[str]:
        """The lines of one source that have labels, the labels below them."""
        anchor = next((label for label in labels if label.primary), labels[0])
        line, column = source.position(anchor.span.start)
        arrow = "-->" if first else ":::"
        lines = [f"{' ' * margin}{self.paint('gutter', arrow)} {source.name}:{line}:{column}", self.gutter(margin, "")]
        by_line: dict[int, list[Label]] = {}
        for label in sorted(labels, key=lambda each: each.span):
            by_line.setdefault(source.position(label.span.start)[0], []).append(label)
        before = None
        for number, group in sorted(by_line.items()):
            if before is not None and number == before + 2:
                lines.append(f"{self.gutter(margin, str(before + 1))} {self.plain(source.line(before + 1), margin)}")
            elif before is not None and number > before + 2:
                lines.append(self.paint("gutter", "..."))
            for labels in self.that_fit(source, number, group, margin):
                lines += self.labelled_line(source, number, labels, margin, severity)
            before = number
        return lines

    def that_fit(self, source: Source, number: int, labels: list[Label], margin: int) -> list[list[Label]]:
        """The labels of a line together, or each alone where the line must be cut to show them."""
        cells = _cells(source.line(number))
        line = source.line_span(number)
        low = min(label.span.start for label in labels) - line.start
        high = max(min(label.span.stop, line.stop) for label in labels) - line.start
        room = self.width - margin - 3
        if _fits(cells, room) or _fits(cells[low:high], room - 2):
            return [labels]
        return [[label] for label in labels]

    def plain(self, text: str, margin: int) -> str:
        """A line of the source without labels, cut to the width."""
        return _crop(_cells(text), 0, 0, self.width - margin - 3)[0]

    def labelled_line(self, source: Source, number: int, labels: list[Label], margin: int, severity: str) -> list[str]:
        line = source.line_span(number)
        cells = _cells(source.line(number))
        starts = [label.span.start - line.start for label in labels]
        stops = [min(label.span.stop, line.stop) - line.start for label in labels]
        text, offset, kept = _crop(cells, min(starts), max(stops), self.width - margin - 3)

        def place(character: int) -> int:
            inside = min(max(character, kept.start), kept.stop)
            return offset + sum(_width(cell) for cell in cells[kept.start : inside])

        marks = [
            _Mark(place(start), max(place(stop), place(start) + 1), label)
            for start, stop, label in zip(starts, stops, labels, strict=True)
        ]
        bar = self.gutter(margin, "")
        return [
            f"{self.gutter(margin, str(number))} {text}",
            *(f"{bar} {row}" for row in self.marks(marks, margin, severity)),
        ]

    def marks(self, marks: list[_Mark], margin: int, severity: str) -> list[str]:
        """The carets, the last label's text beside them, the texts of the others below, right to left."""

        def kind(mark: _Mark) -> str:
            return severity if mark.label.primary else "gutter"

        row = list(" " * max(mark.end for mark in marks))
        for mark in sorted(marks, key=lambda each: each.label.primary):
            sign = "^" if mark.label.primary else "-"
            row[mark.begin : mark.end] = [self.paint(kind(mark), sign)] * (mark.end - mark.begin)
        carets = "".join(row)
        *others, last = sorted(marks, key=lambda each: (each.begin, each.end))
        room = self.width - margin - 3
        rows: list[str] = []
        if last.end + 1 + len(last.label.text) <= room:
            rows.append(f"{carets} {self.paint(kind(last), last.label.text)}".rstrip())
        else:
            rows.append(carets)
            others.append(last)
        waiting = [mark for mark in others if mark.label.text]
        if waiting:
            rows.append(self.stems(waiting))
        while waiting:
            mark = waiting.pop()
            indent = mark.begin
            if indent + len(mark.label.text) > room:
                indent = max(0, room - len(mark.label.text))
            left = [other for other in waiting if other.begin < indent]
            texts = textwrap.wrap(mark.label.text, max(room - indent, 20))
            stem = self.stems(left)
            pad = " " * (indent - (left[-1].begin + 1 if left else 0))
            rows += [stem + pad + self.paint(kind(mark), text) for text in texts]
        return rows

    def stems(self, marks: list[_Mark]) -> str:
        row = ""
        column = 0
        for mark in marks:
            if mark.begin >= column:
                row += " " * (mark.begin - column) + self.paint("gutter", "|")
                column = mark.begin + 1
        return row

    def fix(self, fix: Fix, margin: int) -> list[str]:
        """The line as it would be after the edit, what is new in it marked."""
        first, *more = self.wrapped(f"help: {fix.text}", "      ")
        lines = [self.paint("help", "help") + first.removeprefix("help"), *more]
        after = Source(fix.source.name, fix.applied())
        begin = fix.span.start + len(fix.replacement) - len(fix.replacement.lstrip("\n"))
        number, _ = after.position(begin)
        line = after.line_span(number)
        start = begin - line.start
        stop = min(fix.span.start + len(fix.replacement), line.stop) - line.start
        cells = _cells(after.line(number))
        text, offset, kept = _crop(cells, start, stop, self.width - margin - 3)
        while start < stop and cells[start] == " ":
            start += 1
        begin = offset + sum(_width(cell) for cell in cells[kept.start : start])
        length = sum(_width(cell) for cell in cells[start:stop])
        bar = self.gutter(margin, "")
        lines += [bar, f"{self.gutter(margin, str(number))} {text}"]
        if length:
            sign = "+" if fix.span.start == fix.span.stop else "~"
            lines.append(f"{bar} {' ' * begin}{self.paint('help', sign * length)}")
        return lines


def _crop(cells: list[str], start: int, stop: int, room: int) -> tuple[str, int, range]:
    """A line cut to `room` cells around characters start..stop: its text, the cells before them, what was kept."""
    if _fits(cells, room):
        return "".join(cells), 0, range(len(cells))
    room -= 2
    low = max(0, min(start, len(cells)))
    high = low
    used = 0
    while high < len(cells) and (high < stop or high == low) and used + _width(cells[high]) <= room:
        used += _width(cells[high])
        high += 1
    spare = (room - used) // 2
    while low > 0 and spare >= _width(cells[low - 1]):
        low -= 1
        spare -= _width(cells[low])
        used += _width(cells[low])
    while high < len(cells) and used + _width(cells[high]) <= room:
        used += _width(cells[high])
        high += 1
    while low > 0 and used + _width(cells[low - 1]) <= room:
        low -= 1
        used += _width(cells[low])
    before = "…" if low else ""
    after = "…" if high < len(cells) else ""
    return before + "".join(cells[low:high]) + after, len(before), range(low, high)
