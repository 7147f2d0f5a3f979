"""`patternc verify DIR`: a compiled module held against dense float64 attention, on the devices at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from patternc.cli.output import FAILED, clear_errors, refuse

if TYPE_CHECKING:
    from patternc.runtime.verify import Check


@click.command("verify")
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
def command(directory: Path) -> None:
    """Hold a compiled module against dense float64 attention.

    Values and all gradients of every distinct layer at up to 1,024 tokens, values of 256 rows at the compiled length,
    and the Triton kernels: on the GPU, or where there is none in Triton's interpreter. Takes seconds to minutes.
    """
    try:
        from patternc.runtime.load import load
        from patternc.runtime.verify import verify
    except ModuleNotFoundError as error:
        refuse(f"verify runs the module and needs {error.name}: install patternc with its extra, patternc[torch]")
    with clear_errors():
        result = verify(load(directory))
    for check in result.checks:
        click.echo(_line(check))
    for note in result.notes:
        click.echo(note)
    failed = sum(not check.passed for check in result.checks)
    click.echo(f"{len(result.checks) - failed} passed, {failed} failed")
    if not result.passed:
        sys.exit(FAILED)


def _line(check: Check) -> str:
    layers = f"layer{'s' * (len(check.layers) > 1)} {', '.join(map(str, check.layers[:6]))}"
    layers += ", ..." if len(check.layers) > 6 else ""
    rows = "all rows" if check.rows is None else f"{check.rows} rows"
    verdict = "ok" if check.passed else "WRONG"
    return (
        f"{verdict:>5}  {check.device:<24} {check.dtype:<8} {check.tokens:>9,} tokens, {rows:<9} {check.quantity:>3}  "
        f"error {check.error:.1e} of {check.tolerance:.0e}  {layers}"
    )
