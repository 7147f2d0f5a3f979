"""parse: from a source to its tree and the mistakes in its syntax.

For: the one door into the grammar. Not for: names and kinds (`check.py`), or how mistakes are repaired (`mistakes.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.diagnostics import Diagnostic
from patternc.grammar import tree
from patternc.grammar.build import build_file
from patternc.grammar.lexer import Cursor, Token, scan
from patternc.source import Source


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed source. Where `diagnostics` has errors, the tree is what could be saved.

    `damaged` are the names whose declaration was lost, and `model_damaged` says that parts of a model were: both keep
    later stages from reporting what is only a consequence.
    """

    source: Source
    tree: tree.File
    diagnostics: tuple[Diagnostic, ...]
    damaged: frozenset[str] = frozenset()
    model_damaged: bool = False


def parse(source: Source) -> Parsed:
    """The tree of a source, and all independent mistakes in its syntax. Never raises for a wrong text."""
    tokens = scan(source.text)
    file = _tree(tokens)
    assert file is not None, "mistakes"
    return Parsed(source, file, ())


def _tree(tokens: tuple[Token, ...]) -> tree.File | None:
    """The tree of tokens that follow the grammar, else None."""
    if not tokens:
        return tree.File(())
    cursor = Cursor(parsing=True)
    for token in tokens:
        if not cursor.feed(token):
            return None
    node = cursor.finish()
    return None if node is None else build_file(node)
