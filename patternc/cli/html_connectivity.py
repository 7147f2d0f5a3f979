"""The part of the page that says what the layers connect: verdict, growth, layers, proof, path.

For: `html_report.py`. Not for: what it says in words (`sentences.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.analysis.report import Report
from patternc.cli.figure_growth import growth_figure
from patternc.cli.figure_layers import kinds, layers_figure
from patternc.cli.html_sections import told
from patternc.cli.html_text import Content, Html, Part, element, joined, table
from patternc.cli.page import ranges
from patternc.cli.sentences import average_depth, connection, growth_rows, path_of, target
from patternc.cli.sentences_proof import proved
from patternc.cli.svg_figure import inline_svg


def connectivity(report: Report) -> Part:
    """Whether every query comes to see what it should; if not, the first pair and the reason."""
    return Part("connectivity", "Connectivity", tuple(_contents(report)))


def _contents(report: Report) -> Iterator[Content]:
    found = report.connectivity
    yield told(connection(report))
    figure = growth_figure(report)
    if figure is not None:
        yield element("h3", "Growth of the receptive fields")
        columns = ("after layer", ">least", ">10 %", ">median", ">90 %", ">most", ">mean")
        rows = [
            (ranges(row.layers, len(report.layers)), *(f"{size:,}" for size in row.sizes), f"{row.mean:,.1f}")
            for row in growth_rows(report)
        ]
        sizes = table("Keys in sight of a query", columns, rows, wide=True)
        yield element("div", element("figure", Html(inline_svg(figure))), sizes, class_="beside")
        depth = average_depth(found)
        exact = f"Exact, from {found.reach.method}."
        yield element("p", *((f"{depth} ",) if depth is not None else ()), element("span", exact, class_="faint"))
    sentences = joined([told(proved(found.proof, target(report.causal)))])
    if sentences.markup:
        yield element("h3", "For every length")
        yield sentences
    path = path_of(found, report.causal)
    if path is not None:
        sentence, hops = path
        yield element("h3", "A path")
        yield element("p", sentence)
        if hops:
            yield element("ol", *(element("li", element("code", hop)) for hop in hops), class_="path")
    yield element("h3", "Layers")
    named = [
        (
            kind.name,
            ranges(kind.layers, len(report.layers)),
            joined((element("code", pattern) for pattern in kind.patterns), "; "),
        )
        for kind in kinds(report)
    ]
    listed = table("Kinds of layer", ("kind", "layers", "pattern"), named)
    yield element("div", element("figure", Html(inline_svg(layers_figure(report)))), listed, class_="beside")
