"""The report for a terminal, and the picture of a mask.

For: `analyse` and `show`. Text in, text out: nothing is printed here, and rich is imported only when something is
drawn. Not for: computing anything that is not in the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from patternc.algebra.relation import Relation
from patternc.analysis.expectations import Verdict
from patternc.analysis.expression import Formula, write
from patternc.analysis.graph import Quotient
from patternc.analysis.order import theta, with_constant
from patternc.analysis.picture import block_density
from patternc.analysis.report import Connectivity, HeadReport, LayerReport, Report
from patternc.analysis.witness import Hop, Witness
from patternc.cli.page import (
    NO,
    OPEN,
    YES,
    heading,
    new_page,
    percent,
    places,
    plain_table,
    plural,
    ranges,
    safe,
    say,
    show,
    times,
)
from patternc.cli.render_plan import write_plan
from patternc.cli.render_proof import render_proof
from patternc.codegen.explain import PlanFigures

if TYPE_CHECKING:
    from rich.console import Console

MOST_SPANS = 4
LONGEST_FORMULA = 300


def render_report(report: Report, figures: PlanFigures | None = None, width: int = 100, colour: bool = False) -> str:
    """The report, and the figures of its plan, as text `width` columns wide, in colour if asked for.

    Ends with a line end.
    """
    console, out = new_page(width, colour)
    _title(console, report)
    _cost(console, report)
    if figures is not None:
        write_plan(console, figures, len(report.layers), report.heads)
    _connectivity(console, report)
    _decoding(console, report)
    _expectations(console, report.expectations)
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines) + "\n"


# -- the parts --------------------------------------------------------------------------------------------------------


def _title(console: Console, report: Report) -> None:
    direction = "causal" if report.causal else "bidirectional"
    heads = plural(report.heads, "head") + (f" ({report.kv_heads} kv)" if report.kv_heads != report.heads else "")
    facts = [f"{report.tokens:,} tokens", direction, f"{plural(len(report.layers), 'layer')} of {heads}"]
    facts += [f"{name} = {value:,}" for name, value in report.params]
    console.print(f"[bold]{safe(report.model)}[/]   {safe('   '.join(facts))}")


def _cost(console: Console, report: Report) -> None:
    heading(console, "Cost")
    table = plain_table("layers", "heads", "pattern", ">pairs a head", ">of dense", ">tiles", ">computed\n/ useful")
    for rows in _rows(report.layers):
        layers = tuple(layer for layer, _ in rows)
        heads = [each for _, each in rows]
        table.add_row(
            ranges(layers, len(report.layers)),
            ranges(heads[0].heads, report.heads),
            safe(heads[0].pattern),
            _span([f"{each.pairs:,}" for each in sorted(heads, key=lambda each: each.pairs)]),
            _span([percent(each.density) for each in sorted(heads, key=lambda each: each.density)]),
            _span([f"{count:,}" for count in sorted(each.tiles.active for each in heads)]),
            _span([times(ratio) for ratio in sorted(each.tiles.computed_over_useful or 0 for each in heads)]),
        )
    show(console, table)
    tile = report.layers[0].heads[0].tiles
    pairs = f"{report.pairs:,} pairs in all"
    if report.distinct < report.pairs:
        pairs += f", as often as they count; {report.distinct:,} different ones"
    say(
        console,
        f"{pairs}, {percent(report.density)} of what dense attention has; "
        f"tiles of {tile.rows} queries x {tile.columns} keys",
    )
    graph = report.structure
    if len(graph.alike) > 1:
        again = "" if graph.repeats is None else f", over again after {plural(graph.repeats, 'layer')}"
        say(console, f"{len(graph.alike)} kinds of layer{again}")
    _formulas(console, report)


def _rows(layers: Sequence[LayerReport]) -> Iterator[list[tuple[int, HeadReport]]]:
    """One list a row of the cost table: layers whose heads say the same, or differ only in what was drawn."""
    rows: dict[tuple[tuple[int, ...], str, HeadReport | None], list[tuple[int, HeadReport]]] = {}
    for layer in layers:
        for heads in layer.heads:
            same = None if heads.formula is None else heads
            rows.setdefault((heads.heads, heads.pattern, same), []).append((layer.layer, heads))
    yield from rows.values()


def _span(texts: Sequence[str]) -> str:
    """The first and the last of ascending values."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]}\nto {texts[-1]}"


