"""Edits for values as other languages write them: numbers, quoted texts, file names, ranges that include their end.

For: `edits.py`. Not for: words (`foreign.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import END, STRAY, Token
from patternc.grammar.places import Edit, Place, is_word, new_token, rest_of_line, touch
from patternc.grammar.terminals import SETTINGS, SIGNS, STATEMENTS
from patternc.grammar.tree import ABSENT
from patternc.source import Span

# -- numbers ----------------------------------------------------------------------------------------------------------

_THOUSANDS = {"k": 1 << 10, "K": 1 << 10, "ki": 1 << 10, "Ki": 1 << 10, "m": 1 << 20, "M": 1 << 20, "Mi": 1 << 20}


def foreign_number(place: Place) -> Iterator[Edit]:
    """`64k`, `1e6`, `1_000_000`, `16,384`, `0x10`: a number with something right behind it."""
    token = place.token
    following = place.stream[place.position + 1 : place.position + 6]
    if token.type not in ("INT", "DECIMAL") or not following or not touch(token, following[0]):
        return
    if following[0].types[-1] == "NAME" and not _is_time_for_a_word(following[0]):
        yield _number(place, 2)
    elif following[0].type == "COMMA" and (not place.brackets or place.brackets[-1].type == "LBRACE"):
        drop = 1
        while len(following) > drop and following[drop - 1].type == "COMMA" and len(following[drop].text) == 3:
            drop += 2
        if drop > 1 and following[1].type == "INT" and touch(following[0], following[1]):
            yield _number(place, drop)


def _is_time_for_a_word(token: Token) -> bool:
    return token.type in SETTINGS or token.type == "STEP"


def _number(place: Place, drop: int) -> Edit:
    tokens = place.stream[place.position : place.position + drop]
    following = place.stream[place.position + drop : place.position + drop + 2]
    if tokens[-1].text in ("e", "E") and following[0].type in ("MINUS", "PLUS") and following[1].type == "INT":
        tokens = (*tokens, *following)
    span = Span(tokens[0].start, tokens[-1].stop)
    written = place.source.text[span.start : span.stop]
    value = _value_of(written)
    fix = None if value is None else place.fix(f"write `{value}`", span, str(value))
    reads = "" if value is None or not written[-1:].isalpha() else f", with {written.lstrip('0123456789.')} for "
    reads += f"{_THOUSANDS[written.lstrip('0123456789.')]:,}" if reads else ""
    diagnostic = Diagnostic(
        "PA109",
        f"a number is written in digits only, not as `{written}`",
        (place.label(span, "no number of this language"),),
        ("for example `65536` or `64 * 1024`",) if value is None else (),
        fix=fix if fix is None else place.fix(f"write `{value}`{reads}", span, str(value)),
    )
    number = Token(("NAME",), ABSENT, span.start, span.stop)
    if value is not None:
        number = Token(("INT",), str(value), span.start, span.stop)
    return Edit(diagnostic, (number,), len(tokens), sure=True)


def _value_of(written: str) -> int | None:
    """The whole number that a number of other languages is, at most 2**62."""
    if re.fullmatch(r"[0-9]+(_[0-9]+)+|[0-9]{1,3}(,[0-9]{3})+", written):
        return _bounded(int(written.replace("_", "").replace(",", "")))
    if found := re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})", written):
        whole, fraction, exponent = found[1], found[2] or "", int(found[3])
        if len(whole) < 20 and len(fraction) <= exponent:
            return _bounded(int(whole + fraction) * 10 ** (exponent - len(fraction)))
    if (found := re.fullmatch(r"([0-9]{1,9})([A-Za-z]+)", written)) and found[2] in _THOUSANDS:
        return _bounded(int(found[1]) * _THOUSANDS[found[2]])
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,15}", written):
        return int(written, 16)
    return None


def _bounded(value: int) -> int | None:
    return value if value < 1 << 62 else None


def split_percentage(place: Place) -> Iterator[Edit]:
    """`5 %` on one side of a comparison: with a space, the sign is a remainder's."""
    token, before = place.token, place.before
    sign, behind = (*place.stream[place.position + 1 : place.position + 3], token, token)[:2]
    if token.type not in ("INT", "DECIMAL") or sign.type != "MODULO" or touch(token, sign):
        return
    if before is None or before.type not in ("EXPECT", "COMPARE") or behind.type not in (END, "COMPARE", *STATEMENTS):
        return
    span = Span(token.start, sign.stop)
    written = f"{token.text}%"
    diagnostic = Diagnostic(
        "PA109",
        f"a percentage is written `{written}`, without a space",
        (place.label(span, "the remainder of a division, so far"),),
        fix=place.fix("leave the space out", Span(token.stop, sign.start), ""),
    )
    yield Edit(diagnostic, (Token(("PERCENT",), written, span.start, span.stop),), 2, sure=True)


