"""YAML -> settings, by PyYAML's parser, with the place of everything and without what could run or explode.

For: gpt-neox's `.yml` files. Only plain scalars, lists and mappings are read; anchors, aliases, tags and several
documents are refused. PyYAML is an extra, imported when a YAML file is read. Not for: JSON (`json_text`).
"""

from __future__ import annotations

from typing import Any, NoReturn

from patternc.diagnostics import Diagnostic, PatternError
from patternc.integrations.json_text import MOST_DEEP, MOST_DIGITS, refuse
from patternc.integrations.settings import Entries, Entry, Items, Node, Place, Scalar, shown
from patternc.source import Source, Span

_TYPES = ("bool", "int", "float", "null", "str", "timestamp")


def read_yaml(source: Source) -> Node:
    """The value that a text is. Raises PatternError, with the place, where it is none, or PyYAML is missing."""
    try:
        import yaml
    except ModuleNotFoundError:
        message = f"`{source.name}` is YAML, and PyYAML is not installed"
        note = "install it with `pip install patternc[yaml]`, or give the same settings as JSON"
        raise PatternError([Diagnostic("PA821", message, (), (note,))]) from None
    try:
        return _Builder(source, yaml).build()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        at = len(source.text) if mark is None else min(mark.index, len(source.text))
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        refuse(source, at, at + 1, f"is not YAML: {problem}")


class _Builder:
    """Builds settings from the parser's events, without recursion over the text."""

    def __init__(self, source: Source, yaml: Any) -> None:  # noqa: ANN401, PyYAML's module: imported late
        self.source = source
        self.yaml = yaml
        self.loader = yaml.SafeLoader(source.text)

    def build(self) -> Node:
        yaml = self.yaml
        root: Node | None = None
        open_nodes: list[tuple[Any, list[Node]]] = []
        while self.loader.check_event():
            event = self.loader.get_event()
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self.refuse(event, "has more than one document")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                self.refuse(event, "has an anchor or an alias, which are not read")
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                if not event.implicit:
                    self.refuse(event, f"has the tag {event.tag}, which is not read")
                if len(open_nodes) >= MOST_DEEP:
                    self.refuse(event, f"is nested more than {MOST_DEEP} deep")
                open_nodes.append((event, []))
                continue
            if isinstance(event, yaml.ScalarEvent):
                node: Node = self.scalar(event)
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                start, below = open_nodes.pop()
                place = self.place(start.start_mark.index, event.end_mark.index)
                mapping = isinstance(start, yaml.MappingStartEvent)
                node = self.mapping(place, below) if mapping else Items(place, tuple(below))
            else:
                continue
            if open_nodes:
                open_nodes[-1][1].append(node)
            else:
                root = node
        if root is None:
            refuse(self.source, 0, 0, "is empty")
        return root

    def mapping(self, place: Place, below: list[Node]) -> Entries:
        entries: dict[str, Entry] = {}
        for key, value in zip(below[::2], below[1::2], strict=True):
            name = key.value if isinstance(key, Scalar) else None
            span = key.place.span
            if not isinstance(name, str):
                refuse(self.source, span.start, span.stop, "has a key that is no text")
            if name in entries:
                refuse(self.source, span.start, span.stop, f"gives {shown(name)} twice")
            entries[name] = Entry(name, key.place, value)
        return Entries(place, tuple(entries.values()))

    def scalar(self, event: Any) -> Scalar:  # noqa: ANN401, an event of PyYAML
        place = self.place(event.start_mark.index, event.end_mark.index)
        tag = event.tag
        if tag is None:
            tag = self.loader.resolve(self.yaml.ScalarNode, event.value, event.implicit)
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind not in _TYPES:
            self.refuse(event, f"has the tag {tag}, which is not read")
        if kind in ("str", "timestamp"):
            return Scalar(place, event.value)
        if kind in ("int", "float") and len(event.value) > MOST_DIGITS:
            self.refuse(event, f"has a number of more than {MOST_DIGITS} characters")
        try:
            return Scalar(place, self.loader.construct_object(self.yaml.ScalarNode(tag, event.value)))
        except ValueError:
            self.refuse(event, f"has the value {shown(event.value)}, which is no {kind}")

    def refuse(self, event: Any, message: str) -> NoReturn:  # noqa: ANN401
        refuse(self.source, event.start_mark.index, event.end_mark.index, message)

    def place(self, start: int, stop: int) -> Place:
        return Place(self.source, Span(start, min(stop, len(self.source.text))))
