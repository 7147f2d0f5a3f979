"""Growth: how large the receptive fields are after each layer, over all queries.

For: the sizes that a sweep counted, as figures: of the positions themselves, or of the tokens of blocks that are seen
whole, without laying the tokens out. Not for: counting them (`reach.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

SHARES = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))


@dataclass(frozen=True, slots=True)
class Growth:
    """Sizes of the receptive fields after layer `layer`: smallest, largest, and their sum over all queries.

    `low`, `median` and `high`: the least sizes that 10 %, 50 % and 90 % of the queries do not exceed.
    """

    layer: int
    least: int
    low: int
    median: int
    high: int
    most: int
    total: int


@dataclass(frozen=True, slots=True)
class Own:
    """What a position stands for: `size` tokens, each of which sees its own block `whole`, or up to itself."""

    size: int
    whole: bool


def growth_of(sizes: Int64, own: Own) -> tuple[Growth, ...]:
    """The growth of the tokens that the positions stand for; `sizes` [layers, positions] counts positions seen."""
    return tuple(_grown(layer, row, own) for layer, row in enumerate(sizes))


def _grown(layer: int, sizes: Int64, own: Own) -> Growth:
    positions = sizes.size
    cut = 0 if own.whole else own.size - 1
    # Ascending: the least size that a share of the tokens does not exceed is the one with this number.
    numbers = [-(-(share.numerator * positions * own.size) // share.denominator) - 1 for share in SHARES]
    ascending = np.partition(sizes, sorted({number // own.size for number in numbers}))
    low, median, high = (_token(sizes, int(ascending[at // own.size]), at, own) for at in numbers)
    total = own.size * own.size * int(sizes.sum(dtype=np.int64)) - positions * own.size * cut // 2
    return Growth(layer, own.size * int(sizes.min()) - cut, low, median, high, own.size * int(sizes.max()), total)


def _token(sizes: Int64, size: int, number: int, own: Own) -> int:
    """The size with this number among those of all tokens; its position sees `size` positions.

    Where tokens see their own block up to themselves, token t of a block sees size - t' of the tokens of `size` blocks,
    t' being those behind it: as many of each as there are such blocks, none of them as large as those that see more.
    """
    if own.whole:
        return own.size * size
    below, alike = int((sizes < size).sum()), int((sizes == size).sum())
    return own.size * (size - 1) + (number - below * own.size) // alike + 1
