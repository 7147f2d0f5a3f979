"""The plots of a design as SVG text: the same bytes for the same design.

For: `patternc design --svg`. As the picture of a mask (`svg.py`), it has a background of its own, light or dark as the
reader prefers, and says in words what it shows. Not for: what is drawn (`design_plots.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.analysis.design import Design
from patternc.cli.design_plots import Plot, choice, plots
from patternc.cli.sheet import TEXT_SIZE
from patternc.cli.svg import xml_text
from patternc.cli.themes import DARK, LIGHT, Theme

MARK = "<!-- patternc design -->\n"
"""What a file of ours begins with."""

WIDTH, HEIGHT = 420, 200
"""Pixels of a plot."""
LEFT, RIGHT, TOP, BELOW = 96, 40, 44, 40
"""Room around each plot."""
MOST_NAMED = 8
"""Points of a frontier that are named; of more, the first and the last."""


def svg(found: Design) -> str:
    """The plots under one another, as an SVG document; the best choice in words where there is nothing to plot."""
    drawn = list(plots(found))
    best = "no choice meets what is expected" if found.best is None else f"best: {choice(found.best)}"
    title = f"{found.model}, {found.tokens:,} tokens, {best}"
    width, height = LEFT + WIDTH + RIGHT, TOP + len(drawn) * (TOP + HEIGHT + BELOW)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{xml_text(title)}">',
        f"<title>{xml_text(title)}</title>",
        f"<desc>{xml_text(_sentence(found))}</desc>",
        _STYLE,
        f'<rect class="p" width="{width}" height="{height}" rx="6"/>',
        f'<text class="i" x="14" y="26">{xml_text(title)}</text>',
    ]
    for place, plot in enumerate(drawn):
        lines.append(f'<g transform="translate({LEFT} {TOP + place * (TOP + HEIGHT + BELOW) + TOP})">')
        lines += _plot(plot)
        lines.append("</g>")
    return MARK + "".join(f"{line}\n" for line in [*lines, "</svg>"])


def _sentence(found: Design) -> str:
    first, second = found.objectives
    points = "; ".join(choice(point) for point in found.frontier[:MOST_NAMED])
    return f"The frontier of {first} against {second} has {len(found.frontier):,} points: {points}"


def _colours(theme: Theme) -> str:
    return (
        f"text{{fill:{theme.faint}}}.i{{fill:{theme.ink}}}.p{{fill:{theme.paper}}}.f{{stroke:{theme.frame}}}"
        f".o{{fill:{theme.frame}}}.m{{fill:{theme.accent}}}.s{{stroke:{theme.accent}}}"
    )


_STYLE = f"""\
<style>
text{{font:{TEXT_SIZE}px system-ui,sans-serif}}.k{{text-anchor:middle}}.q{{text-anchor:end}}.f,.s{{fill:none}}
{_colours(LIGHT)}
@media screen and (prefers-color-scheme:dark){{
{_colours(DARK)}
}}
</style>"""


def _plot(plot: Plot) -> Iterator[str]:
    across, up = plot.across, plot.up
    yield f'<text class="i" x="0" y="-12">{xml_text(plot.title)}</text>'
    yield f'<path class="f" d="M0 0v{HEIGHT}h{WIDTH}"/>'
    for value, y in ((up.high, 4), (up.low, HEIGHT + 4)):
        yield f'<text class="q" x="-8" y="{y}">{xml_text(up.write(value))}</text>'
    for value, x, anchor in ((across.low, 0, ""), (across.high, WIDTH, ' class="q"')):
        yield f'<text{anchor} x="{x}" y="{HEIGHT + 18}">{xml_text(across.write(value))}</text>'
    logarithmic = " (logarithmic)" if across.logarithmic else ""
    yield f'<text class="k" x="{WIDTH // 2}" y="{HEIGHT + 18}">{xml_text(across.title + logarithmic)}</text>'

    def at(place: tuple[float, float]) -> tuple[float, float]:
        return round(across.share(place[0]) * WIDTH, 1), round((1 - up.share(place[1])) * HEIGHT, 1)

    for x, y in dict.fromkeys(map(at, plot.others)):
        yield f'<circle class="o" cx="{x:g}" cy="{y:g}" r="1.5"/>'
    marked = [(at(place), name) for place, name in plot.marked]
    if plot.steps:
        (x, y), *rest = [place for place, _ in marked]
        steps = "".join(f"H{x:g}V{y:g}" for x, y in rest)
        yield f'<path class="s" d="M{x:g} {y:g}{steps}"/>'
    for number, ((x, y), name) in enumerate(marked):
        yield f'<circle class="m" cx="{x:g}" cy="{y:g}" r="4"><title>{xml_text(name)}</title></circle>'
        if len(marked) <= MOST_NAMED or number in (0, len(marked) - 1):
            side, gap = (' class="q"', -7) if x > WIDTH * 2 / 3 else ("", 7)
            yield f'<text{side} x="{x + gap:g}" y="{y - 6:g}">{xml_text(name)}</text>'
