"""What was proved for every length, as sentences for the terminal report.

For: `render.py`. Not for: proving (`analysis/prove.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patternc.analysis.prove import NoProof, Proof, Statement
from patternc.cli.page import NO, OPEN, YES, plural, safe, say

if TYPE_CHECKING:
    from rich.console import Console

MOST_CASES = 2
"""Cases of a first missing pair that are shown."""


def render_proof(console: Console, proof: Proof | NoProof | None, seen: str) -> None:
    """Says what holds for every length; `seen` is what a query should see."""
    if proof is None:
        return
    if isinstance(proof, NoProof):
        say(console, f"{OPEN} Not proved for every length: {safe(proof.reason)}.")
        return
    _statement(console, proof.here, seen, "")
    if proof.general is not None:
        _statement(console, proof.general, seen, f", whatever {_listed(proof.general.symbols)} {_is(proof.general)}")
    if proof.undrawn:
        say(console, "[dim]without its random keys, so whatever is drawn[/]", 4)


def _statement(console: Console, statement: Statement, seen: str, whatever: str) -> None:
    given = f", for {safe(statement.assumes)}" if statement.assumes else ""
    if statement.depth is not None:
        layers = plural(statement.depth, "layer")
        say(console, f"{YES} Proved for every length{whatever}{given}: {seen} after {layers}.")
        return
    condition = statement.incomplete or "always"
    more = "; no more of these layers would help" if statement.never else ""
    say(console, f"{NO} Proved for every length{whatever}{given}: incomplete exactly if {safe(condition)}{more}.")
    if statement.symbols and "q" in condition.split():
        say(console, "[dim]n = q k + r, where k is the distance of the strides, columns or chunks[/]", 4)
    for each in statement.missing[:MOST_CASES]:
        where = f" where {safe(each.where)}" if each.where else ""
        say(console, f"The first pair it leaves{where}: query {safe(each.query)}, key {safe(each.key)}.", 4)


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(statement: Statement) -> str:
    return "is" if len(statement.symbols) == 1 else "are"
