"""Drafts: a pattern file about to be written, each line with what it was made from; and its text.

For: what the readers of other systems' configurations give. `written` turns it into a file that people read: notes on
top, a comment with the key and value beside each line, layers grouped as one would. Not for: what the lines mean.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from patternc.grammar.format import formatted
from patternc.grammar.signatures import WORDS
from patternc.integrations.settings import Setting

_WIDTH = 100
_LONGEST_ROUND = 16


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the pattern file and the comment beside it."""

    text: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.text}  # {self.origin}" if self.origin else self.text


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a model; `head_dim` may be left open."""

    tokens: Setting[int]
    layers: Setting[int]
    heads: Setting[int]
    kv_heads: Setting[int] | None = None
    head_dim: Setting[int] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A model with one pattern for each layer, and what is to be said about it."""

    title: str
    direction: Line
    """`causal` or `bidirectional`."""
    sizes: Sizes
    layers: tuple[Line, ...]
    """One pattern for each layer; equal ones are written once."""
    schedule: str = ""
    """What said so."""
    params: tuple[Line, ...] = ()
    library: str | None = None
    """The part of the library that the patterns are from."""
    expectations: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()


def param(setting: Setting[int], name: str | None = None) -> Line:
    """A parameter that has a setting's name and value."""
    return Line(f"param {name or setting.name.rpartition('.')[2]} = {setting.value}", setting.origin)


def written(draft: Draft, name: str, notes: Sequence[str] = ()) -> str:
    """The text of the pattern file; the model is called `name`, or as near to it as the language allows."""
    lines = [*_comment(draft.title, "", "")]
    for note in (*draft.notes, *notes):
        lines += _comment(note, "- ", "  ")
    lines += [f"use std.{draft.library}", ""] if draft.library is not None else []
    lines += [*map(str, draft.params), ""] if draft.params else []
    taken = {line.text.split()[1] for line in draft.params}
    lines += [f"model {_model_name(name, taken)} {{", str(draft.direction)]
    sizes = draft.sizes
    for word in ("tokens", "heads", "kv_heads", "head_dim"):
        setting: Setting[int] | None = getattr(sizes, word)
        if setting is not None:
            lines.append(str(Line(f"{word} {setting.value}", setting.origin)))
    origin = ", ".join(part for part in (sizes.layers.origin, draft.schedule) if part)
    lines += [*_schedule(draft.layers, origin), "}", "", *map(str, draft.expectations)]
    return formatted("\n".join(lines) + "\n")


def _model_name(stem: str, taken: Collection[str]) -> str:
    """A file's stem as a name of the language that no parameter has."""
    name = re.sub(r"\W", "_", stem, flags=re.ASCII).strip("_")
    if not name or name[0].isdigit() or name in WORDS or name in taken:
        name = f"model_{name}".rstrip("_")
    return name


def _comment(text: str, first: str, others: str) -> list[str]:
    """A text as lines of comment, its first line and the others after some characters."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"# {first}",
        subsequent_indent=f"# {others}",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _schedule(layers: Sequence[Line], origin: str) -> list[str]:
    """The layers as a person would write them: all alike, in a round that repeats, or by pattern."""
    count = len(layers)
    opening = str(Line(f"layers {count} {{", origin))
    if len(set(layers)) == 1:
        return [opening, f"all: {layers[0]}", "}"]
    for length in range(2, min(count // 2, _LONGEST_ROUND) + 1):
        if any(layers[at] != layers[at % length] for at in range(count)):
            continue
        if length == 2:
            return [opening, f"even: {layers[0]}", f"odd: {layers[1]}", "}"]
        items = [f"{stop - start} * {line}" for start, stop, line in _runs(layers[:length])]
        return [str(Line(f"layers {count} = repeat {{", origin)), *items, "}"]
    return [opening, *_by_pattern(layers), "}"]


def _by_pattern(layers: Sequence[Line]) -> Iterable[str]:
    """One line for each pattern, with the layers that have it."""
    for line in dict.fromkeys(layers):
        spans = [(start, stop) for start, stop, each in _runs(layers) if each == line]
        selectors = [f"{start}" if stop == start + 1 else f"{start}..{stop}" for start, stop in spans]
        yield f"{selectors[0]}: {line}" if len(selectors) == 1 else f"[{', '.join(selectors)}]: {line}"


def _runs(layers: Sequence[Line]) -> Iterable[tuple[int, int, Line]]:
    """Runs of equal layers: (first, last + 1, pattern)."""
    at = 0
    for line, run in groupby(layers):
        length = len(list(run))
        yield at, at + length, line
        at += length
