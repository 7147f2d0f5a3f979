"""Small edits of a text that does not parse, each with the diagnostic that proposes it.

For: `mistakes.py`, which tries them in this order and takes the one after which most can be read: something `wrong` at
the token that did not fit (`here`) or a few tokens earlier (`before`), something `missing`, the last resorts. Not for:
judging them.
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.diagnostics import Diagnostic
from patternc.grammar.brackets import braces, brackets, lost_opener
from patternc.grammar.foreign import (
    comment,
    foreign_count,
    foreign_selector,
    foreign_setting,
    foreign_statement,
)
from patternc.grammar.foreign_values import (
    bare_file_name,
    foreign_number,
    foreign_quotes,
    foreign_range,
    split_percentage,
)
from patternc.grammar.lexer import END, STRAY, Token
from patternc.grammar.missing import (
    missing_brackets,
    missing_operand,
    missing_operator,
    missing_word,
    operand_at_line_end,
)
from patternc.grammar.places import Edit, Place, new_token, shown, touch, unexpected
from patternc.grammar.signatures import ARGUMENT_NAMES, PATTERN_WORDS, PRIMITIVES
from patternc.grammar.terminals import CONDITIONS, SELECTORS, SIGNS, STATEMENTS
from patternc.grammar.wrong_signs import foreign_sign, foreign_word, misspelt, stray, twice
from patternc.source import Span


def wrong_here(place: Place) -> Iterator[Edit]:
    """The token that does not fit is wrong."""
    could = place.cursor.accepts()
    yield from foreign_range(place, could)
    if place.token.type == STRAY:
        yield from foreign_quotes(place, could)
        yield from stray(place, could)
        return
    yield from comment(place, read=False)
    yield from foreign_statement(place, could)
    yield from foreign_setting(place, could)
    yield from foreign_selector(place, could)
    yield from bare_file_name(place, could)
    yield from foreign_word(place, could)
    yield from foreign_sign(place, could)
    yield from misspelt(place, could)
    yield from braces(place, could)
    yield from brackets(place)
    yield from twice(place, could)
    yield from missing_word(place, could)


def wrong_before(place: Place) -> Iterator[Edit]:
    """A token that did fit is wrong, because a later one does not."""
    token = place.token
    could = place.cursor.accepts()
    yield from comment(place, read=True)
    yield from foreign_number(place)
    yield from split_percentage(place)
    yield from foreign_selector(place, could)
    yield from foreign_word(place, could)
    yield from foreign_count(place)
    if "HEADS" in could and place.stream[place.position + 1 : place.position + 2][0].type == "LBRACE":
        yield from misspelt(place, could & {"HEADS"})
    if "CONNECTED" in could:
        yield from misspelt(place, could & set(CONDITIONS))
    if place.before is not None and place.before.type == "PERCENT":
        yield from twice(place, could)
    yield from lost_opener(place)
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
    yield from missing_brackets(place, could)
    signs = (("TIMES", " *"), ("COLON", ":"), ("EQUAL", " ="), ("COMMA", ","), ("LBRACE", " {"), ("LPAR", "("))
    for kind, written in signs:
        if kind == "COMMA" and _may_be_an_operator(place, could):
            yield from missing_operator(place, could, or_comma=True)
        elif kind == "EQUAL" and place.brackets and place.brackets[-1].type == "LPAR" and not _names_argument(place):
            continue
        elif (kind == "TIMES" and "OR" in could) or (kind == "LPAR" and "OR" not in could):
            continue  # an expression could go on or begin with it: nothing says that it is missing
        elif kind == "TIMES" and _names_pattern(place):
            continue  # it is the count itself that is missing
        elif kind in could and place.before is not None:
            sign = SIGNS[kind]
            diagnostic = Diagnostic(
                "PA105",
                f"`{sign}` is missing before {shown(place.token)}",
                (place.label(place.gap, f"`{sign}` is needed here"),),
                fix=place.fix(f"put in `{sign}`", place.gap, written),
            )
            yield Edit(diagnostic, (new_token(kind, place),))


def _names_argument(place: Place) -> bool:
    """Whether the last word is the name of some argument of the language's own patterns."""
    before = place.before
    return before is not None and before.text in ARGUMENT_NAMES


def _names_pattern(place: Place) -> bool:
    """Whether the last word is a pattern: one of the language's own, or what has a bracket right behind it."""
    before = place.before
    if before is not None and before.text in PATTERN_WORDS:
        return True
    return (
        before is not None and before.types[-1] == "NAME" and place.token.type == "LPAR" and touch(before, place.token)
    )


def _may_be_an_operator(place: Place, could: set[str]) -> bool:
    """Whether what is missing in a call may as well be an operator as a comma."""
    following = place.stream[place.position + 1 : place.position + 2]
    named = bool(following) and following[0].type == "EQUAL"
    in_call = bool(place.brackets) and place.brackets[-1].type == "LPAR"
    return in_call and "OR" in could and not named and place.token.type not in ("CAUSAL", "BIDIRECTIONAL")


def missing_before(place: Place) -> Iterator[Edit]:
    """Something is missing before a token that did fit: a selector, a count, an operator."""
    could = place.cursor.accepts()
    token, before = place.token, place.before
    yield from operand_at_line_end(place, could)
    yield from missing_brackets(place, could)
    if before is not None and before.text in PRIMITIVES and "LPAR" in could and token.type != "LPAR":
        diagnostic = Diagnostic(
            "PA105",
            f"`(` is missing after `{before.text}`",
            (place.label(place.gap, "`(` is needed here"),),
            fix=place.fix("put in `(`", Span(before.stop, token.start), "("),
        )
        yield Edit(diagnostic, (new_token("LPAR", place),))
    repeated = "INT" in could and "LSQB" not in could  # a count, where an expression could be a list as well
    if not repeated and (not token.begins_line or not could >= set(SELECTORS)):
        yield from missing_operator(place, could)
    if could >= set(SELECTORS):
        diagnostic = Diagnostic(
            "PA105",
            "this pattern has no selector",
            (place.label(token.span, "for which of them?"),),
            fix=place.fix("say for which, `all` for instance", Span(token.start, token.start), "all: "),
        )
        yield Edit(diagnostic, (new_token("ALL", place), new_token("COLON", place)))
    elif repeated:
        diagnostic = Diagnostic(
            "PA105",
            "this pattern does not say how often it is repeated",
            (place.label(token.span, "for how many layers?"),),
            fix=place.fix("say how often, once for instance", Span(token.start, token.start), "1 * "),
        )
        yield Edit(diagnostic, (new_token("INT", place, "1"), new_token("TIMES", place)))


def last_resorts(place: Place) -> Iterator[Edit]:
    """An expression is missing, or a few tokens are left out."""
    could = place.cursor.accepts()
    yield from missing_operand(place, could)
    yield from missing_operator(place, could)
    if place.token.type in (END, *STATEMENTS):
        return
    diagnostic = unexpected(place)
    for count in (1, 2, 3):
        dropped = place.stream[place.position : place.position + count]
        if any(each.type in (END, *STATEMENTS, "LBRACE") for each in dropped):
            return
        yield Edit(diagnostic, (), count, last_resort=True)
