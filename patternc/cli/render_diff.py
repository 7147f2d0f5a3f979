"""A difference for a terminal.

For: `patternc diff`. Text in, text out; rich is imported only when something is drawn. Not for: computing anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from patternc.analysis.difference import Difference, Group, Side
from patternc.analysis.reach import Pair
from patternc.cli.page import heading, new_page, percent, plain_table, plural, ranges, safe, say, show

if TYPE_CHECKING:
    from rich.console import Console

MOST_GROUPS = 24
MOST_LAYERS = 8
UNKNOWN = "?"


def render_difference(found: Difference, name_a: str, name_b: str, width: int = 100, colour: bool = False) -> str:
    """The difference as text `width` columns wide, in colour if asked for. Ends with a line end."""
    console, out = new_page(width, colour)
    for letter, name, side in (("A", name_a, found.a), ("B", name_b, found.b)):
        console.print(f"[bold]{letter}[/]   {safe(name)}   {side.tokens:,} tokens, {plural(side.layers, 'layer')}")
    console.print()
    say(console, _verdict(found), 0)
    _settings(console, found)
    _masks(console, found)
    _figures(console, found)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _verdict(found: Difference) -> str:
    if not found.comparable:
        return "The lengths differ, so no masks are compared; --tokens gives both the same length."
    if found.equal:
        return "[green]The masks are equal[/]: in every layer and head, the same pairs, counted alike."
    differing = [group for group in found.groups if not group.shared.equal]
    places = sum(len(group.layers) * len(group.heads) for group in differing)
    common = sum(len(group.layers) * len(group.heads) for group in found.groups)
    among = f"in {places:,} of {plural(common, 'head')} over all layers that both have."
    if differing and all(group.shared.same_pairs for group in differing):
        text = f"The masks have the same pairs, but [red]count some of them differently[/] {among}"
    elif differing:
        text = f"[red]The masks differ[/] {among}"
    else:
        text = "The masks of all layers and heads that both have are equal."
    for what, a, b in (("layer", found.a.layers, found.b.layers), ("head", found.a.heads, found.b.heads)):
        if a != b:
            text += f" {'A' if a > b else 'B'} has {plural(abs(a - b), what)} more."
    return text


def _settings(console: Console, found: Difference) -> None:
    if not found.settings:
        return
    heading(console, "Settings")
    table = plain_table("", ">A", ">B")
    for each in found.settings:
        table.add_row(safe(each.name), *("-" if value is None else safe(_value(value)) for value in (each.a, each.b)))
    show(console, table)


def _value(value: int | bool | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:,}"


def _masks(console: Console, found: Difference) -> None:
    differing = [group for group in found.groups if not group.shared.equal]
    if not found.groups or found.equal:
        return
    heading(console, "Pairs of one head")
    recounting = any(group.shared.recounted for group in differing)
    more = (">counted differently",) if recounting else ()
    table = plain_table("layers", "heads", "pattern", ">in both", ">only in A", ">only in B", *more)
    layers, heads = min(found.a.layers, found.b.layers), min(found.a.heads, found.b.heads)
    for group in differing[:MOST_GROUPS]:
        shared = group.shared
        table.add_row(
            ranges(group.layers, layers),
            ranges(group.heads, heads),
            safe(_patterns(group)),
            *(f"{count:,}" for count in (shared.both, shared.only_a, shared.only_b)),
            *([f"{shared.recounted:,}"] if recounting else ()),
        )
    show(console, table)
    if len(differing) > MOST_GROUPS:
        say(console, f"and {len(differing) - MOST_GROUPS:,} more groups of layers and heads; --json has all of them")
    for letter, pair_of in (("A", _first_a), ("B", _first_b)):
        for group in differing:
            pair = pair_of(group)
            if pair is not None:
                place = f"layer {group.layers[0]}, head {group.heads[0]}"
                say(console, f"The first pair only in {letter}: {place}, query {pair[0]:,} attends key {pair[1]:,}.")
                break
    for group in differing:
        first = group.shared.first_recounted
        if first is not None:
            place = f"layer {group.layers[0]}, head {group.heads[0]}"
            query, key = first.pair
            often = f"{_times(first.a)} in A, {_times(first.b)} in B"
            say(console, f"The first pair counted differently: {place}, query {query:,}, key {key:,}: {often}.")
            break


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _first_a(group: Group) -> Pair | None:
    return group.shared.first_only_a


def _first_b(group: Group) -> Pair | None:
    return group.shared.first_only_b


def _patterns(group: Group) -> str:
    if group.pattern_a == group.pattern_b:
        return group.pattern_a
    return f"A: {group.pattern_a}\nB: {group.pattern_b}"


def _figures(console: Console, found: Difference) -> None:
    heading(console, "Cost and reach")
    table = plain_table("", ">A", ">B")
    for name, of in _FIGURES:
        table.add_row(name, of(found.a), of(found.b))
    for layer in range(min(MOST_LAYERS, max(map(_growing, (found.a, found.b))))):
        table.add_row(f"mean field after layer {layer}", _mean(found.a, layer), _mean(found.b, layer))
    show(console, table)
    methods = {side.reach.method for side in (found.a, found.b) if not side.reach.exact}
    methods |= {side.cache_method for side in (found.a, found.b) if side.cache is None}
    for method in sorted(methods):
        say(console, f"[dim]{UNKNOWN}  {safe(method)}[/]")
    devices = {side.predicted.device for side in (found.a, found.b) if side.predicted is not None}
    if devices:
        say(
            console,
            f"[dim]Times are predicted for {', '.join(sorted(devices))} and a batch of 1, from arithmetic: none was "
            "measured.[/]",
        )


def _growing(side: Side) -> int:
    """Layers up to the one after which everything is connected."""
    return len(side.reach.growth) if side.reach.depth is None else side.reach.depth


def _mean(side: Side, layer: int) -> str:
    growth = side.reach.growth
    return f"{growth[layer].total / side.tokens:,.1f}" if layer < len(growth) else "-"


def _depth(side: Side) -> str:
    if not side.reach.exact:
        return UNKNOWN
    return "never" if side.reach.depth is None else plural(side.reach.depth, "layer")


def _missing(side: Side) -> str:
    missing = side.reach.missing
    return "-" if missing is None else f"query {missing[0]:,}, key {missing[1]:,}"


def _cache(side: Side) -> str:
    return UNKNOWN if side.cache is None else f"{side.cache.most:,}"


def _caches(side: Side) -> str:
    return UNKNOWN if side.cache is None else f"{side.cache.total:,}"


def _forward(side: Side) -> str:
    return UNKNOWN if side.predicted is None else _seconds(side.predicted.forward)


def _backward(side: Side) -> str:
    return UNKNOWN if side.predicted is None else _seconds(side.predicted.backward)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:,.1f} us"


_FIGURES: tuple[tuple[str, Callable[[Side], str]], ...] = (
    ("pairs, all layers and heads", lambda side: f"{side.pairs:,}"),
    ("of dense", lambda side: percent(side.density)),
    ("forward pass, predicted", _forward),
    ("backward pass, predicted", _backward),
    ("connected after", _depth),
    ("first pair not connected", _missing),
    ("keys a kv head keeps", _cache),
    ("keys all kv heads keep", _caches),
)
