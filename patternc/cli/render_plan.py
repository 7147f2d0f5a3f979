"""The plan in the terminal: for each layer what is launched, on which tiles, what it computes for nothing, and why.

For: the `Plan` part of `patternc analyse`. A pure function of the figures of `codegen/explain.py`. Not for: figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patternc.cli.page import heading, plain_table, plural, ranges, safe, say, show
from patternc.codegen.explain import LaunchFigures, PlanFigures

if TYPE_CHECKING:
    from rich.console import Console


def write_plan(console: Console, figures: PlanFigures, layers: int, heads: int) -> None:
    """Writes the part: forward launches one by one, the backward pass in one line, then the choices with reasons."""
    heading(console, "Plan")
    table = plain_table("layers", "heads", "pattern", "on", ">tiles", ">computed\n/ useful", ">predicted", "bound")
    reasons: dict[str, None] = {}
    for layer in figures.layers:
        for group in layer.groups:
            for launch in group.of("forward"):
                table.add_row(
                    ranges(layer.layers, layers),
                    ranges(group.heads, heads),
                    safe(launch.component),
                    _place(launch),
                    f"{_tiles(launch):,}",
                    f"{launch.computed / launch.useful:,.2f}" if launch.useful else "-",
                    _seconds([launch]),
                    "-" if launch.prediction is None else launch.prediction.bound,
                )
                if launch.reason:
                    reasons[launch.reason] = None
    show(console, table)
    every = [launch for layer in figures.layers for group in layer.groups for launch in group.launches]
    backward = [launch for launch in every if launch.role != "forward"]
    shares = sum(launch.shares for launch in every)
    say(console, f"{figures.target}, {figures.dtype}, head_dim {figures.head_dim}{_backward(backward)}")
    if shares:
        say(console, f"Hubs are cut: {plural(shares, 'share')} in all launches, so that no program runs long alone.")
    for reason in reasons:
        say(console, safe(f"{reason[0].upper()}{reason[1:]}."))


def _place(launch: LaunchFigures) -> str:
    tile = f"{launch.own_tile} x {launch.counterpart_tile}"
    lattice = launch.lattice
    if lattice is None:
        return f"neighbours, {tile}"
    packed = launch.own_tile // lattice.own_run
    return f"classes modulo {lattice.step:,}, {tile}" + (f", {packed} in a tile" if packed > 1 else "")


def _tiles(launch: LaunchFigures) -> int:
    return launch.full + launch.interval + launch.bits + launch.gathered


def _backward(launches: Sequence[LaunchFigures]) -> str:
    """What the backward launches of all kinds of layer take together; nothing where there is no prediction."""
    predicted = [launch.prediction for launch in launches if launch.prediction is not None]
    if not predicted:
        return ""
    return (
        f"; the backward pass of each kind of layer once: predicted {_seconds(launches)} "
        f"(arithmetic for one {predicted[0].device}, batch 1; nothing here was measured)"
    )


def _seconds(launches: Sequence[LaunchFigures]) -> str:
    predicted = [launch.prediction.seconds for launch in launches if launch.prediction is not None]
    if not predicted:
        return "-"
    total = sum(predicted)
    return f"{total * 1e3:,.2f} ms" if total >= 1e-3 else f"{total * 1e6:,.1f} us"
