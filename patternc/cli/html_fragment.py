"""A pattern in a notebook: name, key figures and masks as a fragment of HTML with a style of its own.

For: `_repr_html_` of programs and their reports. It brings its background and colours, light or dark as the reader
prefers, and touches nothing outside. Not for: the page (`html_report.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from patternc.algebra.schedule import Schedule
from patternc.analysis.count import Counts
from patternc.analysis.drawing import Drawing
from patternc.analysis.report import Report
from patternc.cli.html_masks import Picture, mask_svg, pictures
from patternc.cli.html_sections import key_figures, told
from patternc.cli.html_text import Content, Html, element
from patternc.cli.page import percent, plural
from patternc.cli.sentences import connection, schedule_facts
from patternc.cli.themes import COLOURS, DARK, LIGHT, Theme

MOST_PICTURES = 4
SIDE = 132
"""Pixels of a side of a mask."""


def report_fragment(report: Report, schedule: Schedule) -> str:
    """The report in short. Raises TileBudgetError as `html_report` does."""
    verdict = told(connection(report))
    remarks = len(report.warnings)
    rest = (element("p", plural(remarks, "warning"), class_="faint"),) if remarks else ()
    return _fragment(schedule, key_figures(report), (verdict, *rest))


def program_fragment(schedule: Schedule, counts: Counts) -> str:
    """What a program is, without its report: pairs and masks."""
    share = f"{percent(Fraction(counts.density))} of dense attention's"
    return _fragment(schedule, [("Pairs", f"{counts.total:,}", share)], ())


def _fragment(schedule: Schedule, figures: Iterable[tuple[str, Content, str]], rest: Iterable[Content]) -> str:
    shown = pictures(schedule, MOST_PICTURES)
    left = len(schedule.patterns) - len(shown)
    more = (element("p", f"and {plural(left, 'more pattern')}", class_="faint"),) if left else ()
    return element(
        "div",
        Html(f"<style>{_style()}</style>"),
        element("p", element("strong", schedule.name), "  ", ", ".join(schedule_facts(schedule))),
        element("p", *(_figure(*figure) for figure in figures)),
        *rest,
        element("div", *(_mask(picture) for picture in shown), class_="masks"),
        *more,
        class_="patternc",
    ).markup


def _figure(name: str, value: Content, note: str) -> Html:
    return element("span", f"{name} ", element("strong", value), f" {note}", class_="figure")


def _mask(picture: Picture) -> Html:
    drawing = picture.drawing
    caption = element("figcaption", picture.places, element("br"), element("code", picture.pattern.text))
    if not isinstance(drawing, Drawing):
        return element("figure", caption, element("p", f"No picture: {drawing}."))
    return element("figure", mask_svg(drawing, label=f"Mask of {picture.places}: {picture.pattern.text}"), caption)


def _style() -> str:
    return (
        ".patternc{padding:.75rem 1rem;border-radius:6px;font-size:14px;line-height:1.45;max-width:52rem}"
        ".patternc p{margin:.2rem 0 .4rem}.patternc .figure{margin-right:1.25rem}.patternc .mark{font-weight:700}"
        ".patternc .masks{display:flex;flex-wrap:wrap;gap:.75rem 1rem;margin-top:.5rem}"
        f".patternc figure{{margin:0;width:{SIDE}px;overflow-wrap:anywhere}}.patternc figcaption{{font-size:12px}}"
        f".patternc svg{{display:block;width:{SIDE}px;height:{SIDE}px}}"
        ".patternc code{font-size:12px;color:inherit;background:none}"
        ".patternc .l0{fill-opacity:.35}.patternc .l1{fill-opacity:.6}.patternc .l2{fill-opacity:.8}"
        f"{_colours(LIGHT)}@media (prefers-color-scheme:dark){{{_colours(DARK)}}}"
    )


def _colours(theme: Theme) -> str:
    rules = [f".patternc{{background:{theme.paper};color:{theme.ink};border:1px solid {theme.grid}}}"]
    rules.append(f".patternc .faint{{color:{theme.faint}}}.patternc .n{{fill:{theme.never}}}")
    rules.append(f".patternc svg{{border:1px solid {theme.grid}}}")
    rules += [f".patternc .t{number}{{fill:{theme.numbered[number]}}}" for number in range(COLOURS + 1)]
    return "".join(rules)
