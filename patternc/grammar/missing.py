"""Edits that put in what is missing: a word, an operand, an operator.

For: `edits.py`. Not for: brackets (`brackets.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import Token
from patternc.grammar.places import Edit, Place, new_token, shown
from patternc.grammar.signatures import FACTS, PRIMITIVES
from patternc.grammar.terminals import CLOSERS, CONDITIONS, SETTINGS, WORDS
from patternc.grammar.tree import ABSENT
from patternc.source import Span


def missing_word(place: Place, could: set[str]) -> Iterator[Edit]:
    """A word that is the only one possible, such as `repeat` after `layers 12 =`, or `expect` before `pairs(0)`."""
    if "EXPECT" in could and place.token.text in (*FACTS, *CONDITIONS.values()):
        start = place.token.start
        diagnostic = Diagnostic(
            "PA105",
            f"`expect` is missing before {shown(place.token)}",
            (place.label(place.token.span, "a property of the model"),),
            fix=place.fix("put in `expect`", Span(start, start), "expect "),
        )
        yield Edit(diagnostic, (Token(("EXPECT",), "expect", start, start),), sure=True)
    for kind in ("REPEAT", "EMPTY", "LAYERS", "ANY", "LAYER", "PAST"):
        if kind in could and not could >= set(SETTINGS):
            word = WORDS[kind]
            diagnostic = Diagnostic(
                "PA105",
                f"`{word}` is missing before {shown(place.token)}",
                (place.label(place.gap, f"`{word}` is needed here"),),
                fix=place.fix(f"put in `{word}`", place.gap, f" {word}"),
            )
            yield Edit(diagnostic, (new_token(kind, place),))


def missing_operand(place: Place, could: set[str]) -> Iterator[Edit]:
    """An expression, a name or a selector is missing; or a comma stands before a closing bracket."""
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
    yield Edit(diagnostic, (new_token("NAME", place, ABSENT),))


def missing_operator(place: Place, could: set[str], or_comma: bool = False) -> Iterator[Edit]:
    """Two expressions stand side by side; `or_comma`: perhaps they were to be two arguments."""
    if "OR" not in could or place.before is None or place.token.types[-1] not in ("NAME", "INT", "LPAR", "LSQB"):
        return
    what = "an operator or `,`" if or_comma else "an operator"
    diagnostic = Diagnostic(
        "PA105",
        f"{what} is missing between {shown(place.before)} and {shown(place.token)}",
        (place.label(place.gap, "nothing joins the two"),),
        () if or_comma else ("patterns are joined by `|`, `&` and `-`",),
    )
    yield Edit(diagnostic, (new_token("OR", place, ABSENT),))


_WANT_OPERAND = (
    *("OR", "AND", "MINUS", "PLUS", "TIMES", "DIVIDE", "MODULO", "SLASH", "POWER"),
    *("EQUAL", "COLON", "COMPARE"),
)


def operand_at_line_end(place: Place, could: set[str]) -> Iterator[Edit]:
    """An operand is missing at the end of the line before, although this line's first word could have been it."""
    before = place.before
    if before is None or "NAME" not in could or not place.token.begins_line:
        return
    if before.type not in _WANT_OPERAND and before.type not in SETTINGS:
        return
    what = "a number" if before.type in SETTINGS else "an expression"
    label = place.label(place.gap, f"{what} is needed here")
    diagnostic = Diagnostic("PA104", f"{what} is missing after {shown(before)}", (label,))
    yield Edit(diagnostic, (new_token("NAME", place, ABSENT),))


def missing_brackets(place: Place, could: set[str]) -> Iterator[Edit]:
    """`local 8` instead of `local(8)`."""
    token, before = place.token, place.before
    if before is None or before.text not in PRIMITIVES or "LPAR" not in could or "OR" not in could:
        return
    if token.types[-1] not in ("INT", "NAME") or token.begins_line:
        return
    diagnostic = Diagnostic(
        "PA105",
        f"`{before.text}` takes its arguments in brackets",
        (place.label(token.span, "an argument"),),
        fix=place.fix("put it in brackets", Span(before.stop, token.stop), f"({token.text})"),
    )
    argument = Token(token.types[-1:], token.text, token.start, token.stop)
    yield Edit(diagnostic, (new_token("LPAR", place), argument, new_token("RPAR", place)), 1, sure=True)
