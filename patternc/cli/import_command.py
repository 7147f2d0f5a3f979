"""`patternc import CONFIG...`: a configuration of DeepSpeed, gpt-neox or Hugging Face as a pattern file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from patternc.cli.output import clear_errors, refuse, replacing, write_diagnostics
from patternc.compiler import check
from patternc.diagnostics import PatternError, has_errors
from patternc.grammar.reading import text_source
from patternc.integrations.deepspeed import Asked
from patternc.integrations.importing import SYSTEMS, System, import_files

_SIZE = click.IntRange(min=1)


@click.command("import")
@click.argument("configs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CONFIG...")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; standard output unless said.")
@click.option(
    "--from", "system", type=click.Choice(SYSTEMS), help="Whose configuration it is, where its keys do not say."
)
@click.option("--tokens", type=_SIZE, help="The sequence length.")
@click.option("--layers", type=_SIZE, help="How many layers.")
@click.option("--heads", type=_SIZE, help="How many heads.")
@click.option("--head-dim", type=_SIZE, help="Size of a head.")
@click.option("--made-at", type=_SIZE, help="DeepSpeed: the length its layout is made for and cropped from.")
@click.option("--evaluation", is_flag=True, help="BigBird of Hugging Face: its blocks in evaluation, not in training.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(
    configs: tuple[Path, ...],
    output: Path | None,
    system: System | None,
    tokens: int | None,
    layers: int | None,
    heads: int | None,
    head_dim: int | None,
    made_at: int | None,
    evaluation: bool,
    force: bool,
) -> None:
    """Write the pattern file that says what a configuration asks for.

    CONFIG is the JSON of DeepSpeed, with a `sparse_attention` section; YAML or JSON of gpt-neox, also in several files;
    or a config.json of Hugging Face. Sizes that it does not have are options, which go before those it has.
    """
    with clear_errors():
        if output is not None:
            _refuse_to_replace(output, force)
        imported = import_files(configs, system, Asked(tokens, layers, heads, head_dim, made_at, evaluation))
        checked = check(text_source(imported.text, str(output or "the imported pattern")))
        if has_errors(checked.diagnostics):
            raise PatternError(checked.diagnostics)
        write_diagnostics(imported.warnings, "human")
        if output is None:
            click.echo(imported.text, nl=False)
            return
        with replacing(output) as temporary:
            temporary.write_text(imported.text, encoding="utf-8")
    click.echo(f"{output}: written", file=sys.stderr)


def _refuse_to_replace(path: Path, force: bool) -> None:
    """End with an error where something is in the place of the file; --force puts the file over another file."""
    if path.is_symlink() or path.is_dir() or (path.exists() and not path.is_file()):
        refuse(f"{path}: is no regular file, and is not written to; choose another place")
    if path.exists() and not force:
        refuse(f"{path}: exists already; --force writes over it")
