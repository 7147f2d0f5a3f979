"""The report for a terminal.

For: `analyse`. Text in, text out: nothing is printed here, and rich is imported only when something is
drawn. Not for: computing anything that is not in the report, or what is said (`sentences.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from patternc.algebra.schedule import Schedule
from patternc.analysis.expectations import Verdict
from patternc.analysis.expression import Formula, write
from patternc.analysis.report import Report
from patternc.cli.figure_layers import kinds
from patternc.cli.page import (
    NO,
    OPEN,
    YES,
    heading,
    new_page,
    percent,
    plain_table,
    plural,
    ranges,
    safe,
    say,
    show,
    times,
)
from patternc.cli.sentences import (
    CostRow,
    Sentence,
    average_depth,
    closed_forms,
    connection,
    cost_rows,
    decoding,
    growth_rows,
    kinds_of_layer,
    order_of_growth,
    path_of,
    suggestions,
    target,
    tile_forms,
    title_facts,
    total_pairs,
    without_form,
)
from patternc.cli.sentences_plan import plan_remarks, planned_heads
from patternc.cli.sentences_proof import proved
from patternc.cli.sentences_quality import busiest_row, quality
from patternc.cli.sketch import sketches
from patternc.codegen.explain import PlanFigures

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LONGEST_FORMULA = 300
MARKS = {"yes": f"{YES} ", "no": f"{NO} ", "open": f"{OPEN} ", None: ""}


def render_report(
    report: Report,
    figures: PlanFigures | None = None,
    schedule: Schedule | None = None,
    width: int = 100,
    colour: bool = False,
) -> str:
    """The report as text `width` columns wide, in colour if asked for, with the figures of its plan and its masks.

    Ends with a line end.
    """
    console, out = new_page(width, colour)
    _title(console, report)
    if schedule is not None:
        _masks(console, report, schedule)
    _cost(console, report)
    if figures is not None:
        _plan(console, report, figures)
    _connectivity(console, report)
    heading(console, "How well it connects")
    tell(console, quality(report))
    _decoding(console, report)
    _expectations(console, report.expectations)
    if report.advice:
        heading(console, "Advice")
        tell(console, suggestions(report))
    console.print()
    say(console, "[dim]`patternc explain report` says what each number means, and the paper it comes from.[/]")
    return _ended(out.getvalue())


# -- the parts --------------------------------------------------------------------------------------------------------


def tell(console: Console, sentences: Iterable[Sentence]) -> None:
    """Sentences, each with its mark."""
    for each in sentences:
        text = f"[dim]{safe(each.text)}[/]" if each.faint else safe(each.text)
        say(console, f"{MARKS[each.mark]}{text}", 4 if each.under else 2)


def _title(console: Console, report: Report) -> None:
    console.print(f"[bold]{safe(report.model)}[/]   {safe('   '.join(title_facts(report)))}")


def _masks(console: Console, report: Report, schedule: Schedule) -> None:
    for line in ("", *sketches(cost_rows(report.layers), schedule, console.width - 2)):
        console.print(f"  {safe(line)}", no_wrap=True, overflow="ignore", crop=False)


def _cost(console: Console, report: Report) -> None:
    heading(console, "Cost")
    show(console, _cost_table(report, cost_rows(report.layers)))
    say(console, total_pairs(report))
    busiest = busiest_row(report)
    if busiest is not None:
        say(console, busiest)
    kinds = kinds_of_layer(report)
    if kinds is not None:
        say(console, kinds)
    for what, forms in (("Pairs", closed_forms(report)), ("Tiles", tile_forms(report))):
        if forms:
            console.print()
            say(console, f"{what} in closed form, a head:")
        for where, formula in forms:
            _formula(console, where, formula)
        order = order_of_growth(report) if what == "Pairs" else None
        if order is not None:
            say(console, safe(order))
    formless = without_form(report)
    if formless is not None:
        say(console, f"[dim]{safe(formless)}[/]")


def _cost_table(report: Report, rows: Iterable[CostRow]) -> Table:
    table = plain_table("layers", "heads", "pattern", ">pairs a head", ">of dense", ">tiles", ">computed\n/ useful")
    for row in rows:
        table.add_row(
            ranges(row.layers, len(report.layers)),
            ranges(row.heads[0].heads, report.heads),
            safe(row.heads[0].pattern),
            _span([f"{pairs:,}" for pairs in row.pairs]),
            _span([percent(density) for density in row.densities]),
            _span([f"{tiles:,}" for tiles in row.tiles]),
            _span([times(ratio) for ratio in row.computed_over_useful]),
        )
    return table


def _span(texts: Sequence[str]) -> str:
    """The first and the last of ascending values."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]}\nto {texts[-1]}"


