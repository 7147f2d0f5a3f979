"""The part of the page with the masks: a picture of each distinct one, and what the explorer needs to draw them.

For: `html_report.py`. Pictures have a cell for each pair or for each block, as many as the page has room for; where the
explorer runs, it evaluates the pattern for anything finer. Not for: cells (`analysis/drawing.py`), or the explorer
(`assets/explorer.js`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.algebra.budget import TileBudgetError
from patternc.algebra.schedule import HeadPattern, Schedule
from patternc.analysis.drawing import MOST_CELLS, Area, Drawing, draw
from patternc.cli.html_explorer import explorer
from patternc.cli.html_text import Content, Html, Part, element
from patternc.cli.page import plural, ranges
from patternc.cli.sheet import legend
from patternc.cli.svg import outline
from patternc.cli.themes import colour_of

MOST_PICTURES = 24
ROOM = 72_000
"""Characters of all pictures together."""
LEAST_CELLS, CHARACTERS_A_CELL = 16, 24
"""What a picture has at least on a side, and takes about for each of them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A distinct pattern of the schedule, who has it, and its drawing."""

    number: int
    places: str
    pattern: HeadPattern
    drawing: Drawing | str
    """Why there is none, where it has too many different tiles."""


def masks(schedule: Schedule) -> Part:
    """The pictures. Raises TileBudgetError where a term has too many different tiles."""
    shown = pictures(schedule)
    left = len(schedule.patterns) - len(shown)
    cell = max((each.drawing.cell for each in shown if isinstance(each.drawing, Drawing)), default=1)
    what = (
        f"a block of {cell:,} × {cell:,} pairs, its colour stronger the more of them it has" if cell > 1 else "a pair"
    )
    words = f"Queries run downwards, keys to the right. A cell is {what}."
    contents: list[Content] = [element("p", words, class_="note")]
    contents += explorer(schedule)
    contents.append(element("div", *(_figure(picture) for picture in shown), class_="gallery"))
    if left:
        sentence = f"There are {plural(left, 'more pattern')}; patternc show --layer L --head H draws each."
        contents.append(element("p", sentence, class_="note"))
    return Part("masks", "Masks", tuple(contents))


def pictures(schedule: Schedule, most: int = MOST_PICTURES) -> list[Picture]:
    """The distinct patterns, in order of first use, `most` at most, drawn as finely as there is room."""
    chosen = list(enumerate(schedule.patterns))[:most]
    cells = MOST_CELLS
    while cells > LEAST_CELLS and len(chosen) * cells * CHARACTERS_A_CELL > ROOM:
        cells //= 2
    while True:
        drawn = [
            Picture(number, _places(schedule, number), pattern, _drawing(pattern, schedule, cells))
            for number, pattern in chosen
        ]
        taken = sum(len(mask_svg(each.drawing).markup) for each in drawn if isinstance(each.drawing, Drawing))
        if cells <= LEAST_CELLS or taken <= ROOM:
            return drawn
        cells //= 2


def _drawing(pattern: HeadPattern, schedule: Schedule, cells: int) -> Drawing | str:
    try:
        return draw(pattern, schedule.tokens, schedule.causal, cells)
    except TileBudgetError as error:
        return str(error)


def _places(schedule: Schedule, number: int) -> str:
    """Which layers and heads have a pattern."""
    heads_of: dict[tuple[int, ...], list[int]] = {}
    for layer, row in enumerate(schedule.table):
        heads = tuple(head for head, at in enumerate(row) if at == number)
        if heads:
            heads_of.setdefault(heads, []).append(layer)
    return "; ".join(_place(schedule, layers, heads) for heads, layers in heads_of.items())


def _place(schedule: Schedule, layers: list[int], heads: tuple[int, ...]) -> str:
    where = f"layer{'s' * (len(layers) > 1)} {ranges(layers, schedule.layers)}"
    if len(heads) == schedule.heads:
        return where
    return f"{where}, head{'s' * (len(heads) > 1)} {ranges(heads, schedule.heads)}"


def _figure(picture: Picture) -> Html:
    drawing, text = picture.drawing, picture.pattern.text
    place, code = element("span", picture.places, class_="place"), element("code", text)
    if isinstance(drawing, str):
        why = element("span", f"No picture: {drawing}.", class_="note")
        return element("figure", element("figcaption", place, code, why))
    pairs = element("span", f"{drawing.total:,} pairs", class_="note")
    return element(
        "figure",
        mask_svg(drawing, f"mask-{picture.number}", f"Mask of {picture.places}: {text}"),
        element("figcaption", place, code, _legend(drawing), pairs),
    )


def _legend(drawing: Drawing) -> Html:
    entries = legend(drawing)
    if not entries:
        return Html("")
    return element("ul", *(_entry(colour, text) for colour, text in entries), class_="legend")


def _entry(colour: int, text: str) -> Html:
    cell = Html(f'<path class="t{colour}" d="M0 0h1v1h-1z"/>')
    square = element("svg", cell, class_="swatch", viewBox="0 0 1 1", aria_hidden="true")
    return element(
        "li", element("svg", square, class_="swatch", viewBox="0 0 1 1", aria_hidden="true"), element("code", text)
    )


def _area(area: Area) -> str:
    """The cells of an area as a path; `data-kind` is the number that the explorer has for such a cell."""
    colour = colour_of(area.term)
    return f'<path class="t{colour} l{area.level}" data-kind="{4 * colour + area.level}" d="{outline(area)}"/>'


def mask_svg(drawing: Drawing, name: str | None = None, label: str = "") -> Html:
    """The cells of a drawing as an element, in units of cells; the page's style sheet has the colours."""
    cells = drawing.cells
    never = f'<path class="n" d="M1 0H{cells}V{cells - 1}{"h-1v-1" * (cells - 1)}z"/>'
    areas = "".join(_area(area) for area in drawing.areas)
    body = Html((never if drawing.causal and cells > 1 else "") + areas)
    return element(
        "svg",
        body,
        id=name,
        class_="mask",
        viewBox=f"0 0 {cells} {cells}",
        role="img",
        aria_label=label,
        data_cell=drawing.cell,
        shape_rendering="crispEdges",
    )
