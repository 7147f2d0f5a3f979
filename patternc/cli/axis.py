"""One axis of a plot: where a value lies between the ends, and how it is written.

For: `scatter.py` and `design_svg.py`. Not for: drawing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDE = 20
"""Values that lie further apart than this factor are shown by their logarithms."""


@dataclass(frozen=True, slots=True)
class Axis:
    """`low` and `high` are the ends; `logarithmic`: equal factors are equal distances."""

    title: str
    low: float
    high: float
    logarithmic: bool
    write: Callable[[float], str]

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one; all of them in the middle where the ends meet."""
        if self.low == self.high:
            return 0.5
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def axis_of(values: Sequence[float], title: str, write: Callable[[float], str]) -> Axis:
    """The axis that holds the values."""
    low, high = min(values), max(values)
    return Axis(title, low, high, low > 0 and high > WIDE * low, write)
