"""The parts of the page that are sentences and tables: title, cost, plan, decoding, measures, expectations, warnings.

For: `html_report.py`. Not for: what they say in words (`sentences.py`), or pictures (`html_masks.py`,
`html_connectivity.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from patternc.analysis.expression import Formula, write
from patternc.analysis.order import theta
from patternc.analysis.report import Report
from patternc.analysis.report_json import to_json
from patternc.cli.html_text import Content, Html, Part, element, formula, joined, table
from patternc.cli.page import percent, places, plural, ranges, times
from patternc.cli.readings import PAPERS, READINGS
from patternc.cli.sentences import (
    CostRow,
    Mark,
    Sentence,
    closed_forms,
    cost_rows,
    kinds_of_layer,
    order_of_growth,
    suggestions,
    target,
    tile_forms,
    title_facts,
    total_pairs,
    without_form,
)
from patternc.cli.sentences import decoding as decoding_sentences
from patternc.cli.sentences_plan import plan_remarks, planned_heads
from patternc.cli.sentences_quality import busiest_row, quality
from patternc.codegen.explain import PlanFigures
from patternc.diagnostics import Diagnostic, render

MARKS: dict[Mark, tuple[str, str]] = {"yes": ("✓", "yes"), "no": ("✗", "no"), "open": ("?", "not decided")}
"""The sign of a mark, and what it says to those who do not see it."""
DIAGNOSTIC_WIDTH = 100
MOST_ROWS, MOST_PLANNED = 96, 32
"""Rows of the cost table, and plans, that the page has room for."""
MOST_PROGRAM = 16 << 10
"""Bytes of a program that the page has room for."""


def mark(kind: Mark) -> Html:
    """The sign of a mark."""
    sign, name = MARKS[kind]
    return element("span", sign, class_=f"mark {kind}", role="img", aria_label=name)


def told(sentences: Iterable[Sentence]) -> Html:
    """Sentences as a list of their own, explanations under what they explain."""
    return joined(_told(each) for each in sentences)


def _told(sentence: Sentence) -> Html:
    kinds = [name for name, on in (("under", sentence.under), ("faint", sentence.faint)) if on]
    sign: tuple[Content, ...] = () if sentence.mark is None else (mark(sentence.mark), " ")
    return element("p", *sign, sentence.text, class_=" ".join(kinds) or None)


def _more(count: int, noun: str) -> Html:
    """What a page has no room for."""
    return element("p", f"There are {plural(count, f'more {noun}')}: patternc analyse says all, as text or --json.")


# -- the title --------------------------------------------------------------------------------------------------------


def summary(report: Report) -> Iterator[Html]:
    """The name of the model, what it is, and the four figures that matter most."""
    yield element("p", "Attention pattern report", class_="eyebrow")
    yield element("h1", report.model)
    yield element("ul", *(element("li", fact) for fact in title_facts(report)), class_="facts")
    yield element("dl", *(_figure(*figure) for figure in key_figures(report)), class_="figures")


def _figure(name: str, value: Content, note: str) -> Html:
    return element(
        "div", element("dt", name), element("dd", element("strong", value), element("span", note, class_="note"))
    )


def key_figures(report: Report) -> Iterator[tuple[str, Content, str]]:
    """Name, value and unit of the figures that matter most."""
    reach = report.connectivity.reach
    if not reach.exact:
        yield "Connected", joined((mark("open"), " not decided")), "see Connectivity"
    elif reach.depth is None:
        yield "Connected", joined((mark("no"), " no")), f"not within {plural(len(report.layers), 'layer')}"
    else:
        seen = target(report.causal)
        yield "Connected", joined((mark("yes"), f" {plural(reach.depth, 'layer')}")), f"until a query sees {seen}"
    yield "Pairs", f"{report.pairs:,}", f"{percent(report.density)} of dense attention's"
    if report.leading is not None:
        yield "Growth", formula(theta(report.leading)), "of all pairs, parameters as defined"
    if report.cache is not None:
        yield "Cache", f"{report.cache.most:,}", "keys that a kv head keeps, at most"


# -- cost -------------------------------------------------------------------------------------------------------------


def cost(report: Report) -> Part:
    """Pairs, tiles, and the closed forms."""
    columns = ("layers", "heads", "pattern", ">pairs a head", ">of dense", ">tiles", ">computed / useful")
    found = cost_rows(report.layers)
    rows = [_cost_row(report, row) for row in found[:MOST_ROWS]]
    contents: list[Content] = [table("Cost of each layer and head", columns, rows, wide=True)]
    if len(found) > MOST_ROWS:
        contents.append(_more(len(found) - MOST_ROWS, "row"))
    contents.append(element("p", f"{total_pairs(report)}."))
    busiest = busiest_row(report)
    if busiest is not None:
        contents.append(element("p", busiest))
    kinds = kinds_of_layer(report)
    if kinds is not None:
        contents.append(element("p", f"{kinds}."))
    formless = without_form(report)
    for what, forms in (("Pairs", closed_forms(report)), ("Tiles", tile_forms(report))):
        if forms:
            contents.append(element("h3", f"{what} in closed form, a head"))
            contents.append(element("dl", *(_form(*form) for form in forms), class_="forms"))
        sentence = order_of_growth(report) if what == "Pairs" else None
        if sentence is not None:
            contents.append(element("p", formula(sentence)))
        if formless is not None and what == "Pairs":
            contents.append(element("p", formless, class_="note"))
    return Part("cost", "Cost", tuple(contents))


def _cost_row(report: Report, row: CostRow) -> Iterator[Content]:
    yield ranges(row.layers, len(report.layers))
    yield ranges(row.heads[0].heads, report.heads)
    yield element("code", row.heads[0].pattern)
    yield _span([f"{pairs:,}" for pairs in row.pairs])
    yield _span([percent(density) for density in row.densities])
    yield _span([f"{tiles:,}" for tiles in row.tiles])
    yield _span([times(ratio) for ratio in row.computed_over_useful])


def _span(texts: Sequence[str]) -> str:
    """The first and the last of ascending values."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"


