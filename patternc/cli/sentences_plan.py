"""The plan in words: for each layer what is launched, on which tiles, what it computes for nothing, and why.

For: the `Plan` part of `patternc analyse`, in the terminal and on the HTML page. Pure functions of the figures of
`codegen/explain.py`. Not for: figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from patternc.cli.page import plural, ranges
from patternc.codegen.explain import GroupFigures, LaunchFigures, PlanFigures

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """One forward launch: what it computes, where and for how long, and why that way ("" where there was no choice)."""

    component: str
    figures: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedHeads:
    """Layers, or some heads of them, that are planned alike but for what was drawn."""

    place: str
    launches: tuple[PlannedLaunch, ...]


def planned_heads(figures: PlanFigures, layers: int, heads: int) -> Iterator[PlannedHeads]:
    """The forward launches one by one, for each kind of layer; a model of so many `layers` and `heads`."""
    for places, alike in _alike(figures):
        first = alike[0]
        of = "" if len(first.heads) == heads else f", heads {ranges(first.heads, heads)}"
        launches = tuple(
            PlannedLaunch(
                _SEED.sub("", launches[0].component) if len(alike) > 1 else launches[0].component,
                _launch(launches),
                launches[0].reason,
            )
            for launches in zip(*(group.of("forward") for group in alike), strict=True)
        )
        yield PlannedHeads(f"{'layers' if len(places) > 1 else 'layer'} {ranges(places, layers)}{of}", launches)


def plan_remarks(figures: PlanFigures) -> Iterator[str]:
    """How many shares hubs are cut in, what was planned for, and the backward pass in one line."""
    every = [launch for layer in figures.layers for group in layer.groups for launch in group.launches]
    shares = sum(launch.shares for launch in every)
    if shares:
        yield f"Hubs are cut in {plural(shares, 'share')} over all launches, so that no program runs long alone."
    yield _for_what(figures, every)


def _alike(figures: PlanFigures) -> Iterator[tuple[tuple[int, ...], list[GroupFigures]]]:
    """Groups of heads that differ in what was drawn only, with their layers."""
    rows: dict[tuple[object, ...], list[tuple[tuple[int, ...], GroupFigures]]] = {}
    for layer in figures.layers:
        for group in layer.groups:
            kinds = tuple((_SEED.sub("", each.component), each.lattice, each.own_tile) for each in group.of("forward"))
            rows.setdefault((group.heads, kinds), []).append((layer.layers, group))
    for alike in rows.values():
        yield tuple(sorted(place for places, _ in alike for place in places)), [group for _, group in alike]


_SEED = re.compile(r" \(seed [^)]*\)")


def _launch(alike: Sequence[LaunchFigures]) -> str:
    """Where it runs, what it computes for nothing, what it should take."""
    launch = alike[0]
    tile = f"{launch.own_tile} x {launch.counterpart_tile}"
    lattice = launch.lattice
    place = f"tiles of {tile} neighbours"
    if lattice is not None:
        packed = launch.own_tile // lattice.own_run
        place = f"tiles of {tile} in classes modulo {lattice.step:,}" + (f", {packed} in a tile" if packed > 1 else "")
    counts = _span(sorted(_tiles(each) for each in alike), lambda count: f"{count:,}")
    ratios = _span(sorted(each.computed / each.useful for each in alike if each.useful), lambda ratio: f"{ratio:,.2f}")
    waste = f", {ratios} pairs computed for each useful one" if ratios else ""
    slowest = max(alike, key=lambda each: each.prediction.seconds if each.prediction else 0.0)
    time = f"; {_seconds([slowest])}, bound by {slowest.prediction.bound}" if slowest.prediction else ""
    return f"{counts} {place}{waste}{time}"


def _span(values: Sequence[_Number], write: Callable[[_Number], str]) -> str:
    """The least and the greatest of ascending values; nothing where there is none."""
    if not values:
        return ""
    least, greatest = write(values[0]), write(values[-1])
    return least if least == greatest else f"{least} to {greatest}"


def _for_what(figures: PlanFigures, every: Sequence[LaunchFigures]) -> str:
    made_for = f"Planned for {figures.target}, {figures.dtype}, head_dim {figures.head_dim}"
    devices = {launch.prediction.device for launch in every if launch.prediction is not None}
    if not devices:
        return f"{made_for}; there are no predictions of time for it."
    backward = _seconds([launch for launch in every if launch.role != "forward"])
    return (
        f"{made_for}. Times are predicted for one {', '.join(sorted(devices))} and a batch of 1, from arithmetic: none "
        f"was measured. The backward launches of these layers, each once: {backward}."
    )


def _tiles(launch: LaunchFigures) -> int:
    return launch.full + launch.interval + launch.bits + launch.gathered


def _seconds(launches: Sequence[LaunchFigures]) -> str:
    predicted = [launch.prediction.seconds for launch in launches if launch.prediction is not None]
    if not predicted:
        return "-"
    total = sum(predicted)
    return f"{total * 1e3:,.2f} ms" if total >= 1e-3 else f"{total * 1e6:,.1f} us"
