"""A program as one text: the compiled file, with what it brings in from other files written out.

For: pattern.attn of a compiled module, which has to stand alone. Not for: layout (`format.py`).
"""

from __future__ import annotations

from patternc.grammar import tree, typed
from patternc.grammar.format import format_statement
from patternc.grammar.parse import parse


def resolved_text(program: typed.Program) -> str:
    """The compiled file's text, with what it uses from other files written out where it said `use`."""
    main = program.files[0]
    statements = parse(main).tree.statements
    uses = [statement.span for statement in statements if isinstance(statement, tree.Use)]
    brought = [
        format_statement(statement)
        for file in program.files[1:]
        if file.path is not None  # an override from the command line is none of the pattern
        for statement in parse(file).tree.statements
        if isinstance(statement, tree.Param | tree.Pattern)
    ]
    text = main.text
    for position, span in reversed(list(enumerate(uses))):
        text = text[: span.start] + ("\n".join(brought) if position == 0 else "") + text[span.stop :]
    return text
