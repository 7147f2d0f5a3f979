"""What the terminals of `attn.lark` are called in messages.

For: saying what was found and what could have come instead. A test asserts that every terminal has a name. Not for:
recovery (`mistakes.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
SIGNS = {
    **{"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"},
    **{"COLON": ":", "COMMA": ",", "EQUAL": "=", "DOT": ".", "RANGE": "..", "EXPONENT": "^"},
    **{"PLUS": "+", "OR": "|", "MINUS": "-", "SELECTOR_MINUS": "-", "AND": "&"},
    **{"TIMES": "*", "DIVIDE": "//", "MODULO": "%", "SLASH": "/", "POWER": "**"},
}
"""Terminals that are always written the same way, with a sign."""

STATEMENTS = {each: each.lower() for each in ("USE", "PARAM", "PATTERN", "MODEL", "EXPECT")}
SETTINGS = {
    each: each.lower()
    for each in ("CAUSAL", "BIDIRECTIONAL", "TOKENS", "HEADS", "KV_HEADS", "HEAD_DIM", "ALLOW", "LAYERS")
}
SELECTORS = {each: each.lower() for each in ("EVEN", "ODD", "ALL", "REST")}
CONDITIONS = {each: each.lower() for each in ("CONNECTED", "ORDER", "CROP_STABLE")}
OTHERS = {
    each: each.lower()
    for each in (*("STD", "REPEAT", "EMPTY", "STEP", "WITHIN", "FROM", "ANY", "LAYER", "TO", "PAST"),)
}
WORDS = {**STATEMENTS, **SETTINGS, **SELECTORS, **CONDITIONS, **OTHERS}
"""Terminals that are always written the same way, with a word."""

_CLASSES = {
    "NAME": "a name",
    "INT": "a number",
    "DECIMAL": "a decimal",
    "PERCENT": "a percentage",
    "STRING": "a quoted file name",
    "COMPARE": "a comparison such as `<=`",
    "$END": "the end of the file",
    "STRAY": "no part of the language",
    "WHITE_SPACE": "white space",
    "COMMENT": "a comment",
}

_OPERATORS = {"PLUS", "OR", "MINUS", "AND", "TIMES", "DIVIDE", "MODULO", "SLASH", "POWER"}
_EXPRESSION = {"NAME", "INT", "LPAR"}
_OPERANDS = {"NAME", "INT", "LPAR", "LSQB", "MINUS", "DECIMAL", "PERCENT", "STRING"}
_SELECTOR = {"NAME", "INT", "LSQB", "SELECTOR_MINUS"}


def name_of(terminal: str) -> str:
    """What a terminal is called in a message."""
    if terminal in SIGNS or terminal in WORDS:
        return f"`{(SIGNS.get(terminal) or WORDS[terminal])}`"
    return _CLASSES[terminal]


def expected(terminals: Iterable[str]) -> str:
    """The terminals that could come next, as the reader thinks of them: at most a handful of phrases."""
    left = set(terminals)
    phrases: list[str] = []

    def take(found: set[str], phrase: str) -> None:
        phrases.append(phrase)
        left.difference_update(found)

    if left >= set(SELECTORS):
        take({*SELECTORS, *_SELECTOR}, "a selector")
    if left >= _EXPRESSION:
        take(_OPERANDS, "an expression")
    if left >= {"TIMES", "OR"} or left >= {"TIMES", "PLUS"}:
        take(_OPERATORS, "an operator")
    if left >= set(SETTINGS):
        take(set(SETTINGS), "a setting of the model")
    if left >= set(STATEMENTS):
        take({*STATEMENTS, "$END"}, "a statement")
    order = [*SIGNS, *WORDS, *_CLASSES]
    phrases += [name_of(each) for each in sorted(left, key=order.index)]
    if len(phrases) > 6:
        phrases = [*phrases[:5], "..."]
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"