def _form(where: str, form: Formula) -> Html:
    written = write(form)
    notes = [*written.where, *([f"for {', '.join(written.valid)}"] if written.valid else [])]
    told_of = (element("span", ";  ".join(notes), class_="note"),) if notes else ()
    return element("div", element("dt", where), element("dd", formula(written.text), *told_of))


# -- plan -------------------------------------------------------------------------------------------------------------


def plan(report: Report, figures: PlanFigures) -> Part:
    """What is launched for each kind of layer, and why."""
    parts: list[Content] = []
    planned = [*planned_heads(figures, len(report.layers), report.heads)]
    for heads in planned[:MOST_PLANNED]:
        launches = (
            element(
                "li",
                element("p", launch.component),
                element("p", launch.figures, class_="note"),
                element("p", launch.reason, class_="note") if launch.reason else "",
            )
            for launch in heads.launches
        )
        parts.append(element("h3", heads.place.capitalize()))
        parts.append(element("ol", *launches, class_="launches"))
    if len(planned) > MOST_PLANNED:
        parts.append(_more(len(planned) - MOST_PLANNED, "plan"))
    parts += [element("p", remark, class_="note") for remark in plan_remarks(figures)]
    return Part("plan", "Plan", tuple(parts))


# -- decoding and measures --------------------------------------------------------------------------------------------


def decoding(report: Report) -> Part:
    """What decoding keeps, the hubs, and every measure of the report with its value."""
    measures = to_json(report)["measures"]
    rows = [(name, value) for name, value in measured(measures) if name not in DRAWN]
    connected = joined([element("h3", "How well it connects"), told(quality(report))])
    listed = table("Measures", ("measure", ">value"), rows)
    return Part("decoding", "Decoding and measures", (told(decoding_sentences(report)), connected, listed))


def reading() -> Part:
    """What each number says, and where it comes from."""
    rows = ((each.name, each.says, each.paper) for each in READINGS)
    papers = [element("li", f"[{name}] {paper}") for name, paper in PAPERS.items()]
    contents = (table("What the numbers say", ("number", "says", "paper"), rows), element("ul", *papers, class_="note"))
    return Part("reading", "How to read it", contents)


DRAWN = {"graph: alike", "graph: follows", "graph: repeats"}
"""Measures that the picture of the layers shows."""


def measured(measures: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Every measure of a report's JSON as a name and a text; parts of one are named after it."""
    for key, value in measures.items():
        name = within + key.replace("_", " ")
        if isinstance(value, dict):
            yield from measured(cast(Mapping[str, Any], value), f"{name}: ")
        else:
            yield name, _value(value)


def _value(value: object) -> str:
    """A value of the JSON as people write it; two numbers in a list are a range of positions."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 or not value else f"{value:.3g}"
        case [int() as start, int() as stop]:
            return f"{'positions' if stop - start > 1 else 'position'} {places(((start, stop),))}"
        case list():
            return ", ".join(_value(item) for item in cast(list[object], value)) or "none"
        case dict():
            parts = cast(dict[str, object], value)
            return " ".join(f"{key.replace('_', ' ')} {_value(part)}" for key, part in parts.items())
        case _:
            return str(value)


# -- expectations and warnings ----------------------------------------------------------------------------------------


def advice(report: Report) -> Part | None:
    """What would make it cheaper, or connect it sooner; None where nothing is known that would."""
    return Part("advice", "Advice", (told(suggestions(report)),)) if report.advice else None


def expectations(report: Report) -> Part | None:
    """Whether what the program expects is so, and why; None where it expects nothing."""
    if not report.expectations:
        return None
    rows = [
        (
            element("code", verdict.text),
            mark("open" if verdict.holds is None else "yes" if verdict.holds else "no"),
            verdict.detail,
        )
        for verdict in report.expectations
    ]
    return Part("expectations", "Expectations", (table("Expectations", ("expected", "holds", "because"), rows),))


def diagnostics(name: str, title: str, found: Sequence[Diagnostic]) -> Part | None:
    """Errors or warnings, as they are drawn in the terminal; None without any."""
    if not found:
        return None
    return Part(name, title, (_text(f"{title}, as text", render(found, width=DIAGNOSTIC_WIDTH)),))


def program_text(text: str) -> Part | None:
    """The program itself; None where it is too long for the page."""
    if len(text.encode(errors="replace")) > MOST_PROGRAM:
        return None
    return Part("program", "Program", (_text("Program, as text", text.strip("\n")),))


def _text(name: str, text: str) -> Html:
    """Text as it is, in a box that scrolls."""
    return element("div", element("pre", text), class_="scroll", role="region", aria_label=name, tabindex=0)
