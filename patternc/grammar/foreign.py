"""Edits for words as other languages have them: comments, declarations, settings, selectors.

For: `edits.py`. Each says what the word is in this language, and a fix writes it. Not for: numbers, ranges and quotes
(`foreign_values.py`), or what is only misspelt or doubled (`wrong_signs.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from patternc.diagnostics import Diagnostic
from patternc.grammar.lexer import STRAY, Token
from patternc.grammar.places import Edit, Place, is_word, new_token, rest_of_line, touch
from patternc.grammar.signatures import PATTERN_WORDS
from patternc.grammar.terminals import SELECTORS, SETTINGS, STATEMENTS
from patternc.grammar.tree import ABSENT
from patternc.source import Span

# -- comments ---------------------------------------------------------------------------------------------------------


def comment(place: Place, read: bool) -> Iterator[Edit]:
    """`//`, `/*` and `--`. `read`: the sign itself could be read, so only what follows tells that it is a comment."""
    token, rest = place.token, rest_of_line(place)
    second = rest[0] if rest and touch(token, rest[0]) else None
    if token.type == "SLASH" and second is not None and second.text.startswith("*"):
        yield _block_comment(place)
        return
    if token.type == "MINUS" and second is not None and second.type == "MINUS":
        sign, words = "--", rest[1:]
    elif token.type == "DIVIDE":
        sign, words = "//", rest
    else:
        return
    in_expression = bool(place.brackets) and place.brackets[-1].type != "LBRACE"
    if (read or in_expression) and not _is_prose(words):
        return  # an operand is missing, rather
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
    if not words or not is_word(words[0]):
        return False
    return any(is_word(each) or each.type in (STRAY, "INT") for each in words[1:2])


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
    token, rest = place.token, rest_of_line(place)
    if not could >= set(STATEMENTS) or token.types[-1] != "NAME" or not rest:
        return
    kind = _KEYWORDS.get(token.text)
    if kind is not None and is_word(rest[0]) and kind in ("PARAM", "PATTERN"):
        kind = _declares(rest)
    fits = {"PARAM": is_word, "PATTERN": is_word, "MODEL": is_word, "EXPECT": bool}
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
    elif _has_value(rest):
        kind = _declares([token, *rest])
        word = STATEMENTS[kind]
        diagnostic = Diagnostic(
            "PA105",
            f"`{word}` is missing before `{token.text}`",
            (place.label(token.span, f"declared by `{word}`"),),
            fix=place.fix(f"put in `{word}`", Span(token.start, token.start), f"{word} "),
        )
        yield Edit(diagnostic, (Token((kind,), word, token.start, token.start),), sure=True)


def _has_value(rest: Sequence[Token]) -> bool:
    """Whether what follows a name is `= value` or `(...) = value`, an argument's `=` not counted."""
    depth = 0
    for token in rest:
        depth += (token.type == "LPAR") - (token.type == "RPAR")
        if depth == 0 and token.type != "RPAR":
            return token.type == "EQUAL"
    return False


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
    rest = rest_of_line(place)
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
