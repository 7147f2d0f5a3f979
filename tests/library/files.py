"""The library as its files tell it: each pattern with its comment and its published defaults.

For: tests of the files and the page made from them. Not for: the language's own view of a file (`check`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from patternc.grammar.reading import library_names, read_library

PATTERN = re.compile(r"((?:^#.*\n)*)^pattern (\w+)(?:\((.*?)\))? =((?:.|\n)*?)(?=\n\n|\n#|\Z)", re.MULTILINE)
DEFAULTS = "# defaults: "


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern: what its comment says, its parameters, and a default for each; a part of others has no defaults."""

    file: str
    name: str
    comment: str
    parameters: tuple[str, ...]
    defaults: dict[str, str] | None

    @property
    def call(self) -> str:
        return f"{self.name}({', '.join(self.parameters)})" if self.parameters else self.name

    def with_defaults(self) -> str:
        assert self.defaults is not None
        return f"{self.name}({', '.join(self.defaults.values())})" if self.defaults else self.name


def heading(file: str) -> str:
    """What the comment at the top of a file says."""
    return _prose(read_library(file).text.split("\n\n", 1)[0].splitlines())


def entries(file: str) -> list[Entry]:
    """The patterns of a file, in its order."""
    found: list[Entry] = []
    for comment, name, parameters, _ in PATTERN.findall(read_library(file).text):
        lines = comment.splitlines()
        defaults = next((line.removeprefix(DEFAULTS) for line in lines if line.startswith(DEFAULTS)), None)
        prose = _prose(line for line in lines if not line.startswith(DEFAULTS))
        names = tuple(part.strip() for part in parameters.split(",")) if parameters else ()
        found.append(Entry(file, name, prose, names, None if defaults is None else _defaults(defaults)))
    return found


def all_entries() -> list[Entry]:
    return [entry for file in library_names() for entry in entries(file)]


def _prose(lines) -> str:
    return " ".join(line.removeprefix("#").strip() for line in lines if not line.startswith("# -- ")).strip()


def _defaults(text: str) -> dict[str, str]:
    if text == "none":
        return {}
    return dict(re.findall(r"(\w+) = ((?:\[[^\]]*\]|\w+\([^)]*\)|[^,])+)(?:, |$)", text))
