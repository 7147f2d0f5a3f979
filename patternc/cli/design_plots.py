"""What is drawn of a design: the first objective over the only parameter, and the frontier of both objectives.

For: one account of the plots, for the terminal (`render_design.py`) and files (`design_svg.py`). Not for: drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from patternc.analysis.design import UNCONNECTED, Design, Objective, Point
from patternc.cli.axis import Axis, axis_of

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plot:
    """`marked` are points of the frontier, with the choice each stands for; `others` are other choices."""

    title: str
    across: Axis
    up: Axis
    marked: tuple[tuple[Place, str], ...]
    others: tuple[Place, ...]
    steps: bool
    """Whether the marked points bound what can be had, as a frontier does."""


def plots(found: Design) -> Iterator[Plot]:
    """The plots that say more than the table; none where there is a single point."""
    first, second = found.objectives
    if len(found.lists) == 1 and len(found.tried) > 1:
        name = found.lists[0][0]
        every = tuple((float(each.chosen[0][1]), each.first) for each in found.tried if each.first != UNCONNECTED)
        marked = tuple(
            ((float(point.chosen[0][1]), value), choice(point))
            for point in found.frontier
            if (value := measured(point, first)) is not None
        )
        if len(every) > 1:
            across = axis_of([x for x, _ in every], name, lambda value: f"{value:,.0f}")
            up = axis_of([y for _, y in every], title(first), writer(first))
            yield Plot(f"{title(first)} over {name}", across, up, marked, every, steps=False)
    ends = [
        ((x, y), choice(point))
        for point in found.frontier
        if (x := measured(point, first)) is not None and (y := measured(point, second)) is not None
    ]
    others = [
        (each.first, each.second)
        for each in found.tried
        if each.second is not None and each.meets is not False and UNCONNECTED not in (each.first, each.second)
    ]
    if len(ends) > 1:
        places = [place for place, _ in ends] + others
        across = axis_of([x for x, _ in places], title(first), writer(first))
        up = axis_of([y for _, y in places], title(second), writer(second))
        yield Plot(f"{title(first)} against {title(second)}", across, up, tuple(ends), tuple(others), steps=True)


def measured(point: Point, objective: Objective) -> float | None:
    """An objective of a point; None where it is not known, or there is no depth."""
    return {"pairs": point.pairs, "time": point.forward_seconds, "cache": point.cache, "depth": point.depth}[objective]


def choice(point: Point) -> str:
    """The numbers that were chosen."""
    return ", ".join(f"{name} = {value:,}" for name, value in point.chosen)


_TITLES: dict[Objective, str] = {"pairs": "pairs", "time": "forward pass", "cache": "cached keys", "depth": "layers"}


def title(objective: Objective) -> str:
    """What an objective counts."""
    return _TITLES[objective]


def writer(objective: Objective) -> Callable[[float], str]:
    """How values of an objective are written."""
    return seconds if objective == "time" else lambda value: f"{value:,.0f}"


def seconds(value: float) -> str:
    """A time as people write it."""
    return f"{value * 1e3:,.3f} ms" if value >= 1e-3 else f"{value * 1e6:,.1f} us"
