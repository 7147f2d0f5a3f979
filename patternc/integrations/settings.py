"""Settings: what a configuration file of another system says, with the place of every key and value.

For: readers of JSON and YAML, which make these trees, and readers of one system, which ask a `Section` for its keys and
get values of the right type, each with its origin. Mistakes are collected in `Findings`: one run tells all of them.
Not for: parsing text, or what a key means.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from patternc.diagnostics import Diagnostic, Fix, Label, PatternError, has_errors
from patternc.source import Source, Span

T = TypeVar("T")

MOST = 1 << 30
"""The largest number that is read as a size: the longest sequence patternc compiles for."""
MOST_LAYERS = MOST_HEADS = 1024
MOST_ITEMS = 65536
"""The longest list that is read."""
_SHOWN = 60
_NEAR = 0.9
"""How alike a key must be to one that is read, to be a misspelling of it and not about something else."""


@dataclass(frozen=True, slots=True)
class Place:
    """Some characters of one of the files."""

    source: Source
    span: Span


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, text, truth value, or null."""

    place: Place
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value; `place` is that of the key."""

    name: str
    place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Entries:
    """A mapping, in the order of the file."""

    place: Place
    entries: tuple[Entry, ...]

    def find(self, name: str) -> Entry | None:
        """The entry of that name."""
        return next((entry for entry in self.entries if entry.name == name), None)


Node = Scalar | Items | Entries


def plain(node: Node) -> object:
    """The value as Python would have it, without places."""
    match node:
        case Scalar(_, value):
            return value
        case Items(_, items):
            return [plain(item) for item in items]
        case Entries(_, entries):
            return {entry.name: plain(entry.value) for entry in entries}


def shown(value: object) -> str:
    """A value in one line of JSON, not too long, safe in a comment."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]} ..."


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One value that a file gives or, where `place` is None, that its system takes as the default."""

    name: str
    value: T
    place: Place | None = None
    asked: bool = False
    """Given on the command line."""

    @property
    def origin(self) -> str:
        """Where it is from, as a comment says it."""
        if self.asked:
            return f"{self.name} {self.value}"
        if self.place is None:
            return f"{self.name} is not given: the default"
        return f"{self.name} = {shown(self.value)}"


@dataclass(slots=True)
class Findings:
    """The diagnostics of one import, as they are found."""

    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def report(
        self, code: str, message: str, place: Place | None = None, *notes: str, label: str = "", fix: Fix | None = None
    ) -> None:
        """One mistake or warning; a value that is read twice is reported once."""
        labels = () if place is None else (Label(place.source, place.span, label),)
        found = Diagnostic(code, message, labels, notes, fix)
        if found not in self.diagnostics:
            self.diagnostics.append(found)

    def has_errors(self) -> bool:
        """Whether one of them is an error."""
        return has_errors(self.diagnostics)

    def stop_at_errors(self) -> None:
        """Raise PatternError with the errors, if there are any; nothing is made that warnings could be about."""
        if has_errors(self.diagnostics):
            raise PatternError([each for each in self.diagnostics if each.severity == "error"])


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of a configuration, asked by one system.

    Where a value is wrong, the answer is the default, and the mistake is among the findings.
    """

    system: str
    entries: Entries
    findings: Findings
    prefix: str = ""

    def __contains__(self, name: str) -> bool:
        return self.entries.find(name) is not None

    def gives(self, name: str) -> bool:
        """Whether a key is there and not null."""
        entry = self.entries.find(name)
        return entry is not None and not (isinstance(entry.value, Scalar) and entry.value.value is None)

    def whole(self, name: str, default: int, least: int = 1, most: int = MOST) -> Setting[int]:
        """A whole number from `least` to `most`."""
        found = self.optional(name, default, least, most, null=False)
        assert found.value is not None
        return Setting(found.name, found.value, found.place)

    def optional(
        self, name: str, default: int | None, least: int = 1, most: int = MOST, null: bool = True
    ) -> Setting[int | None]:
        """A whole number from `least` to `most`, or null."""
        entry = self.entries.find(name)
        if entry is None:
            return Setting(self.prefix + name, default)
        if null and isinstance(entry.value, Scalar) and entry.value.value is None:
            return Setting(self.prefix + name, None, entry.value.place)
        number = self.number(entry.value, name, least, most)
        return Setting(self.prefix + name, default if number is None else number, entry.value.place)

    def flag(self, name: str, default: bool) -> Setting[bool]:
        """True or false; null is false, as Python takes it."""
        entry = self.entries.find(name)
        if entry is None:
            return Setting(self.prefix + name, default)
        value = entry.value.value if isinstance(entry.value, Scalar) else ""
        if not isinstance(value, bool) and value is not None:
            self.wrong_type(entry.value, name, "true or false")
            return Setting(self.prefix + name, default)
        return Setting(self.prefix + name, bool(value), entry.value.place)

    def choice(self, name: str, default: str, choices: Sequence[str]) -> Setting[str]:
        """One of some words."""
        entry = self.entries.find(name)
        if entry is None:
            return Setting(self.prefix + name, default)
        value = self.word(entry.value, name, choices)
        return Setting(self.prefix + name, default if value is None else value, entry.value.place)

    def numbers(self, name: str, default: tuple[int, ...], least: int) -> Setting[tuple[int, ...]]:
        """A list of whole numbers, at least one."""
        entry = self.entries.find(name)
        if entry is None:
            return Setting(self.prefix + name, default)
        values = [self.number(item, name, least, MOST) for item in self.items(entry.value, name, "whole numbers")]
        known = tuple(value for value in values if value is not None)
        if not values and isinstance(entry.value, Items):
            self.findings.report("PA824", f"`{self.prefix}{name}` is an empty list", entry.value.place)
        return Setting(self.prefix + name, known or default, entry.value.place)

    def section(self, name: str) -> Section | None:
        """The mapping under a key; None where there is none, or null."""
        entry = self.entries.find(name)
        if entry is None or not self.gives(name):
            return None
        if not isinstance(entry.value, Entries):
            self.wrong_type(entry.value, name, "a mapping")
            return None
        return Section(self.system, entry.value, self.findings, f"{self.prefix}{name}.")

    def empty(self, prefix: str) -> Section:
        """A section that says nothing."""
        return Section(self.system, Entries(self.entries.place, ()), self.findings, self.prefix + prefix)

    # -- parts of values ----------------------------------------------------------------------------------------------

    def number(self, node: Node, name: str, least: int, most: int) -> int | None:
        """The whole number a node is, if it is one within bounds."""
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong_type(node, name, "a whole number")
            return None
        if not least <= value <= most:
            bounds = f"at least {least:,}" if value < least else f"at most {most:,}"
            message = f"`{self.prefix}{name}` must be {bounds}; it is {shown(value)}"
            self.findings.report("PA824", message, node.place)
            return None
        return value

    def word(self, node: Node, name: str, choices: Sequence[str]) -> str | None:
        """The word a node is, if it is one of `choices`."""
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(value, str):
            self.wrong_type(node, name, "a text")
            return None
        if value in choices:
            return value
        message = f"`{self.prefix}{name}` has the unknown value `{shown(value)[1:-1]}`"
        near = difflib.get_close_matches(value, choices, n=1)
        fix = renamed(node.place, near[0]) if near else None
        self.findings.report("PA823", message, node.place, f"known values: {', '.join(choices)}", fix=fix)
        return None

    def items(self, node: Node, name: str, of: str) -> tuple[Node, ...]:
        """The items of a list; none where it is none."""
        if not isinstance(node, Items):
            self.wrong_type(node, name, f"a list of {of}")
            return ()
        return node.items

    def wrong_type(self, node: Node, name: str, expected: str) -> None:
        """What a value should have been."""
        got = "a mapping" if isinstance(node, Entries) else "a list" if isinstance(node, Items) else shown(node.value)
        self.findings.report("PA824", f"`{self.prefix}{name}` must be {expected}; it is {got}", node.place)

    # -- keys ---------------------------------------------------------------------------------------------------------

    def refuse_others(self, known: Collection[str]) -> None:
        """Report keys that the system does not know."""
        for entry in self.entries.entries:
            if entry.name not in known:
                self._unknown(entry, known, 0.6)

    def refuse_misspelt(self, known: Collection[str], read: Collection[str]) -> None:
        """Report keys that are nearly one of `read`. Others are about something else, and left alone."""
        for entry in self.entries.entries:
            if entry.name not in known:
                self._unknown(entry, [name for name in read if name not in self], _NEAR, far=False)

    def _unknown(self, entry: Entry, names: Collection[str], cutoff: float, far: bool = True) -> None:
        near = difflib.get_close_matches(entry.name, sorted(names), n=1, cutoff=cutoff)
        if not near and not far:
            return
        message = f"{self.system} has no option `{shown(entry.name)[1:-1]}`"
        if self.prefix:
            message += f" in `{self.prefix.rstrip('.')}`"
        fix = renamed(entry.place, near[0]) if near else None
        notes = () if near else (f"options here: {', '.join(sorted(names))}",)
        self.findings.report("PA823", message, entry.place, *notes, fix=fix)

    def is_misspelt(self, name: str) -> bool:
        """Whether there is a key that `refuse_misspelt` takes for a missing one."""
        keys = [entry.name for entry in self.entries.entries]
        return name not in keys and bool(difflib.get_close_matches(name, keys, n=1, cutoff=_NEAR))


def renamed(place: Place, name: str) -> Fix:
    """Put another word there, in the quotes that are there."""
    text = place.source.text[place.span.start : place.span.stop]
    quote = text[0] if text[:1] in ("'", '"') else ""
    return Fix(f"did you mean `{name}`?", place.source, place.span, f"{quote}{name}{quote}")
