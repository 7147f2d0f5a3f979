"""`patternc mask FILE -o OUT.npy`: the exact matrix of one layer and head, of booleans or counts."""

from __future__ import annotations

from pathlib import Path

import click

from patternc.cli.options import pattern_options, place_options, read_input
from patternc.cli.output import clear_errors, refuse, refuse_to_replace, replacing
from patternc.compiler import compile
from patternc.program import MOST_TOKENS_OF_A_MASK


@click.command("mask")
@pattern_options
@place_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The .npy file to write.")
@click.option("--counts", is_flag=True, help="How often each key counts, int32: above 1 only in a sum, A + B.")
@click.option("--force", is_flag=True, help=f"Also above {MOST_TOKENS_OF_A_MASK:,} tokens.")
def command(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    layer: int,
    head: int,
    output: Path,
    counts: bool,
    force: bool,
) -> None:
    """Write the mask of one layer and head: bool [N, N], (query, key); with --counts, how often each key counts.

    A .npy file there is replaced, anything else is not.
    """
    import numpy as np

    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    if str(output) == "-":
        raise click.UsageError("-o takes the name of a file; a mask is not written to standard output.")
    with clear_errors():
        refuse_to_replace(output, np.lib.format.MAGIC_PREFIX)
        program = compile(given.source(), tokens=given.tokens, params=given.params)
        try:
            mask = program.mask(layer, head, force=force, counts=counts)
        except (IndexError, ValueError) as error:
            refuse(str(error))
        with replacing(output) as temporary, temporary.open("wb") as stream:
            np.save(stream, mask, allow_pickle=False)
    kind = "int32" if counts else "bool"
    click.echo(f"{output}: {kind} [{mask.shape[0]}, {mask.shape[1]}], {int(mask.sum()):,} pairs")
