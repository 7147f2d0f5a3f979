"""The explorer of masks: its controls, which a script of the page brings to life, and the patterns that it evaluates.

For: `html_masks.py`. Without JavaScript the explorer is not there. Not for: what it does (`assets/explorer.js`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from patternc.algebra.relation import Relation
from patternc.algebra.schedule import HeadPattern, Schedule
from patternc.cli.html_relation import to_page
from patternc.cli.html_text import Content, Html, element

ROOM = 48_000
"""Characters of all patterns together."""

Json = dict[str, Any]


def explorer(schedule: Schedule) -> list[Content]:
    """The controls, hidden until a script shows them, and the data."""
    controls = element(
        "div",
        element("div", *_sliders(schedule), class_="places"),
        element("p", element("code", "", id="pattern"), class_="pattern"),
        element("ul", id="legend", class_="legend"),
        element("div", _canvas(), _panel(), class_="stage"),
        id="explorer",
        class_="explorer",
        hidden=True,
    )
    text = json.dumps(explorer_data(schedule), separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return [controls, Html(f'<script type="application/json" id="explorer-data">{text}</script>')]


def _sliders(schedule: Schedule) -> Iterator[Html]:
    for name, count in (("layer", schedule.layers), ("head", schedule.heads)):
        if count > 1:
            slider = element("input", type="range", id=name, min=0, max=count - 1, value=0)
            where = element("output", f"0 of {count}", id=f"{name}-at", for_=name)
            yield element("label", name.capitalize(), slider, where)


def _canvas() -> Html:
    return element(
        "canvas",
        id="mask",
        tabindex=0,
        role="application",
        aria_label="Mask",
        aria_describedby="explorer-help",
        width=640,
        height=640,
    )


def _panel() -> Html:
    buttons = (
        element("button", text, type="button", id=f"zoom-{name}", aria_label=label)
        for name, text, label in (("in", "+", "Zoom in"), ("out", "−", "Zoom out"), ("whole", "Whole", "Whole mask"))
    )
    return element(
        "div",
        element("div", *buttons, class_="buttons"),
        element("p", id="readout", role="status"),
        element("p", id="shown", class_="note"),
        element(
            "p",
            "On the mask, arrow keys move the cursor, with Shift eight cells; + and − zoom, 0 shows the whole. A click "
            "sets the cursor, dragging moves the view, and the wheel zooms once the mask has been clicked.",
            id="explorer-help",
            class_="note",
        ),
    )


def explorer_data(schedule: Schedule) -> Json:
    """What the script needs: who has which pattern, and the patterns by their terms; without, where room is short."""
    rows = list(dict.fromkeys(schedule.table))
    known: dict[Relation, Any] = {}
    patterns: list[Json] = []
    taken = 0
    for pattern in schedule.patterns:
        branches = _branches(pattern, schedule.tokens, known)
        taken += len(json.dumps(branches))
        patterns.append({"text": pattern.text, "branches": branches if taken <= ROOM else None})
    return {
        "tokens": schedule.tokens,
        "causal": schedule.causal,
        "rows": [list(row) for row in rows],
        "of": [rows.index(row) for row in schedule.table],
        "patterns": patterns,
    }


def _branches(pattern: HeadPattern, tokens: int, known: dict[Relation, Any]) -> list[list[Json]]:
    def written(relation: Relation) -> Any:  # noqa: ANN401 - JSON
        if relation not in known:
            known[relation] = to_page(relation, tokens)
        return known[relation]

    return [
        [{"text": term.text, "relation": written(term.relation)} for term in branch.terms]
        for branch in pattern.branches
    ]
