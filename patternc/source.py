"""Source: the text of one pattern file, its name, and where its lines begin.

For: everything that points at text; positions are offsets into `text`, in characters. Not for: what the text means
(`patternc.grammar`) or how a place is drawn (`patternc.diagnostics`).
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

MAX_BYTES = 256 << 10
"""The largest pattern file that is read: 256 KiB, about 5,000 lines. The longest published pattern has about 40."""

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The characters start <= offset < stop of one source. A place between two characters has start == stop."""

    start: int
    stop: int


@dataclass(frozen=True)
class Source:
    """One text. `name` is what messages call it; `path` is the file it came from, None for text given directly."""

    name: str
    text: str = field(repr=False)
    path: Path | None = None

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        """The offset at which each line begins."""
        return (0, *(end.end() for end in _LINE_END.finditer(self.text)))

    @property
    def lines(self) -> int:
        """How many lines the text has; a last line without text counts."""
        return len(self._starts)

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of an offset, both counted from 1; the column counts characters."""
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_span(self, line: int) -> Span:
        """The characters of a line (counted from 1), without its line end."""
        start = self._starts[line - 1]
        stop = self._starts[line] if line < len(self._starts) else len(self.text)
        return Span(start, start + len(self.text[start:stop].rstrip("\r\n")))

    def line(self, line: int) -> str:
        """The text of a line (counted from 1), without its line end."""
        span = self.line_span(line)
        return self.text[span.start : span.stop]
