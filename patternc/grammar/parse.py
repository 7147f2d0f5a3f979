"""parse: from a source to its tree and the mistakes in its syntax.

For: the one door into the grammar. Not for: names and kinds (`check.py`), or how mistakes are repaired (`mistakes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patternc.diagnostics import Diagnostic, Label
from patternc.grammar import tree
from patternc.grammar.build import build_statement, declared_name, statement_nodes, too_deep_in
from patternc.grammar.lexer import Cursor, Node, Token, scan
from patternc.grammar.mistakes import Repaired, repair
from patternc.grammar.places import MAX_BRACKETS, MAX_DEPTH, MAX_STACK
from patternc.grammar.terminals import CLOSERS
from patternc.source import Source, Span


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed source. Where `diagnostics` has errors, the tree is what could be saved.

    `damaged` are the names whose declaration was lost, and `lost` says what was not read: both keep later stages from
    reporting what is only a consequence.
    """

    source: Source
    tree: tree.File
    diagnostics: tuple[Diagnostic, ...]
    damaged: frozenset[str] = frozenset()
    lost: tuple[Span, ...] = ()

    def lost_in(self, stretch: Span, but_not: Sequence[Span] = ()) -> bool:
        """Whether something in a stretch of text was not read, apart from what lies in parts of it."""

        def inside(lost: Span, outer: Span) -> bool:
            return outer.start <= lost.start < outer.stop

        return any(inside(each, stretch) and not any(inside(each, part) for part in but_not) for each in self.lost)


def parse(source: Source) -> Parsed:
    """The tree of a source, and all independent mistakes in its syntax. Never raises for a wrong text."""
    tokens = scan(source.text)
    if _brackets(tokens) <= MAX_BRACKETS:
        node = _node(tokens)
        if node is not None:
            return _parsed(source, node, Repaired(tokens, ()))
    repaired = repair(source, tokens)
    node = _node(repaired.tokens)
    assert node is not None  # what repair returns does parse
    return _parsed(source, node, repaired)


def _brackets(tokens: tuple[Token, ...]) -> int:
    """The most brackets that are open at once."""
    depth = most = 0
    for token in tokens:
        if token.type in CLOSERS:
            depth += 1
            most = max(most, depth)
        elif token.type in CLOSERS.values():
            depth -= 1
    return most


def _node(tokens: tuple[Token, ...]) -> Node | None:
    """Lark's tree of tokens that follow the grammar and are not nested beyond all measure, else None."""
    cursor = Cursor(parsing=True)
    for token in tokens:
        if not cursor.feed(token) or cursor.depth > MAX_STACK:
            return None
    return cursor.finish()


def _parsed(source: Source, node: Node, repaired: Repaired) -> Parsed:
    """The tree of a file, without the statements that are nested too deeply."""
    diagnostics = list(repaired.diagnostics)
    damaged = set(repaired.damaged)
    lost = list(repaired.lost)
    statements: list[tree.Statement] = []
    for statement in statement_nodes(node):
        deepest = too_deep_in(statement, MAX_DEPTH)
        if deepest is None:
            statements.append(build_statement(statement))
            continue
        diagnostics.append(
            Diagnostic(
                "PA108",
                f"an expression is nested more than {MAX_DEPTH} levels deep",
                (Label(source, deepest, "too deep here"),),
                ("name a part with `param` or `pattern`",),
            )
        )
        damaged.add(declared_name(statement))
        lost.append(deepest)
    return Parsed(source, tree.File(tuple(statements)), tuple(diagnostics), frozenset(damaged), tuple(lost))
