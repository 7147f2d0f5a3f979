"""patternc in IPython and Jupyter: reports that show themselves, and the cell magic `%%attn`.

For: `Program.report` (the value it returns) and `%load_ext patternc`. IPython is imported here alone, and only when the
extension is loaded. Not for: how a fragment looks (`cli/html_fragment.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from patternc.algebra.schedule import Schedule
from patternc.analysis.report import Report
from patternc.diagnostics import Diagnostic, PatternError, render, summary

if TYPE_CHECKING:
    from patternc.program import Program

CELL = "cell"
"""What diagnostics call the text of a cell."""


@dataclass(frozen=True, slots=True, repr=False)
class ProgramReport(Report):
    """The report of a program, with the schedule it is about, so that a notebook can show it with its masks."""

    schedule: Schedule

    def __repr__(self) -> str:
        return f"<report of {self.model}: {self.tokens:,} tokens, {self.pairs:,} pairs>"

    def _repr_html_(self) -> str:
        from patternc.cli.html_fragment import report_fragment

        return report_fragment(self, self.schedule)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401 - IPython's
        from patternc.cli.render import render_report

        printer.text(render_report(self).rstrip("\n"))


def shown(report: Report, schedule: Schedule) -> ProgramReport:
    """A report that shows itself."""
    return ProgramReport(**{each.name: getattr(report, each.name) for each in fields(Report)}, schedule=schedule)


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - an InteractiveShell, whose package is not ours
    """What `%load_ext patternc` runs: registers `%%attn`."""
    from IPython.core import magic_arguments

    magic: Any = magic_arguments  # hardly typed

    @magic.magic_arguments()
    @magic.argument("name", nargs="?", help="The variable that holds the compiled program afterwards.")
    @magic.argument("--tokens", type=int, help="The length n; overrides the model's.")
    @magic.argument("--head-dim", type=int, help="Size of a head; overrides the model's.")
    @magic.argument(
        "--param", "--params", dest="params", action="append", default=[], metavar="NAME=VALUE", help="A parameter."
    )
    def attn(line: str, cell: str) -> ProgramReport | None:
        """Compile the pattern in the cell and show its report; mistakes are shown where they are."""
        given = magic.parse_argstring(attn, line)
        name: str | None = given.name
        params, wrong = _params(given.params)
        if name is not None and not name.isidentifier():
            wrong = f"`{name}` is no name of a variable"
        if wrong is not None:
            print(f"error: {wrong}", file=sys.stderr)
            return None
        found = _compiled(cell, given.tokens, params, given.head_dim)
        if found is None:
            return None
        program, report, failures = found
        _tell((*program.warnings, *failures))
        if name is not None and not failures:
            shell.user_ns[name] = program
        return report

    shell.register_magic_function(attn, "cell", "attn")


def _params(written: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """NAME=VALUE pairs, and what is wrong with the first that is none."""
    params: dict[str, str] = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name.strip().isidentifier() or not value.strip():
            return params, f"--param takes NAME=VALUE, as in --param l=128; got {each!r}"
        params[name.strip()] = value.strip()
    return params, None


def _compiled(
    text: str, tokens: int | None, params: dict[str, str], head_dim: int | None
) -> tuple[Program, ProgramReport, tuple[Diagnostic, ...]] | None:
    """The program in a cell, its report, and what is wrong with it; None where it is no program, which is then said."""
    from patternc.compiler import analyse
    from patternc.grammar.reading import text_source

    try:
        program, failures = analyse(text_source(text, CELL), tokens=tokens, params=params, head_dim=head_dim)
        return program, program.report(), failures
    except PatternError as error:
        _tell(error.diagnostics)
        return None


def _tell(diagnostics: Sequence[Diagnostic]) -> None:
    if diagnostics:
        print(render(diagnostics), file=sys.stderr)
        print(summary(diagnostics), file=sys.stderr)
