"""What was proved for every length, in words.

For: `render.py` and the HTML page. Not for: proving (`analysis/prove.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from patternc.analysis.presburger_text import grouped
from patternc.analysis.proof import NoProof, Proof, Statement
from patternc.cli.page import plural
from patternc.cli.sentences import Sentence

MOST_CASES = 2
"""Cases of a first missing pair that are shown."""


def proved(proof: Proof | NoProof | None, seen: str) -> Iterator[Sentence]:
    """What holds for every length; `seen` is what a query should see."""
    if proof is None:
        return
    if isinstance(proof, NoProof):
        yield Sentence(f"Not proved for every length: {proof.reason}.", "open")
        return
    yield from _statement(proof.here, seen, "")
    if proof.general is not None:
        general = proof.general
        yield from _statement(general, seen, f", whatever {_listed(general.symbols)} {_is(general)}")
    if proof.undrawn:
        yield Sentence("without its random keys, so whatever is drawn", under=True, faint=True)


def _statement(statement: Statement, seen: str, whatever: str) -> Iterator[Sentence]:
    given = f", for {grouped(statement.assumes)}" if statement.assumes else ""
    if statement.depth is not None:
        layers = plural(statement.depth, "layer")
        yield Sentence(f"Proved for every length{whatever}{given}: {seen} after {layers}.", "yes")
        return
    condition = grouped(statement.incomplete or "always")
    more = "; no more of these layers would help" if statement.never else ""
    yield Sentence(f"Proved for every length{whatever}{given}: incomplete exactly if {condition}{more}.", "no")
    if statement.distance is not None:
        k = statement.distance
        text = f"n = q {k} + r, with r from 0 to {k} - 1; place s of tile t is token t {k} + s"
        yield Sentence(text, under=True, faint=True)
    for each in statement.missing[:MOST_CASES]:
        where = f" where {grouped(each.where)}" if each.where else ""
        pair = f"query {grouped(each.query)}, key {grouped(each.key)}"
        yield Sentence(f"The first pair it leaves{where}: {pair}.", under=True)
    more = len(statement.missing) - MOST_CASES
    if more > 0:
        yield Sentence(f"The report as JSON has {plural(more, 'case')} more.", under=True, faint=True)


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _is(statement: Statement) -> str:
    return "is" if len(statement.symbols) == 1 else "are"