def _formulas(console: Console, report: Report) -> None:
    """The closed forms, each once, with the layers and heads that have it."""
    parts: dict[Formula, list[str]] = {}
    for rows in _rows(report.layers):
        formula = rows[0][1].formula
        if formula is not None:
            layers, heads = tuple(layer for layer, _ in rows), rows[0][1].heads
            where = f"layer{'s' * (len(layers) > 1)} {ranges(layers, len(report.layers))}"
            where += "" if len(heads) == report.heads else f", heads {ranges(heads, report.heads)}"
            parts.setdefault(formula, []).append(where)
    if not parts:
        return
    console.print()
    say(console, "Pairs in closed form, a head:")
    for formula, where in parts.items():
        _formula(console, "; ".join(where) if len(parts) > 1 else "every layer", formula)
    if report.formula is not None:
        _formula(console, "all layers and heads", report.formula)
    if report.leading is not None:
        say(
            console,
            f"Together they grow like [bold]{theta(report.leading)}[/]: to leading order "
            f"{safe(with_constant(report.leading))}.",
        )


def _formula(console: Console, where: str, formula: Formula) -> None:
    written = write(formula)
    notes = [*written.where, *([f"for {', '.join(written.valid)}"] if written.valid else [])]
    text = f"[bold]{safe(written.text)}[/]" if len(written.text) <= LONGEST_FORMULA else "(too long to be read here)"
    say(console, f"{safe(where)}:  {text}", 4)
    if notes:
        say(console, f"[dim]{safe(';  '.join(notes))}[/]", 8)


def _connectivity(console: Console, report: Report) -> None:
    heading(console, "Connectivity")
    found = report.connectivity
    reach = found.reach
    count = len(report.layers)
    seen = "every earlier token and itself" if report.causal else "every token"
    if not reach.exact:
        say(console, f"{OPEN} {safe(reach.method)}")
        if report.structure.quotient is not None:
            say(console, _bound(report.structure.quotient))
    elif reach.depth is not None:
        say(console, f"{YES} Every query sees {seen} after {plural(reach.depth, 'layer')} of {count}.")
    elif reach.missing is not None:
        query, key = reach.missing
        say(
            console,
            f"{NO} Not every query sees {seen}: after {plural(count, 'layer')}, "
            f"query {query:,} does not see key {key:,} (the first such pair).",
        )
        say(console, safe(_reason(found, count)), 4)
    if reach.exact:
        _growth(console, report)
        if found.average_depth is not None:
            say(console, f"On average a connected pair takes {float(found.average_depth):.2f} layers.")
        say(console, f"[dim]exact, from {safe(reach.method)}[/]")
    render_proof(console, found.proof, seen)
    if found.pair is not None:
        _path(console, found, report.causal)


def _bound(quotient: Quotient) -> str:
    """What blocks of tokens alone show."""
    shown = f"as {quotient.blocks} blocks of {quotient.block:,} tokens show"
    if quotient.least_depth is None:
        return f"No number of such layers connects it, {shown}."
    return f"It takes at least {plural(quotient.least_depth, 'layer')}, {shown}."


def _reason(found: Connectivity, layers: int) -> str:
    ahead = found.prospect
    if ahead is None:
        return ""
    if ahead.never:
        size = sum(stop - start for start, stop in ahead.closed)
        if len(ahead.closed) <= MOST_SPANS:
            return f"No number of such layers would change that: key {_key(found)} never leaves {places(ahead.closed)}."
        return f"No number of such layers would change that: only {size:,} queries ever see key {_key(found)}."
    if ahead.depth is not None:
        return f"It would take {plural(ahead.depth, 'layer')} of this schedule to join these two; there are {layers}."
    return "It is not known whether more layers would join these two."


def _key(found: Connectivity) -> str:
    assert found.reach.missing is not None
    return f"{found.reach.missing[1]:,}"


def _growth(console: Console, report: Report) -> None:
    growth = report.connectivity.reach.growth
    table = plain_table(
        "after layer", ">least", ">10 %", ">median", ">90 %", ">most", ">mean", "keys in sight of a query"
    )
    for _, same in groupby(growth, key=lambda each: replace(each, layer=0)):
        layers = list(same)
        sizes = layers[0]
        mean = sizes.total / report.tokens
        table.add_row(
            ranges([each.layer for each in layers], len(growth)),
            *(f"{size:,}" for size in (sizes.least, sizes.low, sizes.median, sizes.high, sizes.most)),
            f"{mean:,.1f}",
            _bar(mean / report.tokens, report.causal),
        )
    show(console, table)


