"""Bounds of an interval as the Triton expressions that a reader would write.

For: the text of `lo` and `hi` in generated kernels. Not for: evaluating bounds (the table builders and the CPU
target do that on arrays) or deciding where an interval applies (`lower.py`).

An expression is over the own positions of a tile, a vector, unless every bound is a constant: then it is a scalar,
which the caller has to know to broadcast it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from patternc.codegen.plan import Bound, ChunkStart, Constant, Shift


@dataclass(frozen=True, slots=True)
class Expression:
    """Triton text, and whether it has one value a row (else one value for the whole tile)."""

    text: str
    per_row: bool


def bound_text(bound: Bound, position: str) -> str:
    """One bound at the own position named `position`."""
    match bound:
        case Shift(offset):
            return _plus(position, offset)
        case ChunkStart(size, offset):
            return _plus(f"{position} // {size} * {size}", offset)
        case Constant(value):
            return str(value)
        case _:
            assert_never(bound)


def greatest(bounds: Sequence[Bound], position: str) -> Expression | None:
    """The lower end of an interval: the largest of its bounds, None without any."""
    return _fold("tl.maximum", bounds, position)


def least(bounds: Sequence[Bound], position: str) -> Expression | None:
    """The upper end of an interval: the smallest of its bounds, None without any."""
    return _fold("tl.minimum", bounds, position)


def ends_within(highs: Sequence[Bound]) -> bool:
    """Whether the bounds themselves keep hi(row) <= n for every existing row, so that no clamp is needed."""
    return any(isinstance(bound, Shift) and bound.offset <= 1 for bound in highs)


def _fold(function: str, bounds: Sequence[Bound], position: str) -> Expression | None:
    if not bounds:
        return None
    text = bound_text(bounds[0], position)
    for bound in bounds[1:]:
        text = f"{function}({text}, {bound_text(bound, position)})"
    return Expression(text, not all(isinstance(bound, Constant) for bound in bounds))


def _plus(text: str, offset: int) -> str:
    if offset == 0:
        return text
    return f"{text} + {offset}" if offset > 0 else f"{text} - {-offset}"
