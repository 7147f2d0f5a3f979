"""JSON as configuration files have it: with comments and commas at the end, and the place of everything.

For: the text of a configuration -> settings. Comments are those of DeepSpeed's reader: `#`, `//` and `/* */`. Not for:
what the settings mean, or YAML (`yaml_text`).
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from patternc.diagnostics import Diagnostic, Label, PatternError
from patternc.integrations.settings import Entries, Entry, Items, Node, Place, Scalar
from patternc.source import Source, Span

MOST_DEEP = 64
MOST_DIGITS = 30
"""Numbers with more digits are no sizes; Python refuses to convert those with thousands."""

_BLANK = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"[\w.+-]+")
_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def read_json(source: Source) -> Node:
    """The value that a text is. Raises PatternError, with the place, where it is none."""
    return _Reader(source).whole()


def refuse(source: Source, start: int, stop: int, message: str, *notes: str) -> NoReturn:
    """Raise what is wrong with the text of a configuration."""
    stop = min(stop, len(source.text))
    label = Label(source, Span(min(start, stop), stop))
    raise PatternError([Diagnostic("PA821", f"`{source.name}` {message}", (label,), notes)])


class _Reader:
    """Where in the text it is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0

    def whole(self) -> Node:
        self.blank()
        if self.at == len(self.text):
            refuse(self.source, 0, 0, "is empty")
        node = self.value(0)
        self.blank()
        if self.at < len(self.text):
            refuse(self.source, self.at, self.at + 1, "goes on after its end", "a configuration is one `{ ... }`")
        return node

    def value(self, depth: int) -> Node:
        if depth > MOST_DEEP:
            refuse(self.source, self.at, self.at + 1, f"is nested more than {MOST_DEEP} deep")
        match self.text[self.at : self.at + 1]:
            case "{":
                return self.mapping(depth)
            case "[":
                return self.list(depth)
            case '"':
                start = self.at
                text = self.string()
                return Scalar(self.since(start), text)
            case _:
                return self.scalar()

    def mapping(self, depth: int) -> Entries:
        start = self.at
        entries: dict[str, Entry] = {}
        while self.another("}", start, first=not entries):
            key = self.at
            if self.text[key] != '"':
                self.unexpected("a key in double quotes")
            name = self.string()
            place = self.since(key)
            if name in entries:
                refuse(self.source, key, self.at, f"gives {json.dumps(name)} twice")
            self.blank()
            if self.text[self.at : self.at + 1] != ":":
                self.unexpected("`:`")
            self.at += 1
            self.blank()
            entries[name] = Entry(name, place, self.value(depth + 1))
        return Entries(self.since(start), tuple(entries.values()))

    def list(self, depth: int) -> Items:
        start = self.at
        items: list[Node] = []
        while self.another("]", start, first=not items):
            items.append(self.value(depth + 1))
        return Items(self.since(start), tuple(items))

    def another(self, end: str, start: int, first: bool) -> bool:
        """Go to the next item, or past the end."""
        if first:
            self.at += 1
        self.blank()
        if not first and self.text[self.at : self.at + 1] == ",":
            self.at += 1
            self.blank()
        elif not first and self.text[self.at : self.at + 1] not in (end, ""):
            self.unexpected(f"`,` or `{end}`")
        if self.at == len(self.text):
            refuse(self.source, start, start + 1, f"ends before the `{self.text[start]}` here is closed")
        if self.text[self.at] != end:
            return True
        self.at += 1
        return False

    def string(self) -> str:
        start = self.at
        try:
            text, self.at = json.JSONDecoder().raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            refuse(self.source, start, min(error.pos + 1, len(self.text)), "has a text that is not closed or not JSON")
        assert isinstance(text, str)
        return text

    def scalar(self) -> Scalar:
        start = self.at
        number = _NUMBER.match(self.text, start)
        if number is not None:
            self.at = number.end()
            if number.end() - start > MOST_DIGITS:
                refuse(self.source, start, self.at, f"has a number of more than {MOST_DIGITS} characters")
            fraction = number.group(1) or number.group(2)
            return Scalar(self.since(start), float(number.group()) if fraction else int(number.group()))
        word = _WORD.match(self.text, start)
        if word is None or word.group() not in _WORDS:
            self.unexpected("a value")
        self.at = word.end()
        return Scalar(self.since(start), _WORDS[word.group()])

    def blank(self) -> None:
        """Skip white space and comments."""
        blank = _BLANK.match(self.text, self.at)
        if blank is not None:
            self.at = blank.end()

    def since(self, start: int) -> Place:
        return Place(self.source, Span(start, self.at))

    def unexpected(self, expected: str) -> NoReturn:
        if self.at == len(self.text):
            refuse(self.source, self.at, self.at, f"ends where {expected} is expected")
        word = _WORD.match(self.text, self.at)
        stop = self.at + 1 if word is None else word.end()
        notes: tuple[str, ...] = ()
        if word is not None and word.group() in ("True", "False", "None"):
            notes = ("JSON writes true, false and null",)
        elif self.text[self.at] == "'":
            notes = ("JSON has double quotes",)
        refuse(self.source, self.at, stop, f"is not JSON: {expected} is expected here", *notes)
