"""The words of a pattern file, and the parser that is fed them one by one.

For: `scan`, which cuts a text into tokens by the terminals that `attn.lark` declares, and `Cursor`, the parser fed one
token at a time, which can be copied and asked what it would accept (that is what `mistakes.py` needs). Not for: what
to do with a text that does not parse.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Token as LarkToken
from lark import Tree
from lark.exceptions import UnexpectedToken
from lark.lexer import PatternStr

from patternc.grammar.tables import tables
from patternc.source import Span

Node = Tree[LarkToken]

STRAY = "STRAY"
"""The type of characters that begin no word of the language."""

END = "$END"
"""The type of the token after the last one."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign: `types` are the terminals it can be, the preferred one first."""

    types: tuple[str, ...]
    text: str
    start: int
    stop: int
    begins_line: bool = False

    @property
    def type(self) -> str:
        """The preferred terminal."""
        return self.types[0]

    @property
    def span(self) -> Span:
        """Where it is."""
        return Span(self.start, self.stop)


@cache
def _scanner() -> tuple[re.Pattern[str], dict[str, str]]:
    """One expression that matches the next word, and the terminal of every keyword."""
    terminals = tables().terminals
    name = re.compile(next(each.pattern.to_regexp() for each in terminals if each.name == "NAME"))
    keywords = {
        each.pattern.value: each.name
        for each in terminals
        if isinstance(each.pattern, PatternStr) and re.fullmatch(r"\w+", each.pattern.value)
    }
    others = [each for each in terminals if each.name not in keywords.values()]
    # Lark's own order, so that this scanner and Lark's agree on which terminal a text is
    others.sort(key=lambda each: (-each.priority, -each.pattern.max_width, -len(each.pattern.value), each.name))
    words = "|".join(f"(?P<{each.name}>{each.pattern.to_regexp()})" for each in others)
    statements = "|".join(word for word in keywords if not name.match(word))
    return re.compile(rf"{words}|(?P<STATEMENT>(?:{statements})\b)|(?P<{STRAY}>.)", re.DOTALL), keywords


def scan(text: str) -> tuple[Token, ...]:
    """The tokens of a text. Nothing is refused: what is no part of the language becomes STRAY tokens.

    Neighbouring stray characters are one token, and so is a name with stray letters in it.
    """
    pattern, keywords = _scanner()
    tokens: list[Token] = []
    begins_line = True
    for match in pattern.finditer(text):
        kind = match.lastgroup
        assert kind is not None  # every alternative is a named group
        start, stop, word = match.start(), match.end(), match.group()
        if kind in ("WHITE_SPACE", "COMMENT"):
            begins_line = begins_line or "\n" in word or "\r" in word
            continue
        if tokens and tokens[-1].stop == start and _one_word(tokens[-1], kind, word):
            last = tokens.pop()
            tokens.append(Token((STRAY,), last.text + word, last.start, stop, last.begins_line))
            continue
        types = (kind,)
        if kind == "NAME" and word in keywords:
            types = (keywords[word], "NAME")
        elif kind == "STATEMENT":
            types = (keywords[word],)
        elif kind == "SELECTOR_MINUS":
            types = (kind, "MINUS")
        tokens.append(Token(types, word, start, stop, begins_line))
        begins_line = False
    return tuple(tokens)


def _one_word(last: Token, kind: str, word: str) -> bool:
    """Whether a word goes on with the token it touches: a name with a letter in it that names cannot have."""
    if kind == STRAY and last.type == STRAY:
        return word.isalnum() == last.text[-1].isalnum()
    if kind == STRAY:
        return word.isalnum() and last.types[-1] == "NAME"
    return last.type == STRAY and last.text[-1].isalnum() and kind in ("NAME", "INT")


class Cursor:
    """The parser after some tokens. `parsing` False only recognises: nothing is built, and copies are cheap."""

    def __init__(self, parsing: bool) -> None:
        # Any: Lark's interactive parser is typed only in part
        self._state: Any = tables().parse_interactive("")  # pyright: ignore[reportUnknownMemberType]
        self._recognising: Any = copy(self._state.parser_state.parse_conf)
        self._recognising.callbacks = {}
        if not parsing:
            self._state.parser_state.parse_conf = self._recognising

    def copy(self) -> Cursor:
        """The same place, to be advanced on its own; the copy only recognises."""
        other = object.__new__(Cursor)
        other._recognising = self._recognising
        other._state = self._state.copy(deepcopy_values=False)
        # Lark's tree builder would append to lists that the two share
        other._state.parser_state.parse_conf = self._recognising
        return other

    @property
    def depth(self) -> int:
        """How much the parser has on its stack."""
        return len(self._state.parser_state.state_stack)

    def accepts(self) -> set[str]:
        """The terminals that can come next."""
        choices: dict[str, object] = self._state.choices()
        return {name for name in choices if name.isupper() and self.takes(name)}

    def takes(self, terminal: str) -> bool:
        """Whether a terminal can come next. That it has an action here does not suffice: LALR reduces first."""
        choices: dict[str, object] = self._state.choices()
        return terminal in choices and self.copy()._shift(terminal, Token((terminal,), "", 0, 0))

    def feed(self, token: Token) -> bool:
        """Advance over a token; False when it cannot come here (the cursor is then of no more use)."""
        kinds = token.types if len(token.types) == 1 else [kind for kind in token.types if self.takes(kind)]
        return bool(kinds) and self._shift(kinds[0], token)

    def _shift(self, kind: str, token: Token) -> bool:
        try:
            self._state.feed_token(LarkToken(kind, token.text, token.start, end_pos=token.stop))
        except UnexpectedToken:
            return False
        return True

    def finish(self) -> Node | None:
        """The parse tree once all tokens are fed; None when more would have to come (or nothing was built)."""
        try:
            tree: Node | None = self._state.feed_eof()
        except UnexpectedToken:
            return None
        return tree
