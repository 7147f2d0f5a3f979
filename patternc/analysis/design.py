"""Design: the best choice of a program's open parameters, and the frontier it lies on, as one frozen value.

For: what `patternc design` answers; terminal, JSON and SVG are made from it. Not for: searching (`search.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from patternc.algebra.choices import Chosen
from patternc.analysis.proof import NoProof, Proof
from patternc.diagnostics import Label

Objective = Literal["pairs", "time", "cache", "depth"]
"""What can be made small: pairs of all layers and heads; the predicted time of the forward pass; the keys that a kv
head must keep; the layers after which the model is connected."""
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

UNCONNECTED = float("inf")
"""The depth of a model that its layers do not connect."""


@dataclass(frozen=True, slots=True)
class Point:
    """One choice, and all its figures, exact but for the times, which are predicted.

    `depth` is None where the layers do not connect the model (`connected` False) or that is not known (None); times are
    None where the target has no predictions, `cache` where it is not known.
    """

    chosen: Chosen
    depth: int | None
    connected: bool | None
    pairs: int
    forward_seconds: float | None
    backward_seconds: float | None
    cache: int | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A choice with its objectives; `meets` what the file expects. None is what did not have to be found out."""

    chosen: Chosen
    first: float
    second: float | None
    meets: bool | None


@dataclass(frozen=True, slots=True)
class Excluded:
    """Something that rules choices out, with its place, and how many it rules out; `code` is that of an error."""

    text: str
    label: Label | None
    count: int
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """What the search found.

    `best` is the point with the least of the first objective, of those the one with the least of the second; None where
    no choice is legal and meets every expectation. `frontier` are the choices that no other one beats in one objective
    without losing in the other, ascending by the first. `choices` counts all ways to choose, `judged` those that were
    held against the expectations: the others cannot be on the frontier. `by_formula` counts those whose pairs are from
    a closed form, `checks` the exact counts that it was held against.
    """

    model: str
    tokens: int
    causal: bool
    objectives: tuple[Objective, Objective]
    lists: tuple[tuple[str, tuple[int, ...]], ...]
    """The parameters that were chosen, with the numbers that were tried, ascending."""
    expectations: tuple[str, ...]
    choices: int
    judged: int
    excluded: tuple[Excluded, ...]
    tried: tuple[Tried, ...]
    """Every choice whose first objective is known, in the order looked at."""
    best: Point | None
    frontier: tuple[Point, ...]
    by_formula: int
    checks: int
    device: str | None
    """What times are predicted for."""
    proof: Proof | NoProof | None
    """What the best choice connects at every length."""
    interrupted: bool
