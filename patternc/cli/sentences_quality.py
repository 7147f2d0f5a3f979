"""How well a model connects what it connects, in words.

For: `render.py` and the HTML page. Not for: measuring (`analysis/quality.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from patternc.analysis.bottleneck import Bottleneck
from patternc.analysis.exposure import Exposure
from patternc.analysis.report import Report
from patternc.analysis.rollout import Influence, Rollout
from patternc.analysis.spectrum import Gap
from patternc.cli.page import percent, places, plural, ranges, times
from patternc.cli.sentences import Sentence


def quality(report: Report) -> Iterator[Sentence]:
    """What the connections are worth, measure by measure."""
    found = report.quality
    yield from _bottleneck(found.bottleneck, report)
    yield from _exposure(found.exposure, report)
    yield from _gap(found.gap)
    yield from _rollout(found.rollout)


def _bottleneck(found: Bottleneck, report: Report) -> Iterator[Sentence]:
    if len(report.layers) == 1:
        yield Sentence(f"No bottleneck: {found.method.removeprefix('none: ')}.", faint=True)
        return
    if found.paths is None:
        passing = "How many tokens at once can pass on what the first has for the last query is "
        if found.at_least is None or found.at_most is None:
            yield Sentence(f"{passing}{found.method}.", "open")
        else:
            yield Sentence(f"{passing}between {found.at_least:,} and {found.at_most:,}, {found.method}.", "open")
        return
    if found.paths == 0:
        yield Sentence("Nothing of the first token comes to the last query.")
        return
    if found.paths == report.tokens:
        yield Sentence("From the first token to the last query, all tokens at once can pass it on: no bottleneck.")
        return
    dense = f"of {report.tokens:,} with dense attention"
    where = "" if found.after is None else f"; the narrowest place is after layer {found.after}"
    yield Sentence(
        f"From the first token to the last query, {plural(found.paths, 'token')} at once can pass it on, "
        f"{dense}{where}."
    )


def _exposure(found: Exposure, report: Report) -> Iterator[Sentence]:
    if not found.hubs:
        yield Sentence(f"No exposure: {found.method.removeprefix('none: ')}.", faint=True)
        return
    hubs, before = places(found.hubs), report.connectivity.reach.depth
    which = "Everything later" if report.causal else "Everything"
    if found.lost is None or found.connected is None:
        yield Sentence(f"What hangs on {hubs} is open: {found.method}.", "open")
    elif found.lost and found.share is not None:
        lost = f"{percent(found.share)} of the connections among other tokens"
        yield Sentence(f"{which} attends {hubs}: without, {lost} would be lost.")
    elif found.depth is not None and before is not None and found.depth > before:
        deep = f"after {plural(found.depth, 'layer')} instead of {before}"
        yield Sentence(f"{which} attends {hubs}: without, the other tokens see each other {deep}.")
    else:
        yield Sentence(f"{which} attends {hubs}, and no connection among other tokens hangs on that.")


def _gap(found: Gap) -> Iterator[Sentence]:
    if found.gap is None:
        yield Sentence(f"No spectral gap: {found.method.removeprefix('none: ')}.", faint=True)
        return
    without = "" if found.without is None else f", without the hubs {found.without:g}"
    of = "every token" if found.block == 1 else f"{found.blocks} blocks of {found.block:,} tokens"
    yield Sentence(f"Spectral gap a layer, over {of}: {found.gap:g} (dense attention 0.5){without}.")


def _rollout(found: Rollout) -> Iterator[Sentence]:
    if found.mixed is None or found.attention is None:
        yield Sentence(f"How far influence reaches is open: {found.method}.", "open")
        return
    yield Sentence(
        f"With even attention, half of what reaches the last query comes from within "
        f"{plural(found.mixed.half, 'token')}, 99 % from within {found.mixed.most:,}; paths reach {found.nominal:,} "
        f"back. {_first(found.mixed)}"
    )
    yield Sentence(
        f"without the residual: half from within {found.attention.half:,}, 99 % from within {found.attention.most:,}, "
        f"{percent(Fraction(found.attention.first))} from the first token",
        under=True,
        faint=True,
    )


def _first(found: Influence) -> str:
    return f"{percent(Fraction(found.first))} of it is the first token's."


def busiest_row(report: Report) -> str | None:
    """The tile row with most work beside the mean row of its head; None where no head has any work."""
    heads = [
        (each.balance.tiles, layer.layer, each.balance)
        for layer in report.layers
        for each in layer.heads
        if each.balance.tiles is not None
    ]
    if not heads:
        return None
    worst, _, busiest = max(heads, key=lambda head: (head[0], -head[1]))
    layers = sorted({layer for tiles, layer, _ in heads if tiles == worst})
    return (
        f"The busiest {busiest.rows} queries, from {busiest.busiest:,} on, have {times(worst)} times the tiles of the "
        f"mean {busiest.rows} (layers {ranges(layers, len(report.layers))})."
    )
