"""`patternc compile FILE -o DIR`: the module of generated kernels and block tables; needs neither torch nor triton."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from patternc.cli.options import pattern_options, plan_options, read_input
from patternc.cli.output import clear_errors, write_diagnostics
from patternc.cli.progress import progress
from patternc.codegen.plan import Dtype
from patternc.compiler import compile


@click.command("compile")
@pattern_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The directory; ./<stem>.attnc unless said.")
@plan_options
def command(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    output: Path | None,
    head_dim: int | None,
    dtype: Dtype,
    target: str,
) -> None:
    """Compile a pattern to a directory that patternc.load opens."""
    given = read_input(file, expression, causal, bidirectional, layers, heads, tokens, params)
    with clear_errors():
        try:
            with progress():
                program = compile(
                    given.source(),
                    tokens=given.tokens,
                    params=given.params,
                    head_dim=head_dim,
                    dtype=dtype,
                    target=target,
                )
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        write_diagnostics(program.warnings, "human")
        written = program.save(output or Path(f"{given.stem}.attnc"))
    import numpy as np

    lowered = program.lowered
    tables = sum(
        getattr(table, field.name).nbytes
        for table in lowered.tables.values()
        for field in dataclasses.fields(table)
        if isinstance(getattr(table, field.name), np.ndarray)
    )
    counts = (
        (program.schedule.layers, "layer"),
        (len(lowered.plan.distinct), "plan"),
        (len(lowered.tables), "table set"),
    )
    told = ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts)
    click.echo(f"{written}: {program.schedule.tokens:,} tokens, {told} of {tables / 1024:.0f} KiB")
