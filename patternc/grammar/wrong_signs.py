"""Edits for words and signs that are wrong: look-alikes, other languages' spellings, misspelt and doubled ones.

For: `edits.py`. Not for: brackets (`brackets.py`) or what is missing (`missing.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import END, Token
from patternc.grammar.places import SPACES, Edit, Place, named, new_token, rest_of_line
from patternc.grammar.scope import closest
from patternc.grammar.terminals import SELECTORS, SETTINGS, SIGNS, STATEMENTS, WORDS
from patternc.grammar.tree import ABSENT
from patternc.source import Span

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


def stray(place: Place, could: set[str]) -> Iterator[Edit]:
    """Characters that are no part of the language."""
    token = place.token
    text = token.text
    label = place.label(token.span)
    message = f"{named(text)} is no part of the language"
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
    elif all(each in SPACES for each in text):
        fix = place.fix("write an ordinary space", token.span, " ")
        yield Edit(Diagnostic("PA106", message, (label,), fix=fix), (), 1, sure=True)
    if text == "!" and "NAME" in could:
        note = "the pairs outside P are `dense - P`"
        yield Edit(Diagnostic("PA109", "`!` is not used in this language", (label,), (note,)), (), 1)
    if any(each.isalnum() for each in text):
        yield from _strange_name(place, could)
    yield Edit(Diagnostic("PA106", message, (label,)), (), 1)
    if "INT" in could:
        yield Edit(Diagnostic("PA106", message, (label,)), (new_token("NAME", place, ABSENT),), 1)


def _strange_name(place: Place, could: set[str]) -> Iterator[Edit]:
    """A name with a letter that names cannot have; Greek ones and others are spelled out."""
    token = place.token
    if "NAME" not in could:
        return
    diagnostic = Diagnostic(
        "PA106",
        f"`{token.text}` is no name of this language",
        (place.label(token.span),),
        ("names are made of the letters a to z, in either case, digits and `_`",),
    )
    yield Edit(diagnostic, (Token(("NAME",), ABSENT, token.start, token.stop),), 1, sure=True)


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


def foreign_word(place: Place, could: set[str]) -> Iterator[Edit]:
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


def foreign_sign(place: Place, could: set[str]) -> Iterator[Edit]:
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
    if token.type == "EQUAL" and following.type == "REPEAT" and before is not None and before.type == "LAYERS":
        label = place.label(place.gap, "a number is needed here")
        diagnostic = Diagnostic("PA104", "a number is missing after `layers`", (label,))
        yield Edit(diagnostic, (new_token("NAME", place, ABSENT),), sure=True)
    elif token.type in ("EQUAL", "COLON") and before is not None and before.type in SETTINGS:
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


def misspelt(place: Place, could: set[str]) -> Iterator[Edit]:
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


def twice(place: Place, could: set[str]) -> Iterator[Edit]:
    """An operator or a comma that stands twice, or a comma where nothing is separated."""
    token, before = place.token, place.before
    doubled = before is not None and token.type in SIGNS and token.text not in "()[]{}-"
    if before is not None and doubled and token.text in (before.text, before.text[-1:] * (before.type == "PERCENT")):
        diagnostic = Diagnostic(
            "PA101",
            f"`{token.text}` stands twice",
            (place.label(token.span, "once is enough"),),
            fix=place.fix("leave one out", Span(before.stop, token.stop), ""),
        )
        yield Edit(diagnostic, (), 1, sure=True)
    elif token.type == "COMMA" and place.brackets and place.brackets[-1].type != "LBRACE":
        yield _separates_nothing(place, "nothing stands before this `,`")
    elif token.type == "COMMA":
        lost = _closed_later(place)
        if lost is not None:
            yield lost
            return
        message = "entries and statements need no `,` between them"
        if could >= set(SETTINGS):
            message = "nothing separates the settings of a model: they need no `,`"
        yield _separates_nothing(place, message, sure=True)


def _separates_nothing(place: Place, message: str, sure: bool = False) -> Edit:
    span = place.token.span
    fix = place.fix("leave it out", span, "")
    return Edit(Diagnostic("PA101", message, (place.label(span, "separates nothing"),), fix=fix), (), 1, sure=sure)


def _closed_later(place: Place) -> Edit | None:
    """A comma outside brackets whose line closes a bracket that was never opened: both belong to a lost one."""
    depth = 0
    for count, token in enumerate(rest_of_line(place), 2):
        depth += (token.type == "LPAR") - (token.type == "RPAR")
        if depth < 0:
            labels = (
                place.label(token.span, "no bracket is open for it"),
                place.label(place.token.span, "nor for this `,`: is a `(` missing before it?", primary=False),
            )
            return Edit(Diagnostic("PA103", "this `)` closes nothing", labels), (), count, sure=True, weak=True)
    return None
