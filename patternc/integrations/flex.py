"""The masks of a schedule for torch's own attention: a BlockMask for FlexAttention, a boolean mask for SDPA.

For: running a pattern without patternc's kernels, and a check of those kernels by somebody else's. In a sum, where keys
count more than once, the mask for SDPA is one to be added, and a BlockMask needs the score_mod beside it. Not for:
speed at lengths where torch's formats themselves are quadratic: a BlockMask holds an int32 for every pair of blocks, a
boolean mask a byte for every pair of positions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from patternc.algebra import relation as r
from patternc.algebra.evaluate import multiplicities
from patternc.algebra.rowspans import chunk_bounds, drawn_keys, inside_spans
from patternc.algebra.schedule import Schedule
from patternc.algebra.stored import matrix
from patternc.analysis.occupied import occupied_tiles

Predicate = Callable[[Tensor, Tensor], Tensor]
"""(query, key) -> bool, elementwise on integer tensors."""
MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""(batch, head, query, key) -> bool, as FlexAttention calls it."""
ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""(score, batch, head, query, key) -> score, as FlexAttention calls it."""

BLOCK = 128
LONGEST_MASK = 32768
"""Tokens of the longest boolean mask: 1 GiB for each distinct head."""
_ROWS = 1024
_WRITTEN_OUT = 8
"""Up to so many intervals or residues are compared one by one; more are looked up."""


def to_sdpa_mask(schedule: Schedule, layer: int = 0) -> Tensor:
    """The mask of a layer for `scaled_dot_product_attention(attn_mask=)`: bool, true where a query attends a key.

    Where a head has a sum: float32, to be added to the scores: the logarithm of how often a key counts, -inf where it
    does not (SDPA wants it in the dtype of its queries). [N, N] where all heads have one pattern, else [H, N, N].
    Raises IndexError for a layer the model does not have, ValueError above 32,768 tokens.
    """
    heads = _heads(schedule, layer)
    n = schedule.tokens
    if n > LONGEST_MASK:
        raise ValueError(f"a boolean mask of {n:,} tokens would have {n * n / 2**30:,.0f} GiB; use to_flex, or kernels")
    added = any(len(schedule.patterns[index].branches) > 1 for index in heads)
    masks = {index: _mask(schedule.patterns[index].relations, n, added) for index in set(heads)}
    return masks[heads[0]] if len(masks) == 1 else torch.stack([masks[index] for index in heads])


def to_flex(
    schedule: Schedule, layer: int = 0, device: torch.device | str = "cpu", *, counted: bool = False
) -> BlockMask:
    """The mask of a layer for FlexAttention: blocks of 128 from the tile map, full ones marked, and a mask_mod.

    Made in O(active blocks) evaluations, where `create_block_mask` evaluates all pairs. A BlockMask says which keys
    there are, not how often one counts: for a layer with a sum, say `counted=True` to have it all the same, and give
    `to_score_mod` to `flex_attention` as well. Raises ValueError for a sum without that, IndexError for a layer the
    model does not have, TileBudgetError for a pattern without block structure at this length.
    """
    heads = _heads(schedule, layer)
    if not counted and any(len(schedule.patterns[index].branches) > 1 for index in heads):
        raise ValueError(
            f"layer {layer} has a sum, in which keys count more than once, and a BlockMask cannot say that: take "
            f"to_flex({layer}, counted=True) and give flex_attention score_mod=to_score_mod({layer}), too"
        )
    relations = [schedule.patterns[index].relation for index in heads]
    alike = len(set(relations)) == 1
    blocks = {relation: _blocks(relation, schedule.tokens) for relation in set(relations)}
    stacked = [
        torch.stack([blocks[relation][part] for relation in (relations[:1] if alike else relations)])[None].to(device)
        for part in range(4)
    ]
    partial_counts, partial, full_counts, full = stacked
    return BlockMask.from_kv_blocks(
        partial_counts,
        partial,
        full_counts,
        full,
        BLOCK_SIZE=BLOCK,
        mask_mod=mask_mod(relations, schedule.tokens, device),
        seq_lengths=(schedule.tokens, schedule.tokens),
    )


def to_score_mod(schedule: Schedule, layer: int = 0, device: torch.device | str = "cpu") -> ScoreMod:
    """What FlexAttention has to add to the scores of a layer: the logarithm of how often a key counts.

    It goes with `to_flex(counted=True)`, which leaves the other keys out; without any sum it changes nothing. Exact, of
    pointwise operations only. Raises IndexError for a layer the model does not have.
    """
    heads, n, place = _heads(schedule, layer), schedule.tokens, torch.device(device)
    sums = {index: schedule.patterns[index].relations for index in dict.fromkeys(heads)}
    counters = [[_predicate(branch, n, place) for branch in branches] for branches in sums.values()]
    kinds = torch.tensor([list(sums).index(index) for index in heads], device=place)

    def modified(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        for kind, branches in enumerate(counters):
            if len(branches) > 1:
                count = functools.reduce(torch.add, (branch(query, key).to(score.dtype) for branch in branches))
                score = score + torch.where(kinds[head] == kind, count.clamp_min(1), 1.0).log()
        return score

    return modified


def mask_mod(relations: Sequence[r.Relation], n: int, device: torch.device | str = "cpu") -> MaskMod:
    """A FlexAttention mask_mod in which head h has relations[h], at n positions; exact, of pointwise operations only.

    Random keys are looked up in a table on `device`, one comparison for each drawn key.
    """
    device = torch.device(device)
    distinct = list(dict.fromkeys(relations))
    predicates = [_predicate(relation, n, device) for relation in distinct]
    if len(distinct) == 1:
        only = predicates[0]
        return lambda batch, head, query, key: only(query, key)
    kinds = torch.tensor([distinct.index(relation) for relation in relations], device=device)

    def choose(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return _any((kinds[head] == kind) & predicate(query, key) for kind, predicate in enumerate(predicates))

    return choose


def _heads(schedule: Schedule, layer: int) -> tuple[int, ...]:
    if not 0 <= layer < schedule.layers:
        raise IndexError(f"there is no layer {layer}: the model has {schedule.layers}, counted from 0")
    return schedule.table[layer]


def _mask(branches: tuple[r.Relation, ...], n: int, added: bool) -> Tensor:
    """bool, or float32 to be `added`, [N, N]."""
    mask = torch.empty(n, n, dtype=torch.float32 if added else torch.bool)
    keys = np.arange(n)[None, :]
    for first in range(0, n, _ROWS):
        queries = np.arange(first, min(first + _ROWS, n))[:, None]
        counts = _tensor(multiplicities(branches, queries, keys, n), torch.device("cpu"))
        mask[first : first + _ROWS] = counts.log() if added else counts > 0
    return mask


def _blocks(relation: r.Relation, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(counts [R], indices [R, R]) of partial blocks, then of full ones, int32."""
    tiles = occupied_tiles(relation, n, BLOCK, BLOCK)
    rows, own = -(-n // BLOCK), tiles.query_tile
    # A block that hangs over the end is never full for FlexAttention, which does not look at positions in full ones.
    is_full = tiles.pairs == BLOCK * BLOCK
    tensors: list[Tensor] = []
    for chosen in (~is_full, is_full):
        counts = np.bincount(own[chosen], minlength=rows).astype(np.int32)
        starts = np.cumsum(counts) - counts
        indices = np.zeros((rows, rows), dtype=np.int32)
        indices[own[chosen], np.arange(counts.sum()) - starts[own[chosen]]] = tiles.key_tile[chosen]
        tensors += [_tensor(counts, torch.device("cpu")), _tensor(indices, torch.device("cpu"))]
    return tensors[0], tensors[1], tensors[2], tensors[3]


def _predicate(relation: r.Relation, n: int, device: torch.device) -> Predicate:
    """The relation at a place of length n, as pointwise operations."""
    match relation:
        case r.Empty():
            return lambda i, j: (i < 0) & (j < 0)
        case r.Full():
            return lambda i, j: (i >= 0) & (j >= 0)
        case r.Band(low, high, step):
            return functools.partial(_band, low, high, step)
        case r.Residue(modulus, residues):
            of_residue = _membership(modulus, residues, device)
            return lambda i, j: of_residue((i - j) % modulus)
        case r.Columns(modulus, residues):
            of_column = _membership(modulus, residues, device)
            return lambda i, j: of_column(j % modulus)
        case r.Rows(modulus, residues):
            of_row = _membership(modulus, residues, device)
            return lambda i, j: of_row(i % modulus)
        case r.Keys(spans):
            of_key = _inside(spans, n, device)
            return lambda i, j: of_key(j)
        case r.Queries(spans):
            of_query = _inside(spans, n, device)
            return lambda i, j: of_query(i)
        case r.Chunk((size,)):
            return lambda i, j: i // size == j // size
        case r.Chunk(sizes):
            chunks = _tensor(chunk_bounds(sizes, np.arange(n))[0], device)
            return lambda i, j: chunks[i] == chunks[j]
        case r.Random():
            drawn = _tensor(drawn_keys(relation, np.arange(n), n), device)
            return lambda i, j: _any([i < 0, *(drawn[i, place] == j for place in range(drawn.shape[1]))])
        case r.Layout(side):
            table, last = _tensor(matrix(relation), device), side - 1
            return lambda i, j: table[i.clamp(max=last), j.clamp(max=last)] & (i <= last) & (j <= last)
        case r.Blocks(size, inner):
            of_block = _predicate(inner, -(-n // size), device)
            return lambda i, j: of_block(i // size, j // size)
        case r.Within(size, inner):
            of_place = _predicate(inner, size, device)
            return lambda i, j: of_place(i % size, j % size)
        case r.Slice(start, stop, inner):
            return _sliced(start, stop, _predicate(inner, max(stop - start, 1), device))
        case r.Union(parts):
            some = [_predicate(part, n, device) for part in parts]
            return lambda i, j: _any(part(i, j) for part in some)
        case r.Intersection(parts):
            every = [_predicate(part, n, device) for part in parts]
            return lambda i, j: functools.reduce(torch.logical_and, (part(i, j) for part in every))
        case r.Difference(left, right):
            kept, removed = _predicate(left, n, device), _predicate(right, n, device)
            return lambda i, j: kept(i, j) & ~removed(i, j)
        case _:
            assert_never(relation)


def _band(low: int | None, high: int | None, step: int, i: Tensor, j: Tensor) -> Tensor:
    distance = i - j
    holds = distance % step == 0
    if low is not None:
        holds = holds & (distance >= low)
    return holds if high is None else holds & (distance <= high)


def _sliced(start: int, stop: int, inner: Predicate) -> Predicate:
    def holds(i: Tensor, j: Tensor) -> Tensor:
        inside = (i >= start) & (i < stop) & (j >= start) & (j < stop)
        if start == stop:
            return inside
        # Positions outside are clamped: what they would look up must exist, and does not count.
        last = stop - start - 1
        return inside & inner((i - start).clamp(0, last), (j - start).clamp(0, last))

    return holds


def _membership(modulus: int, residues: tuple[int, ...], device: torch.device) -> Callable[[Tensor], Tensor]:
    if len(residues) <= _WRITTEN_OUT:
        return lambda values: _any([values < 0, *(values == residue for residue in residues)])
    table = torch.zeros(modulus, dtype=torch.bool, device=device)
    table[list(residues)] = True
    return lambda values: table[values]


def _inside(spans: r.Spans, n: int, device: torch.device) -> Callable[[Tensor], Tensor]:
    if len(spans) <= _WRITTEN_OUT:
        return lambda values: _any([values < 0, *((values >= start) & (values < stop) for start, stop in spans)])
    table = _tensor(inside_spans(spans, np.arange(n)), device)
    return lambda values: table[values]


def _any(parts: Iterable[Tensor]) -> Tensor:
    return functools.reduce(torch.logical_or, parts)


def _tensor(array: NDArray[np.generic], device: torch.device) -> Tensor:
    # torch's stub leaves the argument of from_numpy untyped.
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)  # pyright: ignore[reportUnknownMemberType]