def _formula(console: Console, where: str, formula: Formula) -> None:
    written = write(formula)
    notes = [*written.where, *([f"for {', '.join(written.valid)}"] if written.valid else [])]
    text = f"[bold]{safe(written.text)}[/]" if len(written.text) <= LONGEST_FORMULA else "(too long to be read here)"
    say(console, f"{safe(where)}:  {text}", 4)
    if notes:
        say(console, f"[dim]{safe(';  '.join(notes))}[/]", 8)


def _plan(console: Console, report: Report, figures: PlanFigures) -> None:
    heading(console, "Plan")
    for heads in planned_heads(figures, len(report.layers), report.heads):
        say(console, heads.place)
        for launch in heads.launches:
            say(console, safe(launch.component), 4)
            say(console, safe(launch.figures), 6)
            if launch.reason:
                say(console, f"[dim]{safe(launch.reason)}[/]", 6)
    for remark in plan_remarks(figures):
        say(console, safe(remark))


def _connectivity(console: Console, report: Report) -> None:
    heading(console, "Connectivity")
    found = report.connectivity
    tell(console, connection(report))
    if found.reach.exact:
        if found.reach.growth:
            show(console, _growth_table(report))
        depth = average_depth(found)
        if depth is not None:
            say(console, depth)
        say(console, f"[dim]exact, from {safe(found.reach.method)}[/]")
    tell(console, proved(found.proof, target(report.causal)))
    path = path_of(found, report.causal)
    if path is not None:
        sentence, hops = path
        console.print()
        tell(console, [Sentence(sentence), *(Sentence(hop, under=True) for hop in hops)])


def growth_text(report: Report, width: int) -> str:
    """How receptive fields grow, as text. Ends with a line end."""
    console, out = new_page(width, colour=False)
    console.print(f"{safe(report.model)}: keys in sight of a query")
    show(console, _growth_table(report))
    return _ended(out.getvalue())


def layers_text(report: Report, width: int) -> str:
    """Which layers are alike, and what comes after what, as text. Ends with a line end."""
    console, out = new_page(width, colour=False)
    found = kinds(report)
    console.print(f"{safe(report.model)}: {plural(len(report.layers), 'layer')} of {plural(len(found), 'kind')}")
    table = plain_table("kind", "layers", "pattern", "followed by")
    for number, kind in enumerate(found):
        after = (f"{found[b].name} ({times:,})" for a, b, times in report.structure.follows if a == number)
        patterns = safe("; ".join(kind.patterns))
        table.add_row(kind.name, ranges(kind.layers, len(report.layers)), patterns, ", ".join(after))
    show(console, table)
    return _ended(out.getvalue())


def _ended(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _growth_table(report: Report) -> Table:
    """How receptive fields grow, with a bar each."""
    table = plain_table(
        "after layer", ">least", ">10 %", ">median", ">90 %", ">most", ">mean", "keys in sight of a query"
    )
    for row in growth_rows(report):
        table.add_row(
            ranges(row.layers, len(report.layers)),
            *(f"{size:,}" for size in row.sizes),
            f"{row.mean:,.1f}",
            _bar(row.share),
        )
    return table


def _bar(share: float) -> str:
    """A bar of 24 columns."""
    eighths = round(share * 24 * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def _decoding(console: Console, report: Report) -> None:
    heading(console, "Decoding and hubs")
    tell(console, decoding(report))


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
