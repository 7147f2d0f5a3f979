"""What several subcommands ask for: a pattern as FILE or -e TEXT, a length, parameters, an output format.

For: turning command-line words into the arguments of `patternc.compiler`, with errors that click reports (exit 2).
Not for: anything about patterns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

import click

from patternc.codegen.plan import Dtype
from patternc.compiler import DEFAULT_TARGET
from patternc.grammar.reading import bytes_source, text_source
from patternc.grammar.single import single_pattern, single_statement
from patternc.source import MAX_BYTES, Source

Command = TypeVar("Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Input:
    """One pattern to work on: a file, or the text that -e stands for; and what the command line overrides."""

    path: Path | None
    expression: str | None
    """The pattern that was typed."""
    text: str | None
    """The program that it stands for."""
    tokens: int | None
    params: dict[str, str]
    """Parameter overrides as written; the language's own parser reads them."""
    named: tuple[str, ...] = ()
    """The words that name the pattern."""
    statements: tuple[tuple[str, str], ...] = ()
    """Statements of the program that were given as options, each with the option."""

    def source(self) -> Path | Source:
        """What `patternc.compiler` takes.

        Raises PatternError where what was typed is no pattern by itself: in a model, it could be read as anything else.
        """
        if self.path is not None:
            return standard_input() if is_standard_input(self.path) else self.path
        assert self.expression is not None
        assert self.text is not None
        try:
            single_pattern(self.expression, "-e")
        except ValueError as error:
            raise click.UsageError(f"-e holds {error}.") from None
        for statement, option in self.statements:
            try:
                single_statement(statement, option)
            except ValueError as error:
                raise click.UsageError(f"{option} holds {error}.") from None
        return text_source(self.text, "-e")

    @property
    def words(self) -> tuple[str, ...]:
        """How another command names the same pattern at the same length, parameters aside."""
        return self.named if self.tokens is None else (*self.named, "--tokens", str(self.tokens))

    @property
    def stem(self) -> str:
        """What output files are named after."""
        return "pattern" if self.path is None or is_standard_input(self.path) else self.path.stem


def is_standard_input(file: Path) -> bool:
    """Whether a file is `-`."""
    return str(file) == "-"


def standard_input() -> Source:
    """What standard input holds. Raises PatternError where it is too large, or no text."""
    return bytes_source(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")


def pattern_options(command: Command) -> Command:
    """FILE, and what stands for one."""
    return click.argument("file", required=False, type=click.Path(path_type=Path))(inline_options(command))


def inline_options(command: Command) -> Command:
    """What stands for a FILE, or changes it: -e, --causal, --bidirectional, --layers, --heads, --tokens, --param."""
    for decorate in (
        click.option(
            "--param", "params", multiple=True, metavar="NAME=VALUE", help="Override a parameter; with -e, declare one."
        ),
        click.option("--tokens", type=click.IntRange(min=1), help="The length n; overrides the file's."),
        click.option("--heads", type=click.IntRange(min=1), help="With -e: how many heads; 1 unless said."),
        click.option("--layers", type=click.IntRange(min=1), help="With -e: how many layers; 1 unless said."),
        click.option("--bidirectional", is_flag=True, help="With -e: every token may look both ways."),
        click.option("--causal", is_flag=True, help="With -e: no token looks ahead."),
        click.option("-e", "expression", metavar="PATTERN", help="A pattern instead of a file."),
    ):
        command = decorate(command)
    return command


def place_options(command: Command) -> Command:
    """--layer and --head, counted from 0."""
    for decorate in (
        click.option("--head", type=click.IntRange(min=0), default=0, help="Which head, from 0.", show_default=True),
        click.option("--layer", type=click.IntRange(min=0), default=0, help="Which layer, from 0.", show_default=True),
    ):
        command = decorate(command)
    return command


def plan_options(command: Command) -> Command:
    """--head-dim, --dtype and --target: what is planned for."""
    for decorate in (
        click.option("--target", default=DEFAULT_TARGET, help="cuda:80, cuda:90, ... or cpu.", show_default=True),
        click.option(
            "--dtype", type=click.Choice(get_args(Dtype)), default="bfloat16", help="Of q, k and v.", show_default=True
        ),
        click.option("--head-dim", type=click.IntRange(min=1), help="Size of a head; overrides the file's."),
    ):
        command = decorate(command)
    return command


format_option = click.option(
    "--format",
    "diagnostic_format",
    type=click.Choice(["human", "json", "sarif", "github"]),
    default="human",
    help="How diagnostics are written.",
)


def read_input(
    file: Path | None,
    expression: str | None,
    causal: bool,
    bidirectional: bool,
    layers: int | None,
    heads: int | None,
    tokens: int | None,
    params: tuple[str, ...],
    expectations: tuple[str, ...] = (),
) -> Input:
    """The pattern that the options name; raises click.UsageError where they contradict each other.

    With -e, parameters are declared, and `expectations` stand in the program beside the model.
    """
    one_of(file is not None, expression, "a pattern file")
    values = parse_params(params)
    if expression is None:
        named = (str(file),)
        if expectations:
            raise click.UsageError("--expect goes with -e; a file says what it expects.")
        given = {"--causal": causal, "--bidirectional": bidirectional, "--layers": layers, "--heads": heads}
        wrong = [name for name, value in given.items() if value]
        if wrong:
            raise click.UsageError(f"{wrong[0]} goes with -e; a file says it in its model.")
    else:
        if causal and bidirectional:
            raise click.UsageError("--causal and --bidirectional exclude each other.")
        if not causal and not bidirectional:
            raise click.UsageError("-e needs a direction: --causal or --bidirectional.")
        if tokens is None:
            raise click.UsageError("-e needs a length: --tokens N.")
        before = [(f"param {name} = {value}", f"--param {name}") for name, value in values.items()]
        behind = [(f"expect {each}", "--expect") for each in expectations]
        model = inline_model(expression, causal, layers or 1, heads or 1, tokens)
        text = "".join(f"{statement}\n" for statement, _ in before) + model
        text += "".join(f"{statement}\n" for statement, _ in behind)
        direction = "--causal" if causal else "--bidirectional"
        named = ("-e", expression, direction, "--layers", str(layers or 1), "--heads", str(heads or 1))
        return Input(file, expression, text, tokens, {}, named, (*before, *behind))
    return Input(file, expression, None, tokens, values, named)


def inline_model(expression: str, causal: bool, layers: int, heads: int, tokens: int) -> str:
    """The program that -e stands for. The pattern keeps a line of its own, so that carets point into what was typed."""
    direction = "causal" if causal else "bidirectional"
    opening = f"model inline {{\n    {direction}\n    tokens {tokens}\n    heads {heads}\n    layers {layers} {{ all:\n"
    return f"{opening}{expression}\n    }}\n}}\n"


def one_of(has_files: bool, expression: str | None, files: str) -> None:
    """Raise click.UsageError where neither files nor a pattern are given, or both."""
    if has_files == (expression is not None):
        raise click.UsageError(f"Give {files}, or a pattern with -e{', not both' if has_files else ''}.")


def parse_params(params: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE pairs; raises click.UsageError for anything else or a name given twice."""
    values: dict[str, str] = {}
    for param in params:
        name, equals, value = param.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier() or not value:
            raise click.UsageError(f"--param takes NAME=VALUE, as in --param l=128; got {param!r}.")
        if name in values:
            raise click.UsageError(f"--param {name} is given twice.")
        values[name] = value
    return values
