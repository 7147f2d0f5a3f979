"""Small edits of a text that does not parse, each with the diagnostic that proposes it.

For: `mistakes.py`, which tries them in this order and takes the one after which most can be read: something `wrong` at
the token that did not fit (`here`) or a few tokens earlier (`before`), something `missing`, the last resorts. Not for:
judging them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar.lexer import END, STRAY, Cursor, Token
from patternc.grammar.scope import closest
from patternc.grammar.signatures import PRIMITIVES
from patternc.grammar.terminals import CLOSERS, SELECTORS, SETTINGS, SIGNS, STATEMENTS, WORDS, expected
from patternc.grammar.tree import ABSENT
from patternc.source import Source, Span

MAX_BRACKETS = 64
"""How many brackets may be open at once."""

MAX_DEPTH = 96
"""How many levels of brackets, signs and operators an expression may have."""

MAX_STACK = 1500
"""How much the parser may have on its stack in a text with mistakes; more than `MAX_DEPTH` levels ever need."""


@dataclass(frozen=True, slots=True)
class Place:
    """The token at which reading stands, what was read before it, and what could come."""

    source: Source
    stream: tuple[Token, ...]
    position: int
    kept: list[Token]
    brackets: tuple[Token, ...]
    cursor: Cursor

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.stream[self.position]

    @property
    def before(self) -> Token | None:
        """The last token read."""
        return self.kept[-1] if self.kept else None

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
    last_resort: bool = False
    """Taken only where nothing else would do."""
    content_lost: bool = False
    """What is in the brackets that `insert` closes may belong outside, so it is not looked at."""


def _token(kind: str, place: Place, text: str | None = None) -> Token:
    written = text if text is not None else SIGNS.get(kind) or WORDS.get(kind, ABSENT)
    return Token((kind,), written, place.gap.start, place.gap.stop)


def shown(token: Token) -> str:
    """A token in a message."""
    return "the end of the file" if token.type == END else f"`{token.text}`"


# -- what is reported when nothing helps ------------------------------------------------------------------------------


def unexpected(place: Place) -> Diagnostic:
    """The token cannot stand here; what could."""
    token = place.token
    could = expected(place.cursor.accepts())
    if token.type == STRAY:
        return Diagnostic("PA106", f"{_named(token.text)} is no part of the language", (place.label(token.span),))
    verb = "comes too early" if token.type == END else "cannot stand here"
    notes = ("comparisons are not chained: make each an `expect` of its own",) if token.type == "COMPARE" else ()
    return Diagnostic("PA101", f"{shown(token)} {verb}", (place.label(token.span, f"expected {could}"),), notes)


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


# -- the edits ---------------------------------------------------------------------------------------------


def wrong_here(place: Place) -> Iterator[Edit]:
    """The token that does not fit is wrong."""
    could = place.cursor.accepts()
    if place.token.type == STRAY:
        yield from _stray(place, could)
        return
    yield from _foreign_word(place, could)
    yield from _foreign_sign(place, could)
    yield from _misspelt(place, could)
    yield from _brackets(place)
    yield from _twice(place)
    yield from _missing_word(place, could)


def wrong_before(place: Place) -> Iterator[Edit]:
    """A token that did fit is wrong, because a later one does not."""
    token = place.token
    yield from _foreign_word(place, place.cursor.accepts())
    if token.type == "COLON":
        diagnostic = Diagnostic(
            "PA109",
            "a range is written with `..`, not with `:`",
            (place.label(token.span),),
            fix=place.fix("write `..`", token.span, ".."),
        )
        yield Edit(diagnostic, (Token(("RANGE",), "..", token.start, token.stop),), 1)


def missing_here(place: Place) -> Iterator[Edit]:
    """A sign is missing before the token that does not fit."""
    could = place.cursor.accepts()
    for kind, written in (("COLON", ":"), ("EQUAL", " ="), ("COMMA", ",")):
        if kind in could and place.before is not None:
            sign = SIGNS[kind]
            diagnostic = Diagnostic(
                "PA105",
                f"`{sign}` is missing before {shown(place.token)}",
                (place.label(place.gap, f"`{sign}` is needed here"),),
                fix=place.fix(f"put in `{sign}`", place.gap, written),
            )
            yield Edit(diagnostic, (_token(kind, place),))


def missing_before(place: Place) -> Iterator[Edit]:
    """Something is missing before a token that did fit: a selector, a count, an operator."""
    could = place.cursor.accepts()
    token = place.token
    repeated = "INT" in could and not could & {"LPAR", "LSQB"}
    if not repeated and (not token.begins_line or not could >= set(SELECTORS)):
        yield from _missing_operator(place, could)
    if could >= set(SELECTORS):
        diagnostic = Diagnostic(
            "PA105",
            "this pattern has no selector",
            (place.label(token.span, "for which of them?"),),
            fix=place.fix("say for which, `all` for instance", Span(token.start, token.start), "all: "),
        )
        yield Edit(diagnostic, (_token("ALL", place), _token("COLON", place)))
    elif repeated:
        diagnostic = Diagnostic(
            "PA105",
            "this pattern does not say how often it is repeated",
            (place.label(token.span, "for how many layers?"),),
            fix=place.fix("say how often, once for instance", Span(token.start, token.start), "1 * "),
        )
        yield Edit(diagnostic, (_token("INT", place, "1"), _token("TIMES", place)))


def last_resorts(place: Place) -> Iterator[Edit]:
    """An expression is missing, or a few tokens are left out."""
    could = place.cursor.accepts()
    yield from _missing_operand(place, could)
    yield from _missing_operator(place, could)
    if place.token.type in (END, *STATEMENTS):
        return
    diagnostic = unexpected(place)
    for count in (1, 2, 3):
        dropped = place.stream[place.position : place.position + count]
        if any(each.type in (END, *STATEMENTS, "LBRACE") for each in dropped):
            return
        yield Edit(diagnostic, (), count, last_resort=True)


# -- what may be wrong ------------------------------------------------------------------------------------------------


_LOOKALIKES = {
    **{"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"},
    **{"\u00d7": "*", "\u00b7": "*", "\u2217": "*", "\u00f7": "//", "\u2264": "<=", "\u2265": ">=", "\u2260": "!="},
    **{"\u222a": "|", "\u2228": "|", "\u2229": "&", "\u2227": "&", "\u2216": "-", "\u2026": "..", "\u00a6": "|"},
    **{"\uff08": "(", "\uff09": ")", "\uff0c": ",", "\uff1a": ":", "\uff1d": "="},
}
_LOOKALIKE_TYPES = {
    **{sign: kind for kind, sign in SIGNS.items() if kind != "SELECTOR_MINUS"},
    **dict.fromkeys(("<=", ">=", "!="), "COMPARE"),
}
_SPACES = {
    "\u00a0": "a no-break space",
    "\u200b": "a zero-width space",
    "\u3000": "a wide space",
    "\ufeff": "a byte order mark",
}


def _named(text: str) -> str:
    """Stray characters in a message: invisible ones by their name."""
    first = text[0]
    if len(set(text)) == 1 and first in _SPACES:
        return f"{_SPACES[first]} (U+{ord(first):04X})"
    if not text.isprintable():
        return f"the character U+{next(ord(each) for each in text if not each.isprintable()):04X}"
    return f"`{text}`" if len(text) <= 20 else f"`{text[:20]}...`"


def _stray(place: Place, could: set[str]) -> Iterator[Edit]:
    token = place.token
    text = token.text
    label = place.label(token.span)
    message = f"{_named(text)} is no part of the language"
    if text.startswith('"'):
        yield from _unclosed_quote(place)
    if text in _LOOKALIKES:
        sign = _LOOKALIKES[text]
        fix = place.fix(f"write `{sign}`", token.span, sign)
        replacement = Token((_LOOKALIKE_TYPES[sign],), sign, token.start, token.stop)
        yield Edit(Diagnostic("PA106", message, (label,), fix=fix), (replacement,), 1, sure=True)
    if text == ";":
        fix = place.fix("leave it out", token.span, "")
        label = place.label(token.span, "nothing needs an end mark")
        yield Edit(Diagnostic("PA109", "`;` is not used in this language", (label,), fix=fix), (), 1, sure=True)
    elif all(each in _SPACES for each in text):
        fix = place.fix("write an ordinary space", token.span, " ")
        yield Edit(Diagnostic("PA106", message, (label,), fix=fix), (), 1, sure=True)
    if text == "!" and "NAME" in could:
        note = "the pairs outside P are `dense - P`"
        yield Edit(Diagnostic("PA109", "`!` is not used in this language", (label,), (note,)), (), 1)
    yield Edit(Diagnostic("PA106", message, (label,)), (), 1)
    if "INT" in could:
        yield Edit(Diagnostic("PA106", message, (label,)), (_token("NAME", place, ABSENT),), 1)


def _unclosed_quote(place: Place) -> Iterator[Edit]:
    token = place.token
    line, _ = place.source.position(token.start)
    text = place.source.text[token.start : place.source.line_span(line).stop].rstrip()
    stop = token.start + len(text)
    drop = sum(each.start < stop for each in place.stream[place.position :])
    diagnostic = Diagnostic(
        "PA107",
        "this quoted name is never closed",
        (place.label(Span(token.start, stop), 'a `"` is missing at its end'),),
        fix=place.fix('close it with `"`', Span(stop, stop), '"'),
    )
    yield Edit(diagnostic, (Token(("STRING",), text + '"', token.start, stop),), drop)


_FOREIGN_WORDS = {"and": ("AND", "&"), "or": ("OR", "|"), "xor": None, "not": None}


def _foreign_word(place: Place, could: set[str]) -> Iterator[Edit]:
    """`and`, `or`, `not`."""
    token = place.token
    if token.text not in _FOREIGN_WORDS:
        return
    found = _FOREIGN_WORDS[token.text]
    label = place.label(token.span, "a word of other languages")
    if found is not None and found[0] in could:
        kind, sign = found
        fix = place.fix(f"write `{sign}`", token.span, sign)
        diagnostic = Diagnostic("PA109", f"`{token.text}` is written `{sign}` here", (label,), fix=fix)
        yield Edit(diagnostic, (Token((kind,), sign, token.start, token.stop),), 1, sure=True)
    elif found is None and "OR" not in could:
        note = "the pairs outside P are `dense - P`"
        yield Edit(Diagnostic("PA109", f"there is no `{token.text}` in this language", (label,), (note,)), (), 1)


def _foreign_sign(place: Place, could: set[str]) -> Iterator[Edit]:
    """Signs that other languages use, and signs that belong elsewhere in this one."""
    token, before = place.token, place.before
    following = place.stream[place.position + 1] if token.type != END else token
    swaps = {("EXPONENT", "POWER"), ("COLON", "EQUAL"), ("EQUAL", "COLON"), ("EQUAL", "COMPARE"), ("DOT", "RANGE")}
    for wrong, right in swaps:
        if token.type == wrong and right in could:
            sign = "==" if right == "COMPARE" else SIGNS[right]
            drop = 1
            if wrong == "EQUAL" and following.text in ("<", ">") and following.start == token.stop:
                sign, drop = f"{following.text}=", 2
            span = Span(token.start, place.stream[place.position + drop - 1].stop)
            written = place.source.text[span.start : span.stop]
            diagnostic = Diagnostic(
                "PA109",
                f"`{written}` is written `{sign}` here",
                (place.label(span),),
                fix=place.fix(f"write `{sign}`", span, sign),
            )
            yield Edit(diagnostic, (Token((right,), sign, span.start, span.stop),), drop, sure=True)
    if token.type in ("EQUAL", "COLON") and before is not None and before.type in SETTINGS:
        diagnostic = Diagnostic(
            "PA109",
            f"a setting is written without `{token.text}`",
            (place.label(token.span, f"`{before.text}` is followed by its value"),),
            fix=place.fix("leave it out", Span(before.stop, token.stop), ""),
        )
        yield Edit(diagnostic, (), 1, sure=True)
    if token.type in STATEMENTS and "NAME" in could and "INT" not in could and not token.begins_line:
        diagnostic = Diagnostic(
            "PA203",
            f"`{token.text}` is a word of the language and cannot be declared",
            (place.label(token.span, "choose another name"),),
        )
        yield Edit(diagnostic, (Token(("NAME",), ABSENT, token.start, token.stop),), 1)


def _misspelt(place: Place, could: set[str]) -> Iterator[Edit]:
    """A word that is nearly one that could come."""
    token = place.token
    if token.types[-1] != "NAME":
        return
    words = {WORDS[kind]: kind for kind in could if kind in WORDS}
    word = closest(token.text, words)
    if word is None or word == token.text:
        return
    what = "cannot stand here"
    if could >= set(STATEMENTS):
        what = "does not begin a statement"
    elif could >= set(SETTINGS):
        what = "is not a setting of a model"
    elif could >= set(SELECTORS):
        what = "is not a selector"
    diagnostic = Diagnostic(
        "PA101",
        f"`{token.text}` {what}",
        (place.label(token.span, "unknown word"),),
        fix=place.fix(f"did you mean `{word}`?", token.span, word),
    )
    yield Edit(diagnostic, (Token((words[word],), word, token.start, token.stop),), 1, sure=True)


def _brackets(place: Place) -> Iterator[Edit]:
    """Brackets that are not closed, closed by another shape, or closed twice."""
    token, brackets = place.token, place.brackets
    if token.type in CLOSERS.values():
        wanted = CLOSERS[brackets[-1].type] if brackets else None
        if wanted is None or (wanted != token.type and all(CLOSERS[each.type] != token.type for each in brackets)):
            if wanted is not None:
                yield _wrong_shape(place, brackets[-1], wanted)
            yield _closes_nothing(place)
            return
    for count in range(1, len(brackets) + 1):
        inner = brackets[-count:]
        if inner[0].type == "LBRACE" and not (token.type in (*STATEMENTS, END) or token.type == "RBRACE"):
            break
        yield _never_closed(place, inner)
    if token.type in CLOSERS.values():
        if brackets and CLOSERS[brackets[-1].type] != token.type:
            yield _wrong_shape(place, brackets[-1], CLOSERS[brackets[-1].type])
        yield _closes_nothing(place)


def _wrong_shape(place: Place, opened: Token, wanted: str) -> Edit:
    token = place.token
    sign = SIGNS[wanted]
    diagnostic = Diagnostic(
        "PA103",
        f"`{opened.text}` is closed by `{token.text}`",
        (place.label(token.span, f"`{sign}` is needed"), place.label(opened.span, "opened here", primary=False)),
        fix=place.fix(f"write `{sign}`", token.span, sign),
    )
    return Edit(diagnostic, (Token((wanted,), sign, token.start, token.stop),), 1)


def _closes_nothing(place: Place) -> Edit:
    token = place.token
    diagnostic = Diagnostic(
        "PA103",
        f"this `{token.text}` closes nothing",
        (place.label(token.span, "no bracket is open for it"),),
        fix=place.fix("leave it out", token.span, ""),
    )
    return Edit(diagnostic, (), 1)


def _never_closed(place: Place, opened: Sequence[Token]) -> Edit:
    """Close the brackets `opened` (outermost first, at least one) here."""
    closers = tuple(_token(CLOSERS[each.type], place) for each in reversed(opened))
    signs = "".join(each.text for each in closers)
    blamed = opened[-1]
    gap = _end_of_numbers(place, opened[-1]) or place.gap
    labels = [place.label(blamed.span, "opened here")]
    labels += [place.label(each.span, "and this one", primary=False) for each in opened if each is not blamed][:3]
    if place.source.position(gap.start)[0] != place.source.position(blamed.start)[0] and "}" not in signs:
        labels.append(place.label(gap, f"`{signs}` is needed by here", primary=False))
    count = f"{len(opened)} brackets are" if len(opened) > 1 else f"this `{blamed.text}` is"
    replacement = signs
    if "}" in signs:
        line, _ = place.source.position(opened[0].start)
        text = place.source.line(line)
        same = line == place.source.position(gap.start)[0]
        replacement = f" {signs}" if same else "\n" + text[: len(text) - len(text.lstrip())] + signs
    fix = place.fix(f"close {'them' if len(opened) > 1 else 'it'} with `{signs}`", gap, replacement)
    diagnostic = Diagnostic("PA102", f"{count} never closed", tuple(labels), fix=fix)
    return Edit(diagnostic, closers, content_lost=True)


def _end_of_numbers(place: Place, opened: Token) -> Span | None:
    """Where the arguments end of a call that takes no patterns: before the first `|` or `&`."""
    start = place.kept.index(opened)
    called = place.kept[start - 1].text if start else ""
    signature = PRIMITIVES.get(called)
    if signature is None or any(parameter.kind == "pattern" for parameter in signature.parameters):
        return None
    depth = 0
    for before, token in pairwise(place.kept[start:]):
        depth += (before.type in CLOSERS) - (before.type in CLOSERS.values())
        if depth == 1 and token.type in ("OR", "AND"):
            return Span(before.stop, before.stop)
    return None


def _twice(place: Place) -> Iterator[Edit]:
    """An operator or a comma that stands twice, or a comma where nothing is separated."""
    token, before = place.token, place.before
    if before is not None and token.text == before.text and token.type in SIGNS and token.type not in CLOSERS:
        diagnostic = Diagnostic(
            "PA101",
            f"`{token.text}` stands twice",
            (place.label(token.span, "once is enough"),),
            fix=place.fix("leave one out", Span(before.stop, token.stop), ""),
        )
        yield Edit(diagnostic, (), 1, sure=True)
    elif token.type == "COMMA":
        in_list = bool(place.brackets) and place.brackets[-1].type != "LBRACE"
        message = "nothing stands before this `,`" if in_list else "entries and statements need no `,` between them"
        diagnostic = Diagnostic(
            "PA101",
            message,
            (place.label(token.span, "separates nothing"),),
            fix=place.fix("leave it out", token.span, ""),
        )
        yield Edit(diagnostic, (), 1)


def _missing_word(place: Place, could: set[str]) -> Iterator[Edit]:
    """A word that is the only one possible, such as `repeat` after `layers 12 =`."""
    for kind in ("REPEAT", "EMPTY", "LAYERS", "ANY", "LAYER", "PAST"):
        if kind in could and not could >= set(SETTINGS):
            word = WORDS[kind]
            diagnostic = Diagnostic(
                "PA105",
                f"`{word}` is missing before {shown(place.token)}",
                (place.label(place.gap, f"`{word}` is needed here"),),
                fix=place.fix(f"put in `{word}`", place.gap, f" {word}"),
            )
            yield Edit(diagnostic, (_token(kind, place),))


def _missing_operand(place: Place, could: set[str]) -> Iterator[Edit]:
    token, before = place.token, place.before
    if "NAME" not in could or before is None:
        return
    if before.type == "COMMA" and token.type in CLOSERS.values():
        diagnostic = Diagnostic(
            "PA101",
            f"nothing follows this `,` before {shown(token)}",
            (place.label(before.span, "separates nothing"),),
            fix=place.fix("leave it out", before.span, ""),
        )
    else:
        what = "a selector" if "EVEN" in could else "an expression" if "INT" in could else "a name"
        if before.type in SETTINGS:
            what = "a number"
        where = f"before {shown(token)}" if what == "a selector" else f"after {shown(before)}"
        diagnostic = Diagnostic(
            "PA104",
            f"{what} is missing {where}",
            (place.label(place.gap, f"{what} is needed here"),),
        )
    yield Edit(diagnostic, (_token("NAME", place, ABSENT),))


def _missing_operator(place: Place, could: set[str]) -> Iterator[Edit]:
    if "OR" not in could or place.before is None or place.token.types[-1] not in ("NAME", "INT", "LPAR", "LSQB"):
        return
    diagnostic = Diagnostic(
        "PA105",
        f"an operator is missing between {shown(place.before)} and {shown(place.token)}",
        (place.label(place.gap, "nothing joins the two"),),
        ("patterns are joined by `|`, `&` and `-`",),
    )
    yield Edit(diagnostic, (_token("OR", place, ABSENT),))
