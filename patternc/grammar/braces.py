"""Braces that are never closed, found by how the lines are indented.

For: `mistakes.py`, before anything else is tried: where a file has more `{` than `}`, the grammar alone would notice at
the end of the file and blame the wrong brace. Not for: deciding anything in a file whose braces are balanced, in which
lines may be indented as one likes.
"""

from __future__ import annotations

from patternc.diagnostics import Diagnostic, Fix, Label
from patternc.grammar.lexer import Token
from patternc.source import Source, Span


def close_braces(source: Source, tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], list[Diagnostic]]:
    """The tokens with a `}` put in before each line that stands further left than its brace allows; the mistakes."""
    missing = sum((token.type == "LBRACE") - (token.type == "RBRACE") for token in tokens)
    closed: list[Token] = []
    mistakes: list[Diagnostic] = []
    opened: list[tuple[Token, int, bool]] = []  # with the indent of its line, and whether its block begins a line
    for position, token in enumerate(tokens):
        if token.begins_line:
            column = source.position(token.start)[1] - 1
            while missing > 0 and opened and _outside(token, column, *opened[-1][1:]):
                brace, indent, _ = opened.pop()
                missing -= 1
                gap = Span(closed[-1].stop, closed[-1].stop)
                closed.append(Token(("RBRACE",), "}", gap.start, gap.stop))
                mistakes.append(_never_closed(source, brace, indent, token, gap))
        if token.type == "LBRACE":
            following = tokens[position + 1] if position + 1 < len(tokens) else token
            opened.append((token, _indent(source, token), following.begins_line))
        elif token.type == "RBRACE" and opened:
            opened.pop()
        closed.append(token)
    return tuple(closed), mistakes


def _indent(source: Source, token: Token) -> int:
    line = source.line(source.position(token.start)[0])
    return len(line) - len(line.lstrip())


def _outside(token: Token, column: int, indent: int, on_lines: bool) -> bool:
    """Whether a line that begins with `token` lies outside a block whose brace's line has this indent."""
    return on_lines and (column < indent if token.type == "RBRACE" else column <= indent)


def _never_closed(source: Source, brace: Token, indent: int, token: Token, gap: Span) -> Diagnostic:
    labels = (
        Label(source, brace.span, "opened here"),
        Label(source, token.span, "by its indent, this is outside", primary=False),
    )
    fix = Fix("close it with `}`", source, gap, f"\n{' ' * indent}}}")
    return Diagnostic("PA102", "this `{` is never closed", labels, fix=fix)
