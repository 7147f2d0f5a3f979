"""`patternc explain CODE`: what a diagnostic means. Imports nothing beside click but the standard library."""

from __future__ import annotations

import difflib
import textwrap

import click

from patternc.catalogue import CATALOGUE, SECTIONS


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Explain a diagnostic CODE, with a wrong and a right sample; without one, list all codes."""
    if code is None:
        for title, entries in SECTIONS:
            click.echo(f"\n{title}")
            for entry in entries:
                click.echo(f"  {entry.code}  {entry.title}")
        return
    entry = CATALOGUE.get(code.upper())
    if entry is None:
        near = difflib.get_close_matches(code.upper(), CATALOGUE, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"There is no diagnostic {code}.{hint} `patternc explain` lists all of them.")
    click.echo(f"{entry.code}: {entry.title}\n")
    click.echo(textwrap.fill(entry.explanation, 100))
    for title, sample in (("Wrong", entry.wrong), ("Right", entry.right)):
        click.echo(f"\n{title}:\n")
        click.echo(textwrap.indent(sample.strip("\n"), "    "))
