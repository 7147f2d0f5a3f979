"""The definition of right: which query attends which key.

For: the oracle that every other part is tested against. Short, slow and obvious; standard library only. Not for: any
optimised code, which must not import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from patternc.algebra import relation as r
from patternc.algebra.random import draw


def holds(relation: r.Relation, i: int, j: int, n: int) -> bool:
    """Whether `relation`, at a place of length `n`, has the pair (query i, key j), 0 <= i, j < n."""
    match relation:
        case r.Empty():
            return False
        case r.Full():
            return True
        case r.Band(low, high, step):
            return (low is None or low <= i - j) and (high is None or i - j <= high) and (i - j) % step == 0
        case r.Residue(modulus, residues):
            return (i - j) % modulus in residues
        case r.Columns(modulus, residues):
            return j % modulus in residues
        case r.Rows(modulus, residues):
            return i % modulus in residues
        case r.Keys(spans):
            return any(start <= j < stop for start, stop in spans)
        case r.Queries(spans):
            return any(start <= i < stop for start, stop in spans)
        case r.Chunk(sizes):
            return chunk_of(sizes, i) == chunk_of(sizes, j)
        case r.Random(count, seed):
            return j in draw(count, seed, i, candidates(relation, i, n))
        case r.Layout(side, bits):
            return i < side and j < side and bits[i * -(-side // 8) + j // 8] >> j % 8 & 1 == 1
        case r.Blocks(size, inner):
            return holds(inner, i // size, j // size, -(-n // size))
        case r.Within(size, inner):
            return holds(inner, i % size, j % size, size)
        case r.Slice(start, stop, inner):
            return start <= i < stop and start <= j < stop and holds(inner, i - start, j - start, stop - start)
        case r.Union(parts):
            return any(holds(part, i, j, n) for part in parts)
        case r.Intersection(parts):
            return all(holds(part, i, j, n) for part in parts)
        case r.Difference(left, right):
            return holds(left, i, j, n) and not holds(right, i, j, n)
        case _:
            assert_never(relation)


def multiplicity(branches: Sequence[r.Relation], i: int, j: int, n: int) -> int:
    """How often query i counts key j in its softmax: once for each branch of its pattern that has the pair."""
    return sum(holds(branch, i, j, n) for branch in branches)


def chunk_of(sizes: tuple[int, ...], position: int) -> int:
    """The number of the chunk that `position` lies in, counted from 0."""
    for chunk, size in enumerate(sizes):
        if position < size:
            return chunk
        position -= size
    return len(sizes) + position // sizes[-1]


def candidates(random: r.Random, i: int, n: int) -> list[int]:
    """The keys that row i may draw, ascending."""
    return [
        j
        for j in range(min(i + 1, n) if random.causal else n)
        if random.among is None or any(start <= j < stop for start, stop in random.among)
        if not holds(random.avoid, i, j, n)
    ]
