"""Folds: a sequence laid out class by class, so that positions of one residue class lie side by side.

For: launches on a lattice, whose tiles are then tiles of neighbours like those of any other launch. Rows move as
strided views, a stretch of classes at a time; nothing is looked up. Not for: which classes or tiles (`cpu_items.py`).

Position p, which is member p // step of class p % step, is at the *place* (p % step) * period + p // step. A period is
at least as long as the longest class. Places of no position hold zeros: finite as queries and keys, nothing as
gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from patternc.runtime.cpu_rows import Workspace


@dataclass(frozen=True, slots=True)
class Fold:
    """Classes modulo `step` of `tokens` positions, `period` places each."""

    step: int
    period: int
    tokens: int


def folded(
    source: Tensor, fold: Fold, classes: tuple[int, int], space: Workspace, name: str, dtype: torch.dtype
) -> Tensor:
    """Classes first..last-1 of `source` [U, R, N, D...] as [U, R, (last - first) * period, D...], in the workspace."""
    first, last = classes
    laid = room(source, fold, classes, space, name, dtype)
    out = torch.unflatten(laid, 2, (last - first, fold.period))
    whole = fold.tokens // fold.step
    if whole < fold.period:
        out[:, :, :, whole:].zero_()
    if last > fold.step:
        out[:, :, fold.step - first :].zero_()
    for outside, inside in _views(source, out, fold, first, last):
        inside.copy_(outside)
    return laid


def room(
    source: Tensor, fold: Fold, classes: tuple[int, int], space: Workspace, name: str, dtype: torch.dtype
) -> Tensor:
    """As `folded`, uninitialised."""
    places = (classes[1] - classes[0]) * fold.period
    return space.take(name, (*source.shape[:2], places, *source.shape[3:]), dtype)


def store(target: Tensor, fold: Fold, classes: tuple[int, int], values: Tensor) -> None:
    """Writes what `folded` gave for these classes back to `target`."""
    first, last = classes
    for outside, inside in _views(target, torch.unflatten(values, 2, (last - first, fold.period)), fold, first, last):
        outside.copy_(inside)


def _views(source: Tensor, folds: Tensor, fold: Fold, first: int, last: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The same rows of both: members that every class has, and then the last ones of the classes that are longer."""
    whole, longer = divmod(fold.tokens, fold.step)
    last = min(last, fold.step)
    if whole:
        by_member = torch.unflatten(source[:, :, : whole * fold.step], 2, (whole, fold.step))
        yield by_member[:, :, :, first:last].transpose(2, 3), folds[:, :, : last - first, :whole]
    last = min(last, longer)
    if first < last:
        after = whole * fold.step
        yield source[:, :, after + first : after + last], folds[:, :, : last - first, whole]
