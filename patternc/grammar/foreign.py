"""Edits for words and signs as other languages have them: comments, declarations, settings, numbers, quotes.

For: `edits.py`. Each says what the word or sign is in this language, and a fix writes it. Not for: what is only
misspelt or doubled (`wrong_signs.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import END, STRAY, Token
from patternc.grammar.places import Edit, Place, new_token
from patternc.grammar.signatures import PATTERN_WORDS
from patternc.grammar.terminals import SELECTORS, SETTINGS, SIGNS, STATEMENTS
from patternc.grammar.tree import ABSENT
from patternc.source import Span


def _rest_of_line(place: Place) -> list[Token]:
    """The tokens after the one at hand, to the end of its line."""
    following = place.stream[place.position + 1 : -1]
    return list(takewhile(lambda token: not token.begins_line, following))


def _touch(left: Token, right: Token) -> bool:
    return left.stop == right.start


def _is_word(token: Token) -> bool:
    return token.types[-1] == "NAME" or token.type in STATEMENTS


# -- comments ---------------------------------------------------------------------------------------------------------


def comment(place: Place, read: bool) -> Iterator[Edit]:
    """`//`, `/*` and `--`. `read`: the sign itself could be read, so only what follows tells that it is a comment."""
    token, rest = place.token, _rest_of_line(place)
    second = rest[0] if rest and _touch(token, rest[0]) else None
    if token.type == "SLASH" and second is not None and second.text.startswith("*"):
        yield _block_comment(place)
        return
    if token.type == "MINUS" and second is not None and second.type == "MINUS":
        sign, words = "--", rest[1:]
    elif token.type == "DIVIDE":
        sign, words = "//", rest
    else:
        return
    if read and not _is_prose(words):
        return
    span = Span(token.start, token.start + len(sign))
    diagnostic = Diagnostic(
        "PA109",
        f"comments begin with `#`, not with `{sign}`",
        (place.label(span, "no comment in this language"),),
        fix=place.fix("write `#`", span, "#"),
    )
    yield Edit(diagnostic, (), 1 + len(rest), sure=True)


def _is_prose(words: Sequence[Token]) -> bool:
    """Whether the words of a line cannot be an operand and what may follow it."""
    if not words or not _is_word(words[0]):
        return False
    return any(_is_word(each) or each.type in (STRAY, "INT") for each in words[1:2])


def _block_comment(place: Place) -> Edit:
    text = place.source.text
    start = place.token.start
    end = text.find("*/", start + 2)
    line_end = place.source.line_span(place.source.position(start)[0]).stop
    stop = line_end if end < 0 else end + 2
    content = text[start + 2 : stop if end < 0 else end].strip()
    fix = None
    if stop == line_end and "\n" not in content:
        fix = place.fix("write `#`", Span(start, stop), f"# {content}".rstrip())
    diagnostic = Diagnostic(
        "PA109",
        "comments begin with `#` and end with the line",
        (place.label(Span(start, start + 2), "no comment in this language"),),
        fix=fix,
    )
    drop = sum(each.start < stop for each in place.stream[place.position : -1])
    return Edit(diagnostic, (), drop, sure=True)


# -- declarations -----------------------------------------------------------------------------------------------------

_KEYWORDS = {
    **dict.fromkeys(("let", "const", "var", "set", "parameter", "int"), "PARAM"),
    **dict.fromkeys(("def", "fn", "fun", "func", "function", "define", "mask"), "PATTERN"),
    **dict.fromkeys(("import", "include", "require", "load"), "USE"),
    **dict.fromkeys(("assert", "check", "ensure"), "EXPECT"),
    **dict.fromkeys(("network", "transformer", "class"), "MODEL"),
}


def foreign_statement(place: Place, could: set[str]) -> Iterator[Edit]:
    """A statement that begins as it would elsewhere, or without its word."""
    token, rest = place.token, _rest_of_line(place)
    if not could >= set(STATEMENTS) or token.types[-1] != "NAME" or not rest:
        return
    kind = _KEYWORDS.get(token.text)
    if kind is not None and _is_word(rest[0]) and kind in ("PARAM", "PATTERN"):
        kind = _declares(rest)
    fits = {"PARAM": _is_word, "PATTERN": _is_word, "MODEL": _is_word, "EXPECT": bool}
    if kind == "USE" and rest[0].type != "STRING":
        note = 'for example `use "windows.attn"`'
        message = f"`{token.text}` does not begin a statement: other files are brought in by `use`"
        diagnostic = Diagnostic("PA109", message, (place.label(token.span, "a word of other languages"),), (note,))
        yield Edit(diagnostic, (), 1 + len(rest), sure=True, last_resort=True)
    elif kind is not None and fits.get(kind, bool)(rest[0]):
        word = STATEMENTS[kind]
        diagnostic = Diagnostic(
            "PA109",
            f"`{token.text}` does not begin a statement: `{word}` does",
            (place.label(token.span, "a word of other languages"),),
            fix=place.fix(f"write `{word}`", token.span, word),
        )
        yield Edit(diagnostic, (Token((kind,), word, token.start, token.stop),), 1, sure=True)
    elif rest[0].type == "EQUAL" or (rest[0].type == "LPAR" and any(each.type == "EQUAL" for each in rest)):
        kind = _declares([token, *rest])
        word = STATEMENTS[kind]
        diagnostic = Diagnostic(
            "PA105",
            f"`{word}` is missing before `{token.text}`",
            (place.label(token.span, f"declared by `{word}`"),),
            fix=place.fix(f"put in `{word}`", Span(token.start, token.start), f"{word} "),
        )
        yield Edit(diagnostic, (Token((kind,), word, token.start, token.start),), sure=True)


def _declares(tokens: Sequence[Token]) -> str:
    """Whether `name = value` or `name(...) = value` seems to declare a number or a list, or a pattern."""
    value = next((after for sign, after in pairwise(tokens) if sign.type == "EQUAL"), None)
    is_pattern = tokens[1:2] and tokens[1].type == "LPAR"
    return "PATTERN" if is_pattern or (value is not None and value.text in PATTERN_WORDS) else "PARAM"


# -- settings ---------------------------------------------------------------------------------------------------------

_SETTINGS = {
    **dict.fromkeys(("num_heads", "n_heads", "n_head", "nheads", "num_attention_heads", "attention_heads"), "HEADS"),
    **dict.fromkeys(("num_kv_heads", "n_kv_heads", "num_key_value_heads", "key_value_heads"), "KV_HEADS"),
    **dict.fromkeys(("num_layers", "n_layers", "n_layer", "nlayers", "num_hidden_layers", "depth"), "LAYERS"),
    **dict.fromkeys(("d_head", "dim_head", "head_size", "hidden_size_per_head"), "HEAD_DIM"),
    **dict.fromkeys(("seq_len", "seqlen", "seq_length", "sequence_length", "length", "n", "n_ctx"), "TOKENS"),
    **dict.fromkeys(("context", "context_length", "max_position_embeddings", "max_seq_len"), "TOKENS"),
    **dict.fromkeys(("autoregressive", "decoder"), "CAUSAL"),
    **dict.fromkeys(("encoder", "noncausal", "non_causal"), "BIDIRECTIONAL"),
}


def foreign_setting(place: Place, could: set[str]) -> Iterator[Edit]:
    """A setting as other libraries call it, and `causal = true`."""
    token, before = place.token, place.before
    kind = _SETTINGS.get(token.text.lower())
    if kind is not None and kind in could and could >= set(SETTINGS):
        word = SETTINGS[kind]
        diagnostic = Diagnostic(
            "PA101",
            f"`{token.text}` is not a setting of a model",
            (place.label(token.span, f"called `{word}` here"),),
            fix=place.fix(f"write `{word}`", token.span, word),
        )
        yield Edit(diagnostic, (Token((kind,), word, token.start, token.stop),), 1, sure=True)
    if before is None or before.type not in ("CAUSAL", "BIDIRECTIONAL") or not could >= set(SETTINGS):
        return
    signs = 1 if token.type in ("EQUAL", "COLON") else 0
    value = place.stream[place.position + signs]
    if value.text.lower() not in ("true", "false", "yes", "no", "on", "off", "1", "0") or value.begins_line:
        return
    says_no = value.text.lower() in ("false", "no", "off", "0")
    meant = {"CAUSAL": "bidirectional", "BIDIRECTIONAL": "causal"}[before.type] if says_no else before.text
    fix = place.fix(f"say `{meant}`", Span(before.start, value.stop), meant)
    label = place.label(Span(token.start, value.stop), "is said by the word alone")
    yield Edit(Diagnostic("PA109", f"`{before.text}` takes no value", (label,), fix=fix), (), signs + 1, sure=True)


def foreign_count(place: Place) -> Iterator[Edit]:
    """`layers 0..12 {`: which ones, where it is said how many."""
    token, before = place.token, place.before
    rest = place.stream[place.position + 1 : place.position + 3]
    if before is None or before.type not in SETTINGS or token.type != "INT":
        return
    if [each.type for each in rest] != ["RANGE", "INT"] or max(len(token.text), len(rest[1].text)) > 18:
        return
    count = int(rest[1].text) - int(token.text)
    span = Span(token.start, rest[1].stop)
    diagnostic = Diagnostic(
        "PA109",
        f"`{before.text}` says how many there are, not which",
        (place.label(span, "a number is needed here"),),
        fix=place.fix(f"write `{count}`", span, str(count)) if count > 0 else None,
    )
    number = Token(("INT",), str(count), *(span.start, span.stop)) if count > 0 else new_token("NAME", place, ABSENT)
    yield Edit(diagnostic, (number,), 3, sure=True)


# -- selectors --------------------------------------------------------------------------------------------------------


def foreign_selector(place: Place, could: set[str]) -> Iterator[Edit]:
    """`every 6:`, `first 6:`, `last 6:`, `layer 6:`."""
    token = place.token
    rest = _rest_of_line(place)
    if not could >= set(SELECTORS) or token.types[-1] != "NAME" or len(rest) < 2 or rest[0].type != "INT":
        return
    number = rest[0]
    span = Span(token.start, number.stop)
    count = "heads" if sum(each.type == "LBRACE" for each in place.brackets) > 2 else "layers"

    def at(kind: str, text: str) -> Token:
        return Token((kind,), text, span.start, span.stop)

    zero, dots, all_of = at("INT", "0"), at("RANGE", ".."), at("NAME", count)
    written: dict[str, tuple[str, tuple[Token, ...]]] = {
        "every": (f"0..{count} step {number.text}", (zero, dots, all_of, at("STEP", "step"), number)),
        "each": (f"0..{count} step {number.text}", (zero, dots, all_of, at("STEP", "step"), number)),
        "first": (f"0..{number.text}", (zero, dots, number)),
        "last": (f"-{number.text}..{count}", (at("SELECTOR_MINUS", "-"), number, dots, all_of)),
    }
    if token.text in written and rest[1].type == "COLON":
        text, tokens = written[token.text]
        diagnostic = Diagnostic(
            "PA109",
            f"`{token.text} {number.text}` is written `{text}` here",
            (place.label(span, "not a selector of this language"),),
            fix=place.fix(f"write `{text}`", span, text),
        )
        yield Edit(diagnostic, tokens, 2, sure=True)
    elif token.text in ("layer", "layers", "head", "heads") and rest[1].type in ("COLON", "RANGE"):
        diagnostic = Diagnostic(
            "PA109",
            f"a selector is written without `{token.text}`",
            (place.label(token.span, "not needed"),),
            fix=place.fix("leave it out", Span(token.start, number.start), ""),
        )
        yield Edit(diagnostic, (), 1, sure=True)


# -- numbers ----------------------------------------------------------------------------------------------------------

_THOUSANDS = {"k": 1 << 10, "K": 1 << 10, "ki": 1 << 10, "Ki": 1 << 10, "m": 1 << 20, "M": 1 << 20, "Mi": 1 << 20}


def foreign_number(place: Place) -> Iterator[Edit]:
    """`64k`, `1e6`, `1_000_000`, `16,384`, `0x10`: a number with something right behind it."""
    token = place.token
    following = place.stream[place.position + 1 : place.position + 6]
    if token.type not in ("INT", "DECIMAL") or not following or not _touch(token, following[0]):
        return
    if following[0].types[-1] == "NAME" and not _is_time_for_a_word(following[0]):
        yield _number(place, 2)
    elif following[0].type == "COMMA" and (not place.brackets or place.brackets[-1].type == "LBRACE"):
        drop = 1
        while len(following) > drop and following[drop - 1].type == "COMMA" and len(following[drop].text) == 3:
            drop += 2
        if drop > 1 and following[1].type == "INT" and _touch(following[0], following[1]):
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


# -- quotes and arrows ------------------------------------------------------------------------------------------------

_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a'`"


def foreign_quotes(place: Place, could: set[str]) -> Iterator[Edit]:
    """Typographic or single quotes around something on one line."""
    token = place.token
    if token.text[0] not in _QUOTES:
        return
    rest = _rest_of_line(place)
    count = next((index for index, each in enumerate(rest) if each.type == STRAY and each.text[-1] in _QUOTES), None)
    last = token if len(token.text) > 1 and token.text[-1] in _QUOTES else None
    if count is not None:
        last = rest[count]
    if last is None:
        return
    span = Span(token.start, last.stop)
    content = place.source.text[span.start + 1 : span.stop - 1]
    called = place.kept[-2].text if len(place.kept) > 1 else ""
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
    line = [token, *_rest_of_line(place)]
    last = line[0]
    count = 1
    while count < len(line) and _touch(last, line[count]):
        last = line[count]
        count += 1
    span = Span(token.start, last.stop)
    written = place.source.text[span.start : span.stop]
    if count == len(line) and _is_word(token) and not token.begins_line:
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
    rest = _rest_of_line(place)
    if not rest or rest[0].type != "INT" or len(rest[0].text) > 18:
        return
    is_sign = before.type == "RANGE" and token.type in ("EQUAL", "DOT") and _touch(before, token)
    is_dash = token.text in _DASHES and "COLON" in could  # in a selector: elsewhere it may be a difference
    is_word = before.type == "INT" and "RANGE" in could and (token.text in ("to", "until") or is_dash)
    if not (is_sign or is_word):
        return
    first = place.kept[-2] if is_sign and len(place.kept) > 1 else before
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
