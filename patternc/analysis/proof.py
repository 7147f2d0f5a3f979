"""Proof: what is proved of the layers for every length, as reports say it.

For: whoever says what `prove.py` found. Not for: proving. Needs no library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """The first pair (query, key) that no path joins, in terms of the symbols, where `where` holds ("": always)."""

    query: str
    key: str
    where: str


@dataclass(frozen=True, slots=True)
class AtHand:
    """What a statement comes to at the schedule's own length: as in `Reach`, pairs are (query, key)."""

    depth: int | None
    missing: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What holds of the model for every length, and for every value of the parameters `symbols`.

    `depth` is the least number of layers that connect every pair of the target at every length, None if the model's
    layers do not; then `incomplete` is the condition, exactly, under which they do not, `missing` the first pairs they
    leave, and `never` says that no number of rounds of the same layers would join what is left. `assumes` is what is
    taken for granted of n and the symbols, beside n >= 1 ("" for nothing). With a symbolic `distance` k, conditions are
    in q and r as well, n = q k + r with 0 <= r < k, and nothing is `at_hand`.
    """

    symbols: tuple[str, ...]
    assumes: str
    depth: int | None
    incomplete: str | None
    missing: tuple[Missing, ...]
    never: bool
    at_hand: AtHand | None
    distance: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """`here` is with the parameters at their values; `general` with some of them symbolic, None where none can be.

    `undrawn`: random keys were left out, since what is connected without them is connected whatever is drawn; both
    statements then are of completeness.
    """

    here: Statement
    general: Statement | None
    undrawn: bool


@dataclass(frozen=True, slots=True)
class NoProof:
    """Why there is none."""

    reason: str
