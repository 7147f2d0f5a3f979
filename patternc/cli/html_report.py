"""The report as one HTML file: every number as text, pictures as SVG, and nothing that is fetched from anywhere.

For: `patternc analyse --html`. The page is whole without JavaScript; with it, masks can be walked through down to their
pairs (`assets/*.js`). What may run and be styled is in a policy, by hash: nothing that got into the page by mistake
would. Not for: what the parts say (`html_*.py`, `sentences.py`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from patternc.algebra.schedule import Schedule
from patternc.analysis.report import Report
from patternc.cli.html_connectivity import connectivity
from patternc.cli.html_masks import masks
from patternc.cli.html_sections import (
    advice,
    cost,
    decoding,
    diagnostics,
    expectations,
    plan,
    program_text,
    reading,
    summary,
)
from patternc.cli.html_text import Html, Part, element
from patternc.cli.svg_figure import figure_style
from patternc.codegen.explain import PlanFigures
from patternc.diagnostics import Diagnostic
from patternc.version import VERSION

MARK = "<!doctype html>\n<!-- patternc analyse -->\n"
"""What a file of ours begins with."""
SCRIPTS = ("relation.js", "explorer.js")


def html_report(
    report: Report, schedule: Schedule, figures: PlanFigures, text: str, failures: Sequence[Diagnostic] = ()
) -> str:
    """The page about a schedule, its plan, and the `text` of its program; `failures`: what is wrong with it.

    Raises:
        TileBudgetError: a mask has too many different tiles to be drawn.
    """
    style = asset("report.css") + figure_style()
    script = "(() => {\n'use strict';\n" + "".join(asset(name) for name in SCRIPTS) + "})();\n"
    parts = [
        masks(schedule),
        cost(report),
        plan(report, figures),
        connectivity(report),
        decoding(report),
        expectations(report),
        diagnostics("errors", "Errors", failures),
        diagnostics("warnings", "Warnings", report.warnings),
        advice(report),
        reading(),
        program_text(text),
    ]
    shown = [part for part in parts if part is not None]
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"patternc {VERSION}"),
        element("title", f"{report.model}: attention pattern report"),
        Html(f"<style>{style}</style>"),
    )
    body = element(
        "body",
        element("a", "Skip to the masks", href="#masks", class_="skip"),
        element("header", *summary(report), _contents(shown)),
        element("main", *(part.section() for part in shown)),
        element("footer", element("p", f"patternc {VERSION}. Counts are exact; what is predicted is called so.")),
        Html(f"<script>{script}</script>"),
    )
    return f'{MARK}<html lang="en">{head.markup}{body.markup}</html>\n'


def asset(name: str) -> str:
    """A file beside this one: style or script of the page."""
    return resources.files("patternc.cli").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _contents(parts: Sequence[Part]) -> Html:
    links = (element("li", element("a", part.title, href=f"#{part.id}")) for part in parts)
    return element("nav", element("ul", *links), aria_label="Contents")