# -- quotes and arrows ------------------------------------------------------------------------------------------------

_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a'`"


def foreign_quotes(place: Place, could: set[str]) -> Iterator[Edit]:
    """Typographic or single quotes around something on one line."""
    token = place.token
    if token.text[0] not in _QUOTES:
        return
    rest = rest_of_line(place)
    count = next((index for index, each in enumerate(rest) if each.type == STRAY and each.text[-1] in _QUOTES), None)
    last = token if len(token.text) > 1 and token.text[-1] in _QUOTES else None
    if count is not None:
        last = rest[count]
    if last is None:
        return
    span = Span(token.start, last.stop)
    content = place.source.text[span.start + 1 : span.stop - 1]
    called = place.before_that.text if place.before_that else ""
    wants_file = "STRING" in could and ("NAME" not in could or called == "layout")
    fix_text, fixed = ('write `"`', f'"{content}"') if wants_file else ("leave them out", content)
    kind, text = ("STRING", fixed) if wants_file else ("NAME", ABSENT)
    what = 'a file name stands between two `"`' if wants_file else "nothing is quoted but file names"
    diagnostic = Diagnostic(
        "PA106",
        f"{what}, and `{token.text[0]}` is no part of the language",
        (place.label(span),),
        fix=place.fix(fix_text, span, fixed),
    )
    drop = 1 if count is None else 2 + count
    yield Edit(diagnostic, (Token((kind,), text, span.start, span.stop),), drop, sure=True)


def bare_file_name(place: Place, could: set[str]) -> Iterator[Edit]:
    """`use windows.attn`."""
    token, before = place.token, place.before
    if before is None or before.type != "USE" or "STRING" not in could or token.type in (END, *STATEMENTS):
        return
    line = [token, *rest_of_line(place)]
    last = line[0]
    count = 1
    while count < len(line) and touch(last, line[count]):
        last = line[count]
        count += 1
    span = Span(token.start, last.stop)
    written = place.source.text[span.start : span.stop]
    if count == len(line) and is_word(token) and not token.begins_line:
        name = written if written.endswith(".attn") else f"{written}.attn"
        diagnostic = Diagnostic(
            "PA105",
            f'the name of a file is quoted: `"{name}"`',
            (place.label(span, "quotes are needed"),),
            fix=place.fix('put it between `"`', span, f'"{name}"'),
        )
        yield Edit(diagnostic, (Token(("STRING",), f'"{name}"', span.start, span.stop),), count, sure=True)


# -- ranges -----------------------------------------------------------------------------------------------------------


def foreign_range(place: Place, could: set[str]) -> Iterator[Edit]:
    """`0..=5`, `0...5`, `0 to 5`, and `0–5` with a dash: the last number is meant to be in it."""
    token, before = place.token, place.before
    if before is None or before.types[0] not in ("INT", "RANGE"):
        return
    rest = rest_of_line(place)
    if not rest or rest[0].type != "INT" or len(rest[0].text) > 18:
        return
    is_sign = before.type == "RANGE" and token.type in ("EQUAL", "DOT") and touch(before, token)
    is_dash = token.text in _DASHES and "COLON" in could  # in a selector: elsewhere it may be a difference
    is_word = before.type == "INT" and "RANGE" in could and (token.text in ("to", "until") or is_dash)
    if not (is_sign or is_word):
        return
    first = place.before_that if is_sign and place.before_that else before
    stop = int(rest[0].text) + (token.text != "until")
    span = Span(first.start, rest[0].stop)
    written = f"{first.text}..{stop}"
    diagnostic = Diagnostic(
        "PA109",
        f"a range is written `{written}`, its end left out",
        (place.label(span, "not a range of this language"),),
        fix=place.fix(f"write `{written}`", span, written),
    )
    number = Token(("INT",), str(stop), rest[0].start, rest[0].stop)
    insert = (number,) if is_sign else (new_token("RANGE", place, SIGNS["RANGE"]), number)
    yield Edit(diagnostic, insert, 2, sure=True)


_DASHES = ("\u2010", "\u2011", "\u2012", "\u2013", "\u2014")