def _bar(share: float, causal: bool) -> str:
    """A bar of 24 columns; a causal model is full at one half."""
    eighths = round(min(1.0, share * (2 if causal else 1)) * 24 * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def _path(console: Console, found: Connectivity, causal: bool) -> None:
    assert found.pair is not None
    query, key = found.pair
    console.print()
    if causal and key > query:
        say(console, f"Query {query:,} does not see key {key:,}: the model is causal, and no query sees a later key.")
    elif found.path is None:
        say(console, f"Query {query:,} does not see key {key:,}: {safe(found.path_method)}.")
    elif not found.path.hops:
        say(console, f"Query {query:,} holds key {key:,} from the start: they are the same token.")
    else:
        why = ", the first pair that needs them all" if found.pair == found.reach.hardest else ""
        say(console, f"How query {query:,} comes to see key {key:,}{why}:")
        for hop in _hops(found.path):
            say(console, safe(hop), 4)


def _hops(path: Witness) -> Iterator[str]:
    for hop in path.hops:
        yield f"layer {hop.layer}: {_hop(hop)}"


def _hop(hop: Hop) -> str:
    if hop.term is None:
        return f"{hop.query:,} keeps it (residual)"
    return f"{hop.query:,} attends {hop.key:,}   head {hop.head}, {hop.term}"


def _decoding(console: Console, report: Report) -> None:
    heading(console, "Decoding and hubs")
    cache = report.cache
    if cache is None:
        say(console, f"{OPEN} {safe(report.cache_method)}")
    else:
        share = Fraction(cache.most, report.tokens)
        say(
            console,
            f"A kv head keeps at most {cache.most:,} keys ({percent(share)} of the sequence; layer {cache.layer}, "
            f"at step {cache.step:,}); all layers and kv heads together {cache.total:,}.",
        )
    if report.cropped.stable:
        say(console, "Crop-stable: a shorter length has the top-left corner of this mask.")
    hubs = report.hubs
    if hubs.keys and hubs.pairs > 2 * hubs.mean:
        text = f"Every query attends {places(hubs.keys)}: {hubs.pairs:,} pairs where the mean key is in "
        say(console, f"{text}{_mean(hubs.mean)}.")
    else:
        say(console, f"The busiest key is in {hubs.pairs:,} pairs of a head, the mean key in {_mean(hubs.mean)}.")


def _mean(value: Fraction) -> str:
    return f"{float(value):,.1f}"


def _expectations(console: Console, verdicts: Sequence[Verdict]) -> None:
    if not verdicts:
        return
    heading(console, "Expectations")
    table = plain_table("", "", "")
    table.show_header = False
    for verdict in verdicts:
        mark = OPEN if verdict.holds is None else YES if verdict.holds else NO
        table.add_row(mark, safe(verdict.text), f"[dim]{safe(verdict.detail)}[/]")
    show(console, table)


# -- the mask ---------------------------------------------------------------------------------------------------------

THRESHOLDS = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16
"""An ordered dither: neighbouring cells of one density come out dark in proportion to it."""
FAINT = 0.4
"""Exponent that makes sparse cells darker than they are: a single diagonal should be seen."""


def mask_art(relation: Relation, n: int, width: int, height: int) -> str:
    """The mask in half blocks, `width` cells wide and `height` high, two rows of cells in a line of text.

    Queries go downwards, keys to the right. A cell is drawn dark in proportion to its pairs, sparse ones a little
    darker; with as many cells as tokens each is one pair. The sides must not exceed n.
    """
    density = block_density(relation, n, height, width) ** FAINT
    dark = density > THRESHOLDS[np.arange(height)[:, None] % 4, np.arange(width)[None, :] % 4]
    if height % 2:
        dark = np.vstack([dark, np.zeros((1, width), dtype=np.bool_)])
    lines: list[str] = []
    for upper, lower in zip(dark[::2], dark[1::2], strict=True):
        marks = (" ▀▄█"[int(a) + 2 * int(b)] for a, b in zip(upper, lower, strict=True))
        lines.append("".join(marks))
    return "\n".join(lines)
