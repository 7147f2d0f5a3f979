"""`patternc explain CODE`: what a diagnostic means; `patternc explain report`: what each number of a report does.

Imports nothing beside click but the standard library.
"""

from __future__ import annotations

import difflib
import textwrap

import click

from patternc.catalogue import CATALOGUE, SECTIONS
from patternc.cli.readings import PAPERS, READINGS

WIDTH = 100


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Explain a diagnostic CODE, with a wrong and a right sample; without one, list all codes.

    `patternc explain report` says what each number of `patternc analyse` means, and the paper it comes from.
    """
    if code is None:
        for title, entries in SECTIONS:
            click.echo(f"\n{title}")
            for entry in entries:
                click.echo(f"  {entry.code}  {entry.title}")
        return
    if code == "report":
        _explain_report()
        return
    entry = CATALOGUE.get(code.upper())
    if entry is None:
        near = difflib.get_close_matches(code.upper(), CATALOGUE, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"There is no diagnostic {code}.{hint} `patternc explain` lists all of them.")
    click.echo(f"{entry.code}: {entry.title}\n")
    click.echo(textwrap.fill(entry.explanation, WIDTH))
    for title, sample in (("Wrong", entry.wrong), ("Right", entry.right)):
        click.echo(f"\n{title}:\n")
        click.echo(textwrap.indent(sample.strip("\n"), "    "))


def _explain_report() -> None:
    """Each number in a line; the papers last."""
    for each in READINGS:
        source = f" [{each.paper}]" if each.paper else ""
        click.echo(textwrap.fill(f"{each.name}: {each.says}{source}", WIDTH, subsequent_indent="    "))
    click.echo("\nPapers")
    for name, paper in PAPERS.items():
        click.echo(textwrap.fill(f"[{name}] {paper}", WIDTH, initial_indent="  ", subsequent_indent="    "))
