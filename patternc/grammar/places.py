"""Where reading stopped, an edit that would let it go on, and what is said when none does.

For: the files that propose edits (`wrong_signs.py`, `brackets.py`, `missing.py`) and `mistakes.py`, which tries them.
Not for: deciding which edit is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar.lexer import END, STRAY, Cursor, Token
from patternc.grammar.signatures import PATTERN_WORDS
from patternc.grammar.terminals import SIGNS, STATEMENTS, WORDS, expected
from patternc.grammar.tree import ABSENT
from patternc.source import Source, Span

MAX_BRACKETS = 64
"""How many brackets may be open at once."""

MAX_DEPTH = 96
"""How many levels of brackets, signs and operators an expression may have."""

MAX_STACK = 1500
"""How much the parser may have on its stack in a text with mistakes; more than `MAX_DEPTH` levels ever need."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A token that was read, and those before it: a list whose copies share what they have in common.

    `count` says how many they are, this one included.
    """

    token: Token
    before: Kept | None
    count: int

    def back_to(self, token: Token) -> Kept | None:
        """The list up to this token; None where it is not in it."""
        link: Kept | None = self
        while link is not None and link.token != token:
            link = link.before
        return link


def kept_after(before: Kept | None, token: Token) -> Kept:
    """The list with one token more."""
    return Kept(token, before, 1 if before is None else before.count + 1)


def tokens_of(last: Kept | None, without: Kept | None = None) -> list[Token]:
    """The tokens kept, first to last; of a longer list, without as many as there are in a shorter one."""
    tokens: list[Token] = []
    least = 0 if without is None else without.count
    while last is not None and last.count > least:
        tokens.append(last.token)
        last = last.before
    return tokens[::-1]


@dataclass(frozen=True, slots=True)
class Place:
    """The token at which reading stands, what was read before it, and what could come."""

    source: Source
    stream: tuple[Token, ...]
    position: int
    last: Kept | None
    brackets: tuple[Token, ...]
    cursor: Cursor
    callables: frozenset[str] = frozenset()
    """Words that brackets follow in this text."""

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.stream[self.position]

    @property
    def before(self) -> Token | None:
        """The last token read."""
        return self.last.token if self.last else None

    @property
    def before_that(self) -> Token | None:
        """The token read before it."""
        return self.last.before.token if self.last and self.last.before else None

    @property
    def gap(self) -> Span:
        """Where something would be put in: behind the last token."""
        stop = self.before.stop if self.before else self.token.start
        return Span(stop, stop)

    def label(self, span: Span, text: str = "", primary: bool = True) -> Label:
        """A label in this source."""
        return Label(self.source, span, text, primary)

    def fix(self, text: str, span: Span, replacement: str) -> Fix:
        """An edit of this source."""
        return Fix(text, self.source, span, replacement)


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `insert` in, leave the next `drop` tokens out."""

    diagnostic: Diagnostic
    insert: tuple[Token, ...] = ()
    drop: int = 0
    sure: bool = False
    """What is wrong is plain to see, so little of what follows need fit."""
    weak: bool = False
    """Something else that fits as well is the better guess."""
    last_resort: bool = False
    """Taken only where nothing else would do."""
    content_lost: bool = False
    """What is in the brackets that `insert` closes may belong outside, so it is not looked at."""


def new_token(kind: str, place: Place, text: str | None = None) -> Token:
    """A token to put in; what has no spelling of its own gets `text`, or is marked as absent."""
    written = text if text is not None else SIGNS.get(kind) or WORDS.get(kind, ABSENT)
    return Token((kind,), written, place.gap.start, place.gap.stop)


FAR = 256
"""How many tokens of a line are looked at; a line that people wrote has fewer."""


def rest_of_line(place: Place) -> list[Token]:
    """The tokens after the one at hand, to the end of its line, `FAR` of them at most."""
    following = place.stream[place.position + 1 : place.position + 1 + FAR]
    return list(takewhile(lambda token: not token.begins_line, following))


def touch(left: Token, right: Token) -> bool:
    """Whether nothing stands between two tokens."""
    return left.stop == right.start


def is_word(token: Token) -> bool:
    """Whether a token is written like a name."""
    return token.types[-1] == "NAME" or token.type in STATEMENTS


def shown(token: Token) -> str:
    """A token in a message."""
    return "the end of the file" if token.type == END else f"`{token.text}`"


# -- what is reported when nothing helps ------------------------------------------------------------------------------


def unexpected(place: Place) -> Diagnostic:
    """The token cannot stand here; what could."""
    token = place.token
    accepted = place.cursor.accepts()
    could = expected(accepted)
    if token.type == STRAY:
        return Diagnostic("PA106", f"{named(token.text)} is no part of the language", (place.label(token.span),))
    verb = "comes too early" if token.type == END else "cannot stand here"
    notes: tuple[str, ...] = ()
    if token.type == "COMPARE":
        notes = ("comparisons are not chained: make each an `expect` of its own",)
    elif accepted >= set(STATEMENTS) and token.text in PATTERN_WORDS:
        notes = _NEEDS_MODEL
    elif place.position == 0 and token.type == "LBRACE" and place.stream[1].type == "STRING":
        notes = ("`patternc import` makes a pattern file of a configuration in JSON",)
    return Diagnostic("PA101", f"{shown(token)} {verb}", (place.label(token.span, f"expected {could}"),), notes)


_NEEDS_MODEL = (
    "a pattern needs a model around it: `model m { causal tokens 64 layers 1 { all: local(8) } }`",
    "on the command line, -e takes a pattern by itself",
)


def too_deep(place: Place) -> Diagnostic:
    """One bracket too many is open, or far too many signs stand before one another."""
    brackets = len(place.brackets) >= MAX_BRACKETS
    limit = f"brackets are nested more than {MAX_BRACKETS}" if brackets else f"signs are nested more than {MAX_DEPTH}"
    return Diagnostic(
        "PA108",
        f"{limit} deep",
        (place.label(place.token.span, "one too many"),),
        ("name a part with `param` or `pattern`",),
    )


SPACES = {
    "\u00a0": "a no-break space",
    "\u200b": "a zero-width space",
    "\u3000": "a wide space",
    "\ufeff": "a byte order mark",
}


def named(text: str) -> str:
    """Stray characters in a message: invisible ones by their name."""
    first = text[0]
    if len(set(text)) == 1 and first in SPACES:
        return f"{SPACES[first]} (U+{ord(first):04X})"
    if not text.isprintable():
        return f"the character U+{next(ord(each) for each in text if not each.isprintable()):04X}"
    return f"`{text}`" if len(text) <= 20 else f"`{text[:20]}...`"
