"""`patternc diff A B`: which pairs, cost and reach changed; `--json` for programs.

Exit codes are those of diff(1): 0 every mask is the same, 1 some differ (in their
pairs, or in how often these count), 2 anything that kept it from comparing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from patternc.cli.options import Input, is_standard_input, plan_options, read_input
from patternc.cli.output import clear_errors, terminal_width, use_colour
from patternc.cli.progress import progress
from patternc.codegen.plan import Dtype
from patternc.compiler import analyse
from patternc.program import Program

DIFFERENT, TROUBLE = 1, 2


@click.command("diff")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[A] [B]")
@click.option("-e", "expressions", multiple=True, metavar="PATTERN", help="A pattern instead of a file; after files.")
@click.option("--causal", is_flag=True, help="With -e: no token looks ahead.")
@click.option("--bidirectional", is_flag=True, help="With -e: every token may look both ways.")
@click.option("--layers", type=click.IntRange(min=1), help="With -e: how many layers.")
@click.option("--heads", type=click.IntRange(min=1), help="With -e: how many heads.")
@click.option("--tokens", type=click.IntRange(min=1), help="The length n of both; overrides the files'.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Override a parameter of the files.")
@click.option("--param-b", "params_b", multiple=True, metavar="NAME=VALUE", help="The same, of B alone.")
@plan_options
@click.option("--json", "as_json", is_flag=True, help="As JSON (schema patternc.diff/1).")
def command(
    files: tuple[Path, ...],
    expressions: tuple[str, ...],
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    params_b: tuple[str, ...],
    head_dim: int | None,
    dtype: Dtype,
    target: str,
    as_json: bool,
) -> None:
    """Say which pairs, cost and reach differ between A and B.

    A and B are files, or -e PATTERN: `diff a.attn b.attn`, `diff a.attn -e 'local(64)'`, `diff -e 'local(64)' -e
    'local(65)' --causal --tokens 4096`. A pattern beside a file is taken in a model like the file's. One file with
    --param-b is compared with itself. Exit codes: 0 the same pairs, each counted as often; 1 others; 2 errors.
    """
    if len(files) == 1 and not expressions and params_b:
        files = files * 2
    if len(files) + len(expressions) != 2:
        raise click.UsageError("Give two patterns, as files or with -e; or one file and --param-b.")
    if sum(map(is_standard_input, files)) > 1:
        raise click.UsageError("Standard input can be read only once.")
    if expressions and params_b:
        raise click.UsageError("--param-b overrides a parameter of a file; a pattern given with -e has none.")

    def from_file(file: Path, overrides: tuple[str, ...]) -> Input:
        inline = (False, False, None, None) if expressions else (causal, bidirectional, layers, heads)
        return read_input(file, None, *inline, tokens, overrides)

    def compiled(given: Input, size: int | None) -> Program:
        program, _ = analyse(
            given.source(), tokens=given.tokens, params=given.params, head_dim=size, dtype=dtype, target=target
        )
        return program

    with clear_errors(TROUBLE), progress():
        try:
            if files:
                a = compiled(from_file(files[0], params), head_dim)
            else:
                given = read_input(None, expressions[0], causal, bidirectional, layers, heads, tokens, params)
                a = compiled(given, head_dim)
            if len(files) == 2:
                # What is said of B alone goes over what is said of both.
                said = {each.partition("=")[0].strip() for each in params_b}
                both = tuple(each for each in params if each.partition("=")[0].strip() not in said)
                b = compiled(from_file(files[1], (*both, *params_b)), head_dim)
            else:
                like = a.schedule
                ahead = bidirectional or not (causal or like.causal)
                given = read_input(
                    None,
                    expressions[-1],
                    causal or not ahead,
                    ahead,
                    layers or like.layers,
                    heads or like.heads,
                    like.tokens,
                    (),
                )
                b = compiled(given, like.head_dim)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        found = a.diff(b)
        if as_json:
            from patternc.analysis.difference_json import to_json

            text = json.dumps(to_json(found), indent=2, ensure_ascii=False) + "\n"
        else:
            from patternc.cli.render_diff import render_difference

            names = (*map(str, files), *expressions)
            text = render_difference(
                found, names[0], names[1], width=terminal_width(sys.stdout), colour=use_colour(sys.stdout)
            )
    click.echo(text, nl=False)
    if not found.equal:
        sys.exit(DIFFERENT)
