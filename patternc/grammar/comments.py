"""The words of a text with the comments, empty lines and line ends between them.

For: `format.py`, which writes each comment where it stands. A comment that stands between a word and a sign which
belongs to that word, such as the comma behind it, goes behind the sign, and one between an operator and its right
operand goes in front of the operator: that is where lines end. Not for: what the words say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patternc.grammar.document import Leaf
from patternc.source import Span

if TYPE_CHECKING:
    from patternc.grammar.lexer import Token

_LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[^\r\n]*")
_OPERATORS = {"+", "|", "-", "&", "*", "//", "%", "/", "<=", ">=", "==", "!=", "<", ">"}
_BELONGS_BEFORE = {",", ":", "=", "{"}


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment without white space at its end; `behind` a word on the word's line; after an empty line if `blank`."""

    text: str
    behind: bool
    blank: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A word where it stands; the last one of a text is its end, without text."""

    text: str
    start: int
    comments: tuple[Comment, ...]
    """Between the word before it and this one."""
    blank: bool
    """There is an empty line right before it."""
    new_line: bool
    """It is not on the line of the word before it."""


def comments_of(text: str) -> tuple[str, ...]:
    """The comments of a text in their order, without white space at their ends."""
    return tuple(comment.text for word in placed_words(text) for comment in word.comments)


def placed_words(text: str) -> tuple[Placed, ...]:
    """The words of a text, and its end."""
    from patternc.grammar.lexer import Token, scan  # lark: printing trees does without it

    tokens = scan(text)
    words: list[Placed] = []
    stop = 0
    for token in (*tokens, Token(("$END",), "", len(text), len(text))):
        words.append(_placed(text, stop, token, first=not words))
        stop = token.stop
    for place, token in enumerate(tokens):
        if token.text in _BELONGS_BEFORE or (token.text == "(" and place and tokens[place - 1].types[-1] == "NAME"):
            _put(words, place, place + 1, words[place].comments, words[place + 1].comments)
    for place, token in reversed(list(enumerate(tokens))):  # the last first: a minus may follow another operator
        if token.text in _OPERATORS:
            _put(words, place + 1, place, words[place].comments, words[place + 1].comments)
    return tuple(words)


def _placed(text: str, stop: int, token: Token, first: bool) -> Placed:
    """A token and what stands between `stop`, where the word before it ends, and it."""
    comments: list[Comment] = []
    ends = 0
    new_line = False
    begin = stop
    for match in _COMMENT.finditer(text, stop, token.start):
        ends = len(_LINE_END.findall(text, begin, match.start()))
        behind = not first and not comments and not ends
        comments.append(Comment(match.group().rstrip(), behind, ends > 1))
        new_line, begin = True, match.end()
    ends = len(_LINE_END.findall(text, begin, token.start))
    return Placed(token.text, token.start, tuple(comments), ends > 1, new_line or ends > 0)


def _put(words: list[Placed], origin: int, goal: int, earlier: tuple[Comment, ...], later: tuple[Comment, ...]) -> None:
    """All comments on both sides of a sign go to one side; only the first of them can be behind a word."""
    comments = (*earlier, *later)
    words[origin] = replace(words[origin], comments=())
    words[goal] = replace(
        words[goal], comments=(*comments[:1], *(replace(comment, behind=False) for comment in comments[1:]))
    )


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands before a word on lines of its own: comments, and an empty line right before it."""

    notes: tuple[Comment, ...] = ()
    blank: bool = False


class Words:
    """The words of a text, taken one by one as they are printed; or of no text, for a tree that was never written."""

    def __init__(self, placed: tuple[Placed, ...] | None = None) -> None:
        self._placed = placed
        self._place = 0
        self._notes_taken = False

    @property
    def written(self) -> bool:
        """Whether there is a text."""
        return self._placed is not None

    def next_start(self) -> int:
        """Where the next word of the text begins."""
        assert self._placed is not None
        return self._placed[self._place].start

    def new_line(self) -> bool:
        """Whether the next word is not on the line of the one before it; those of no text never are."""
        return self._placed is None or self._placed[self._place].new_line

    def gap(self) -> Gap:
        """What stands before the next word. Its comments are then not printed with the word."""
        if self._placed is None:
            return Gap()
        word = self._placed[self._place]
        self._notes_taken = True
        return Gap(tuple(each for each in word.comments if not each.behind), word.blank)

    def leaf(self, text: str) -> Leaf:
        """The next word, which is `text`, with its comments."""
        if self._placed is None:
            return Leaf(text)
        word, after = self._placed[self._place : self._place + 2]
        assert word.text == text, f"the text has {word.text!r} where its tree has {text!r}"
        before = () if self._notes_taken else tuple(each.text for each in word.comments if not each.behind)
        self._place, self._notes_taken = self._place + 1, False
        behind = next((each.text for each in after.comments if each.behind), None)
        return Leaf(text, before, behind)

    def commented(self, span: Span) -> bool:
        """Whether a comment stands between the next word and the end of a stretch that begins before it."""
        if self._placed is None:
            return False
        place = self._place
        while self._placed[place].start < span.stop:
            if self._placed[place].comments:
                return True
            place += 1
        return False
