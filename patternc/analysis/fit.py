"""The polynomial through exact counts: found modulo a prime, checked in whole numbers.

For: `formula.py`. Not for: knowing where one polynomial ends and the next begins (its caller chooses the samples).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Point = tuple[int, ...]

PRIME = 2_147_483_629
"""Below 2**31, so that products of two residues fit into 64 bits."""
DENOMINATOR = 48
"""Coefficients of counts of degree 4 are multiples of 1/24, or of 1/48 where a half enters."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Sum of coefficient * product of variables ** exponents; `terms` sorted by exponents."""

    terms: tuple[tuple[Point, Fraction], ...]

    def __call__(self, point: Sequence[int]) -> Fraction:
        """The value at a point."""
        denominator = lcm(*(coefficient.denominator for _, coefficient in self.terms))
        total = 0
        for exponents, coefficient in self.terms:
            value = int(coefficient * denominator)
            for base, exponent in zip(point, exponents, strict=True):
                value *= base**exponent
            total += value
        return Fraction(total, denominator)


def monomials(variables: int, degree: int) -> list[Point]:
    """All exponents of total degree at most `degree`."""
    return [point for point in product(range(degree + 1), repeat=variables) if sum(point) <= degree]


def fit(points: Sequence[Point], values: Sequence[int], degree: int) -> Polynomial | None:
    """The one polynomial of at most this degree through all the points; None if there is none, or more than one."""
    exponents = monomials(len(points[0]), degree)
    if len(points) < len(exponents):
        return None
    columns: list[Int64] = []
    at = np.array(points, dtype=np.int64)
    for exponent in exponents:
        column = np.ones(len(points), dtype=np.int64)
        for variable, power in enumerate(exponent):
            for _ in range(power):
                column = column * at[:, variable] % PRIME
        columns.append(column)
    right = np.array([value % PRIME for value in values], dtype=np.int64)
    solved = _solve(np.stack([*columns, right], axis=1))
    if solved is None:
        return None
    terms: list[tuple[Point, Fraction]] = []
    for exponent, residue in zip(exponents, solved, strict=True):
        scaled = residue * DENOMINATOR % PRIME
        whole = scaled - PRIME if scaled > PRIME // 2 else scaled
        if whole:
            terms.append((exponent, Fraction(whole, DENOMINATOR)))
    polynomial = Polynomial(tuple(terms))
    exact = all(polynomial(point) == value for point, value in zip(points, values, strict=True))
    return polynomial if exact else None


def _solve(rows: Int64) -> list[int] | None:
    """The one solution of rows = [A | b] modulo PRIME, by elimination; None if there is none or more than one."""
    unknowns = rows.shape[1] - 1
    for column in range(unknowns):
        candidates = np.flatnonzero(rows[column:, column])
        if candidates.size == 0:
            return None
        pivot = column + int(candidates[0])
        rows[[column, pivot]] = rows[[pivot, column]]
        rows[column] = rows[column] * pow(int(rows[column, column]), -1, PRIME) % PRIME
        factors = rows[:, column].copy()
        factors[column] = 0
        rows = (rows - factors[:, None] * rows[column] % PRIME) % PRIME
    if rows[unknowns:, unknowns].any():
        return None
    return [int(value) for value in rows[:unknowns, unknowns]]
