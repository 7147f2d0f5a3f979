"""HTML as values: text is escaped by being text, and nothing else becomes markup.

For: the HTML page and the notebook's fragment. Not for: what they say (`html_*.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from patternc.cli.svg import xml_text

VOID = {"meta", "input", "br"}
"""Elements that have no end."""


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe as it is: made by the functions here, or by the writers of SVG."""

    markup: str


Content = Html | str
"""What an element may hold; a string is text."""


def element(name: str, /, *children: Content, **attributes: str | int | bool | None) -> Html:
    """An element. `class_` is the attribute class, `aria_label` aria-label; True is one without a value, None none."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children).markup}</{name}>")


def joined(children: Iterable[Content], between: str = "") -> Html:
    """Contents one after the other."""
    return Html(xml_text(between).join(each.markup if isinstance(each, Html) else xml_text(each) for each in children))


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{xml_text(str(value))}"'


def table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[Content]], wide: bool = False) -> Html:
    """A table whose first column names its rows; a column whose name begins with > is set to the right.

    `caption` is for those who do not see it. A `wide` one scrolls by itself where the page is narrow.
    """
    names = list(columns)
    classes = ["r" if name.startswith(">") else None for name in names]
    heads = (
        element("th", name.removeprefix(">"), scope="col", class_=kind)
        for name, kind in zip(names, classes, strict=True)
    )
    body = (element("tr", *_cells(row, classes)) for row in rows)
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_="wide" if wide else None,
    )
    if not wide:
        return whole
    return element("div", whole, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _cells(row: Iterable[Content], classes: list[str | None]) -> Iterator[Html]:
    for at, (cell, kind) in enumerate(zip(row, classes, strict=True)):
        yield element("td", cell, class_=kind) if at else element("th", cell, class_=kind, scope="row")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page: its id, its heading, and what it holds."""

    id: str
    title: str
    contents: tuple[Content, ...]

    def section(self) -> Html:
        """The part as an element."""
        name = f"{self.id}-title"
        return element("section", element("h2", self.title, id=name), *self.contents, id=self.id, aria_labelledby=name)


_RAISED = re.compile(r"(?:\*\*|\^)(\([^()]*\)|-?\w+(?:\.\d+)?)|\*")


def formula(text: str) -> Html:
    """A formula of the report with powers raised and dots for products; as it was, it is the element's data."""
    return element("span", *_raised(text.replace("Theta", "Θ")), class_="formula", data_formula=text)


def _raised(text: str) -> Iterator[Content]:
    at = 0
    for found in _RAISED.finditer(text):
        yield text[at : found.start()]
        power = found.group(1)
        yield "·" if power is None else element("sup", power.removeprefix("(").removesuffix(")"))
        at = found.end()
    yield text[at:]
