"""What deciding tiles may cost, and the error when a pattern would cost more.

For: the documented limits that keep planning from ever falling back to n * n work. Not for: turning the error into a
diagnostic (the compiler does).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass


class TileBudgetError(Exception):
    """A pattern needs more than a budget allows; the message says what, how much, and what would help."""

    pattern: int | None = None
    """Which of the schedule's patterns it is, once that is known."""


@contextmanager
def work_for(pattern: int) -> Generator[None]:
    """Budget errors inside are about this pattern of the schedule."""
    try:
        yield
    except TileBudgetError as error:
        error.pattern = pattern
        raise


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one tile map or row listing. A tile counts once per direction it is mapped in."""

    tiles: int = 1 << 25
    """Active tiles. A table holds 8 bytes for each."""
    boxes: int = 1 << 24
    """Boxes still undecided at one level of the refinement (about 150 bytes each while it is at work)."""
    classes: int = 1 << 16
    """Distinct tile contents that have to be evaluated pair by pair."""
    mask_bytes: int = 1 << 28
    """Bytes of distinct tile masks, one bit a pair."""
    spans: int = 1 << 26
    """Runs of keys, over all rows, when rows are listed one by one (`random`, and what it avoids)."""


DEFAULT_BUDGET = Budget()


def refuse(what: str, amount: int, limit: int, remedy: str) -> TileBudgetError:
    """The error for `amount` of `what` beyond `limit`."""
    return TileBudgetError(f"this pattern needs {amount:,} {what}, more than the {limit:,} allowed; {remedy}")
