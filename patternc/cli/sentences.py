"""What a report says, in words: the sentences, rows and headings that the terminal and the HTML page share.

For: `render.py` and the `html_*` files, so that both say the same. Plain text, no markup. Not for: how it looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import Literal

from patternc.algebra.schedule import Schedule
from patternc.analysis.expression import Formula
from patternc.analysis.graph import Quotient
from patternc.analysis.growth import Growth
from patternc.analysis.order import theta, with_constant
from patternc.analysis.report import PATH_METHOD, Connectivity, HeadReport, LayerReport, Report
from patternc.analysis.witness import Hop
from patternc.cli.page import percent, places, plural, ranges

MOST_SPANS = 4

Mark = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence; `mark`: it says that something is so, is not so, or is not decided. `under`: it explains the last."""

    text: str
    mark: Mark | None = None
    under: bool = False
    faint: bool = False


def title_facts(report: Report) -> list[str]:
    """What the report is about, beside the name of the model."""
    return _facts(report, len(report.layers))


def schedule_facts(schedule: Schedule) -> list[str]:
    """The same of a schedule, without a report."""
    return _facts(schedule, schedule.layers)


def _facts(about: Report | Schedule, layers: int) -> list[str]:
    direction = "causal" if about.causal else "bidirectional"
    heads = plural(about.heads, "head") + (f" ({about.kv_heads} kv)" if about.kv_heads != about.heads else "")
    facts = [f"{about.tokens:,} tokens", direction, f"{plural(layers, 'layer')} of {heads}"]
    return facts + [f"{name} = {value:,}" for name, value in about.params]


# -- cost -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CostRow:
    """Layers whose heads say the same, or differ only in what was drawn: `heads` has one entry for each of `layers`."""

    layers: tuple[int, ...]
    heads: tuple[HeadReport, ...]

    @property
    def pairs(self) -> list[int]:
        """Pairs of a head, ascending."""
        return sorted(each.pairs for each in self.heads)

    @property
    def densities(self) -> list[Fraction]:
        """Shares of dense attention's pairs, ascending."""
        return sorted(each.density for each in self.heads)

    @property
    def tiles(self) -> list[int]:
        """Tiles of a head, ascending."""
        return sorted(each.tiles.active for each in self.heads)

    @property
    def computed_over_useful(self) -> list[Fraction]:
        """Pairs computed for each useful one, ascending; 0 where none is useful."""
        return sorted(each.tiles.computed_over_useful or Fraction(0) for each in self.heads)


def cost_rows(layers: Sequence[LayerReport]) -> list[CostRow]:
    """The rows of the cost table, in order of first use."""
    rows: dict[tuple[tuple[int, ...], str, HeadReport | None], list[tuple[int, HeadReport]]] = {}
    for layer in layers:
        for heads in layer.heads:
            same = None if heads.formula is None else heads
            rows.setdefault((heads.heads, heads.pattern, same), []).append((layer.layer, heads))
    return [CostRow(tuple(layer for layer, _ in alike), tuple(heads for _, heads in alike)) for alike in rows.values()]


def total_pairs(report: Report) -> str:
    """How many pairs there are, and how many dense attention would have."""
    pairs = f"{report.pairs:,} pairs in all"
    if report.distinct < report.pairs:
        pairs += f", as often as they count; {report.distinct:,} different ones"
    tile = report.layers[0].heads[0].tiles
    return (
        f"{pairs}, {percent(report.density)} of what dense attention has; "
        f"tiles of {tile.rows} queries x {tile.columns} keys"
    )


def kinds_of_layer(report: Report) -> str | None:
    """How many different layers there are; None where all are alike."""
    graph = report.structure
    if len(graph.alike) < 2:
        return None
    again = "" if graph.repeats is None else f", over again after {plural(graph.repeats, 'layer')}"
    return f"{len(graph.alike)} kinds of layer{again}"


def closed_forms(report: Report) -> list[tuple[str, Formula]]:
    """Each closed form of pairs once, with the layers and heads that have it; that of everything together last."""
    forms = _forms(report, lambda heads: heads.formula)
    if forms and report.formula is not None:
        forms.append(("all layers and heads", report.formula))
    return forms


def without_form(report: Report) -> str | None:
    """Which layers and heads have no closed form of their pairs; None where all have one."""
    rows = cost_rows(report.layers)
    missing = [row for row in rows if row.heads[0].formula is None]
    if not missing:
        return None
    layers = sorted({layer for row in missing for layer in row.layers})
    where = "" if len(missing) == len(rows) else f" of some heads of layers {ranges(layers, len(report.layers))}"
    return f"No closed form was found for the pairs{where}: they were counted at this length alone."


def tile_forms(report: Report) -> list[tuple[str, Formula]]:
    """Each closed form of tiles once, with the layers and heads that have it."""
    return _forms(report, lambda heads: heads.tile_form)


def _forms(report: Report, form: Callable[[HeadReport], Formula | None]) -> list[tuple[str, Formula]]:
    parts: dict[Formula, list[str]] = {}
    for row in cost_rows(report.layers):
        formula = form(row.heads[0])
        if formula is not None:
            heads = row.heads[0].heads
            where = f"layer{'s' * (len(row.layers) > 1)} {ranges(row.layers, len(report.layers))}"
            where += "" if len(heads) == report.heads else f", heads {ranges(heads, report.heads)}"
            parts.setdefault(formula, []).append(where)
    return [("; ".join(where) if len(parts) > 1 else "every layer", formula) for formula, where in parts.items()]


