"""The `patternc` command: a lazy group, so that each subcommand imports only what it needs.

For: finding subcommands and the exit codes. Not for: what a subcommand does (one file each beside this one).
Exit codes: 0 fine, 1 the pattern or module has errors or a check failed, 2 wrong usage or an output that
cannot be written, 141 nobody reads the output.
"""

from __future__ import annotations

import difflib
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from patternc.cli.streams import OutputError, give_up, guarded
from patternc.version import VERSION

# name -> (module, one line of help); the order is that of `patternc --help`
COMMANDS = {
    "check": "report the mistakes of pattern files",
    "compile": "compile a pattern to a module of Triton kernels and block tables",
    "analyse": "what a pattern connects and what it costs",
    "show": "draw the mask in the terminal",
    "mask": "write the exact boolean mask of one layer and head",
    "design": "the best numbers for parameters that are lists, and the frontier",
    "diff": "which pairs, cost and reach differ between two patterns",
    "fmt": "write pattern files in their canonical layout",
    "import": "a configuration of DeepSpeed, gpt-neox or Hugging Face as a pattern file",
    "explain": "explain a diagnostic code",
    "verify": "hold a compiled module against the dense reference",
}
ALIASES = {"analyze": "analyse"}
BROKEN_PIPE = 128 + 13
"""What a shell says of a program that SIGPIPE ended."""
INTERRUPTED = 128 + 2
"""And of one that SIGINT ended."""
UNWRITTEN = 2
"""Standard output cannot be written: no answer, neither 0 nor 1."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports one when it is used; suggests the nearest name for an unknown one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name or alias, imported now."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        command: Any = import_module(f"patternc.cli.{name}_command").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as click has it
        """As click does. Where nobody reads on, end as quietly as a program that the pipe's signal ends."""
        try:
            with guarded():
                return super().main(*args, **kwargs)
        except OutputError as error:
            give_up()
            if error.unread:
                sys.exit(BROKEN_PIPE)
            with suppress(OSError):  # standard error may be the one that fails
                click.echo(f"error: {error}", err=True)
            sys.exit(UNWRITTEN)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """As click does; a command that is interrupted ends as the signal would end it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a mistyped name."""
        if args and not args[0].startswith("-") and ALIASES.get(args[0], args[0]) not in COMMANDS:
            near = difflib.get_close_matches(args[0], [*COMMANDS, *ALIASES], n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Commands: {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"patternc {VERSION}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Print it.")
def main() -> None:
    """patternc: a compiler for attention patterns.

    A pattern file says which query attends which key, for every layer and head of a model. Start with
    `patternc analyse -e 'local(128) | stride(128)' --causal --layers 2 --tokens 16384`.
    """
