"""Schedule: what a checked program says at one concrete length, for every layer and head.

For: the hand-over from the language to analysis and lowering. Equal (layer, head) entries share one `HeadPattern`.
Not for: text, names or spans (they stay in the checked program) or anything about tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.algebra.relation import Relation


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the union a layer was written as: its text in the language, and its relation after the causal cut."""

    text: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class HeadPattern:
    """What one head attends: `relation` (causal cut made), and the written terms whose union it is."""

    relation: Relation
    terms: tuple[Term, ...]

    @property
    def text(self) -> str:
        """The pattern as its terms were written."""
        return " | ".join(term.text for term in self.terms)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole model at `tokens` positions."""

    name: str
    tokens: int
    causal: bool
    layers: int
    heads: int
    kv_heads: int
    head_dim: int | None
    allow_empty: bool
    params: tuple[tuple[str, int], ...]
    """Parameters with their values, in the order declared; integers only (id lists are left out)."""
    patterns: tuple[HeadPattern, ...]
    """The distinct patterns, in order of first use."""
    table: tuple[tuple[int, ...], ...]
    """[layer][head] -> index into `patterns`."""

    def pattern(self, layer: int, head: int) -> HeadPattern:
        """The pattern of a head; both counted from 0."""
        return self.patterns[self.table[layer][head]]