def order_of_growth(report: Report) -> str | None:
    """How all pairs together grow with the length; None where that is not known."""
    if report.leading is None or not closed_forms(report):
        return None
    return f"Together they grow like {theta(report.leading)}: to leading order {with_constant(report.leading)}."


# -- connectivity -----------------------------------------------------------------------------------------------------


def target(causal: bool) -> str:
    """What a query should see."""
    return "every earlier token and itself" if causal else "every token"


def connection(report: Report) -> Iterator[Sentence]:
    """Whether the model is connected; where it is not, why; where that is not decided, what is known."""
    found = report.connectivity
    reach, count, seen = found.reach, len(report.layers), target(report.causal)
    if not reach.exact:
        yield Sentence(reach.method, "open")
        if report.structure.quotient is not None:
            yield Sentence(_bound(report.structure.quotient))
    elif reach.depth is not None:
        yield Sentence(f"Every query sees {seen} after {plural(reach.depth, 'layer')} of {count}.", "yes")
    elif reach.missing is not None:
        query, key = reach.missing
        yield Sentence(
            f"Not every query sees {seen}: after {plural(count, 'layer')}, "
            f"query {query:,} does not see key {key:,} (the first such pair).",
            "no",
        )
        reason = _reason(found, count)
        if reason:
            yield Sentence(reason, under=True)


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


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """Layers after which receptive fields have the same sizes; `share` of what they can grow to, on average."""

    layers: tuple[int, ...]
    growth: Growth
    mean: float
    share: float

    @property
    def sizes(self) -> tuple[int, int, int, int, int]:
        """Least, 10 %, median, 90 %, most."""
        return self.growth.least, self.growth.low, self.growth.median, self.growth.high, self.growth.most


def growth_rows(report: Report) -> list[GrowthRow]:
    """How receptive fields grow, layers without growth as one."""
    rows: list[GrowthRow] = []
    full = report.tokens * (report.tokens + 1) // 2 if report.causal else report.tokens**2
    for _, same in groupby(report.connectivity.reach.growth, key=lambda each: replace(each, layer=0)):
        alike = list(same)
        first, layers = alike[0], tuple(each.layer for each in alike)
        rows.append(GrowthRow(layers, first, first.total / report.tokens, first.total / full))
    return rows


def average_depth(found: Connectivity) -> str | None:
    """How many layers a connected pair takes; None where that is not known."""
    if found.average_depth is None:
        return None
    return f"On average a connected pair takes {float(found.average_depth):.2f} layers."


def path_of(found: Connectivity, causal: bool) -> tuple[str, tuple[str, ...]] | None:
    """How a query comes to see a key, and a line for each hop; None where no pair was asked for or found."""
    if found.pair is None:
        return None
    query, key = found.pair
    if causal and key > query:
        return f"Query {query:,} does not see key {key:,}: the model is causal, and no query sees a later key.", ()
    if found.path is None and found.path_method != PATH_METHOD:
        return f"Whether query {query:,} sees key {key:,} is {found.path_method}.", ()
    if found.path is None:
        return f"Query {query:,} does not see key {key:,} through these layers: {found.path_method} found no way.", ()
    if not found.path.hops:
        return f"Query {query:,} holds key {key:,} from the start: they are the same token.", ()
    why = ", the first pair that needs them all" if found.pair == found.reach.hardest else ""
    hops = tuple(f"layer {hop.layer}: {_hop(hop)}" for hop in found.path.hops)
    return f"How query {query:,} comes to see key {key:,}{why}:", hops


def _hop(hop: Hop) -> str:
    if hop.term is None:
        return f"{hop.query:,} keeps it (residual)"
    return f"{hop.query:,} attends {hop.key:,}   head {hop.head}, {hop.term}"


# -- decoding ---------------------------------------------------------------------------------------------------------


def suggestions(report: Report) -> Iterator[Sentence]:
    """What would make it cheaper, or connect it sooner."""
    for each in report.advice:
        place = ""
        if each.label is not None:
            line, column = each.label.source.position(each.label.span.start)
            place = f" ({each.label.source.name}:{line}:{column})"
        yield Sentence(f"{each.text[0].upper()}{each.text[1:]}{place}.")


def decoding(report: Report) -> Iterator[Sentence]:
    """What decoding keeps, whether the mask follows the length, and which keys everything leans on."""
    cache = report.cache
    if cache is None:
        yield Sentence(report.cache_method, "open")
    else:
        share = Fraction(cache.most, report.tokens)
        yield Sentence(
            f"A kv head keeps at most {cache.most:,} keys ({percent(share)} of the sequence; layer {cache.layer}, "
            f"at step {cache.step:,}); all layers and kv heads together {cache.total:,}."
        )
    if report.cropped.stable:
        yield Sentence("Crop-stable: a shorter length has the top-left corner of this mask.")
    hubs = report.hubs
    if hubs.keys and hubs.pairs > 2 * hubs.mean:
        which = "Every later query" if report.causal else "Every query"
        text = f"{which} attends {places(hubs.keys)}: {hubs.pairs:,} pairs where the mean key is in "
        yield Sentence(f"{text}{_mean(hubs.mean)}.")
    else:
        yield Sentence(f"The busiest key is in {hubs.pairs:,} pairs of a head, the mean key in {_mean(hubs.mean)}.")


def _mean(value: Fraction) -> str:
    return f"{float(value):,.1f}"
