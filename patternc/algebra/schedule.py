"""Schedule: what a checked program says at one concrete length, for every layer and head.

For: the hand-over from the language to analysis and lowering. Equal (layer, head) entries share one `HeadPattern`.
Not for: text, names or spans (they stay in the checked program) or anything about tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.algebra.relation import Relation, union


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the union a layer was written as: its text in the language, and its relation after the causal cut."""

    text: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a sum: `relation` (causal cut made), and the written terms whose union it is."""

    relation: Relation
    terms: tuple[Term, ...]

    @property
    def text(self) -> str:
        """The branch as its terms were written."""
        return " | ".join(term.text for term in self.terms)


@dataclass(frozen=True, slots=True)
class HeadPattern:
    """What one head attends: a sum of branches, nearly always of one. A key counts once for each branch that has it.

    `relation` is the set of pairs that some branch has. That set is what is reachable, cached and empty; pairs, work
    and the softmax count each branch.
    """

    relation: Relation
    branches: tuple[Branch, ...]

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relation of each branch, in the order written: what the pattern computes follows from these alone."""
        return tuple(branch.relation for branch in self.branches)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of all branches."""
        return tuple(term for branch in self.branches for term in branch.terms)

    @property
    def text(self) -> str:
        """The pattern as it was written."""
        return " + ".join(branch.text for branch in self.branches)


def sum_of(*branches: Branch) -> HeadPattern:
    """The pattern with these branches."""
    return HeadPattern(union(*(branch.relation for branch in branches)), branches)


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
