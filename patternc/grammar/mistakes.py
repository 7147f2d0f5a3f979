"""Mistakes in the syntax: finding all of them in one run, and saving what can be saved.

For: a text that does not parse. At each mistake a few small edits are tried (a bracket closed, a sign put in, a word
corrected, something left out), and the one after which most of what follows can be read is taken, and proposed. Where
none helps, reading goes on at the next line that fits, at the closing brace, or at the next statement. The result is a
list of tokens that does parse. Not for: what the tokens mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from patternc.diagnostics import Diagnostic
from patternc.grammar.braces import close_braces
from patternc.grammar.brackets import callables, glued
from patternc.grammar.edits import last_resorts, missing_before, missing_here, wrong_before, wrong_here
from patternc.grammar.lexer import END, Cursor, Token
from patternc.grammar.places import (
    MAX_BRACKETS,
    MAX_STACK,
    Edit,
    Kept,
    Place,
    kept_after,
    tokens_of,
    too_deep,
    unexpected,
)
from patternc.grammar.terminals import CLOSERS, SIGNS, STATEMENTS
from patternc.grammar.tree import ABSENT
from patternc.source import Source, Span

MAX_MISTAKES = 100
"""After so many mistakes in one file reading stops."""

_LOOK = 5
"""How many tokens an edit is judged by."""

_ENOUGH = 3
"""How many of them must fit."""

_BACK = 6
"""How many tokens before the mistake an edit may lie."""

_SUSPECTS = 4
"""How many earlier words of the line are looked at again that may have lost their bracket."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """Tokens that parse, what was wrong, the names whose declaration was lost, and all that was not read."""

    tokens: tuple[Token, ...]
    diagnostics: tuple[Diagnostic, ...]
    damaged: frozenset[str] = frozenset()
    lost: tuple[Span, ...] = ()


@dataclass(slots=True)
class _Reading:
    """How far reading has come: the parser, the tokens kept, the brackets open."""

    cursor: Cursor
    last: Kept | None = None
    brackets: tuple[Token, ...] = ()

    def copy(self) -> _Reading:
        return _Reading(self.cursor.copy(), self.last, self.brackets)

    def forget_content(self, brackets: tuple[Token, ...], count: int) -> None:
        """Keep nothing of what is inside the innermost `count` of `brackets`, which were just closed."""
        opener = brackets[-count]
        opened = self.last.back_to(opener) if self.last else None
        if self.last is None or opened is None:
            raise AssertionError("an open bracket has been read")
        before = opened.before.before if opened.before else None
        declares = before is not None and before.token.type == "PATTERN"
        if opener.type == "LBRACE" or declares:
            return
        gap = self.last.token.stop
        closer = Token((CLOSERS[opener.type],), SIGNS[CLOSERS[opener.type]], gap, gap)
        self.last = kept_after(kept_after(opened, Token(("NAME",), ABSENT, opener.stop, gap)), closer)

    def feed(self, token: Token) -> bool:
        """Take a token; False, and of no more use, when it does not fit."""
        if not self.cursor.feed(token):
            return False
        self.last = kept_after(self.last, token)
        if token.type in CLOSERS:
            self.brackets = (*self.brackets, token)
        elif token.type in CLOSERS.values() and self.brackets:
            self.brackets = self.brackets[:-1]
        return True


def repair(source: Source, tokens: tuple[Token, ...]) -> Repaired:
    """All independent mistakes in the syntax of a text, and tokens that parse instead."""
    end = len(source.text)
    tokens, diagnostics = close_braces(source, tokens)
    stream = (*tokens, Token((END,), "", end, end, True))
    reading = _Reading(Cursor(parsing=False))
    starts: dict[int, _Start] = {}  # by number of open brackets: before the last line that began there
    recent: list[tuple[int, _Reading]] = []  # before each of the last tokens
    suspects: list[tuple[int, _Reading]] = []  # before words of this line that may have lost their bracket
    names = callables(tokens)
    dropped: list[Token] = []
    position = 0
    while True:
        token = stream[position]
        if _restart_here(reading, token):
            starts = {depth: start for depth, start in starts.items() if depth < len(reading.brackets)}
            starts[len(reading.brackets)] = _Start(reading.copy(), _column(source, token))
            suspects = []
        if glued(token, names) is not None:
            suspects = [*suspects[1 - _SUSPECTS :], (position, reading.copy())]
        recent = [*recent[1 - _BACK :], (position, reading.copy())]
        deep = (token.type in CLOSERS and len(reading.brackets) >= MAX_BRACKETS) or reading.cursor.depth > MAX_STACK
        if not deep and reading.feed(token):
            if token.type == END:
                break
            position += 1
            continue
        reading = recent[-1][1].copy()
        earlier = [each for each in suspects if each[0] < recent[0][0]]
        found = None if deep else _mended(source, stream, [*earlier, *recent], position, names)
        if found is not None:
            edit, reading, resume = found
            diagnostics.append(edit.diagnostic)
            if edit.last_resort:
                dropped += stream[resume - edit.drop : resume]
            recent, suspects = [], []
            position = resume
        else:
            place = Place(source, stream, position, reading.last, reading.brackets, reading.cursor)
            diagnostics.append(too_deep(place) if deep else unexpected(place))
            lost, reading, position = _restarted(source, stream, reading, starts, position)
            dropped += lost
            recent, suspects = [], []
        if len(diagnostics) >= MAX_MISTAKES:
            dropped += stream[position:-1]
            reading = _Reading(Cursor(parsing=False))
            reading.feed(stream[-1])
            break
    damaged = frozenset(
        name.text for word, name in pairwise(dropped) if word.type in ("PARAM", "PATTERN") and name.types[-1] == "NAME"
    )
    lost_spans = tuple(token.span for token in dropped)
    return Repaired(tuple(tokens_of(reading.last)[:-1]), tuple(diagnostics), damaged, lost_spans)


def _restart_here(reading: _Reading, token: Token) -> bool:
    """Whether reading could start again before this token: a new line, or a statement, outside round brackets."""
    inner = reading.brackets[-1].type if reading.brackets else "LBRACE"
    if inner != "LBRACE" or not (token.begins_line or token.type in STATEMENTS):
        return False
    return reading.cursor.copy().feed(Token(("RBRACE" if reading.brackets else END,), "", token.start, token.start))


# -- small edits ------------------------------------------------------------------------------------------------------


def _mended(
    source: Source,
    stream: tuple[Token, ...],
    recent: list[tuple[int, _Reading]],
    position: int,
    names: frozenset[str],
) -> tuple[Edit, _Reading, int] | None:
    """The edit that lets most of what follows be read, the reading after it and where it goes on; None if none does."""
    best: tuple[int, Edit, _Reading, int] | None = None
    line_ends: tuple[Edit, _Reading, int] | None = None
    for edit, start in _edits(source, stream, recent, position, names):
        reading = next(each for index, each in recent if index == start).copy()
        if not all(reading.feed(token) for token in edit.insert):
            continue
        if edit.content_lost:
            reading.forget_content(recent[-1][1].brackets, len(edit.insert))
        resume = start + edit.drop
        if edit.last_resort and (best is not None or line_ends is not None):
            break
        again = max(0, position - resume)
        fits = _fits(reading, stream, resume, max(_LOOK + _BACK, _LOOK + again)) - again
        if edit.sure:
            fits += max(0, resume - position)  # what it replaces was understood
        if edit.weak:
            fits = min(fits, _LOOK) - 1
        if fits == 0 and resume >= position and line_ends is None and _restart_here(reading, stream[resume]):
            line_ends = edit, reading, resume  # the line is complete; the next one begins with another mistake
        if fits >= (1 if edit.sure else _ENOUGH) and (best is None or fits > best[0]):
            best = fits, edit, reading, resume
            if fits >= _LOOK:
                break
    return line_ends if best is None else best[1:]


def _edits(
    source: Source,
    stream: tuple[Token, ...],
    recent: list[tuple[int, _Reading]],
    position: int,
    names: frozenset[str],
) -> Iterator[tuple[Edit, int]]:
    """The edits to try, the likely ones first, each with the position it is for."""
    places = [
        Place(source, stream, start, reading.last, reading.brackets, reading.cursor, names) for start, reading in recent
    ]
    here, earlier = places[-1], places[-2::-1]
    yield from ((edit, position) for edit in wrong_here(here))
    for place in earlier:
        yield from ((edit, place.position) for edit in wrong_before(place))
    yield from ((edit, position) for edit in missing_here(here))
    for place in earlier:
        yield from ((edit, place.position) for edit in missing_before(place))
    yield from ((edit, position) for edit in last_resorts(here))


def _fits(reading: _Reading, stream: tuple[Token, ...], position: int, most: int = _LOOK + _BACK) -> int:
    """How many tokens from `position` on can be read, of `most`; at the end, as good as all of them.

    Where a complete line was read and the next one begins with another mistake, that is enough.
    """
    trial = reading.copy()
    for count, token in enumerate(stream[position : position + most]):
        line_ends = count > 0 and _restart_here(trial, token)
        if not trial.feed(token):
            return max(count, _ENOUGH) if line_ends else count
        if token.type == END:
            break
    return most


# -- starting again ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Start:
    """The reading before a line, and the column in which the line begins."""

    reading: _Reading
    column: int


def _column(source: Source, token: Token) -> int:
    return source.position(token.start)[1]


_CONTINUES = frozenset((*CLOSERS.values(), *SIGNS)) - {"SELECTOR_MINUS", *CLOSERS}
"""What a line begins with that goes on with the one before."""


def _restarted(
    source: Source, stream: tuple[Token, ...], reading: _Reading, starts: dict[int, _Start], position: int
) -> tuple[list[Token], _Reading, int]:
    """Go back to where the line began and on to the next: what was dropped, the reading, the position.

    The next line is the first one inside the same braces that is not indented further, or that fits.
    """
    start, column = _enclosing(reading, starts)
    opened = reading.brackets[len(start.brackets) :]
    skipped = sum(bracket.type == "LBRACE" for bracket in opened)  # braces opened in what is skipped
    for index in range(position, len(stream)):
        token = stream[index]
        begins = token.type in STATEMENTS and (index > position or token.begins_line)
        if begins or token.type == END:
            trial = _closed(start, token.start)
            if trial.copy().feed(token):
                return _lost(stream, reading, start, position, index), trial, index
        elif token.type == "LBRACE":
            skipped += 1
        elif token.type == "RBRACE":
            if skipped:
                skipped -= 1
            elif start.brackets and start.copy().feed(token):
                return _lost(stream, reading, start, position, index), start, index
        elif (skipped == 0 and index > position and token.begins_line and token.type not in _CONTINUES) and (
            _column(source, token) <= column or _fits(start, stream, index) >= _ENOUGH
        ):
            return _lost(stream, reading, start, position, index), start, index
    raise AssertionError("the end of the file fits after a complete statement")


def _enclosing(reading: _Reading, starts: dict[int, _Start]) -> tuple[_Reading, int]:
    """The innermost place to start again that is still inside the same braces, and its column."""
    for depth in sorted(starts, reverse=True):
        start = starts[depth].reading
        if start.brackets == reading.brackets[:depth]:
            return start.copy(), starts[depth].column
    return _Reading(Cursor(parsing=False)), 1


def _closed(reading: _Reading, at: int) -> _Reading:
    """A reading with its open brackets closed at an offset, so that what was left out before it is inside them."""
    closed = reading.copy()
    for bracket in reversed(reading.brackets):
        kind = CLOSERS[bracket.type]
        if not closed.feed(Token((kind,), SIGNS[kind], at, at)):
            raise AssertionError("a restart is where everything is complete")
    return closed


def _lost(stream: tuple[Token, ...], reading: _Reading, start: _Reading, position: int, resume: int) -> list[Token]:
    return [*tokens_of(reading.last, start.last), *stream[position:resume]]
