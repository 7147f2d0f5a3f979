"""Expectations of random programs: what is asked, near what is true, and the answer by definition.

For: `programs.py`, which asks, and `stages.py`, which compares the verdicts. Answers are read off the counts that
`meaning.py` finds. Not for: orders and cropping, which are about other lengths; they are asked, and not answered here.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from patternc.grammar import tree as t
from tests.properties.expressions import call, chain, integer

SIGNS = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
GROWTHS = ("n", "n^1.5", "n * log(n)", "n^2")


@dataclass(frozen=True)
class Truth:
    """What a model is, by definition: `counts` [layer][head] of how often each pair counts, int64 [n, n]."""

    counts: list
    causal: bool
    kv_heads: int

    @property
    def n(self):
        return len(self.counts[0][0])

    @property
    def masks(self):
        return [[each > 0 for each in row] for row in self.counts]

    def pairs(self, layer, head=None):
        sums = [int(each.sum()) for each in self.counts[layer]]
        return max(sums) if head is None else sums[head]

    def cache(self):
        most = 0
        for row in self.masks:
            for heads in np.split(np.array(row), self.kv_heads):
                seen = np.logical_or.reduce(heads)
                most = max(most, *(int(seen[i:, : i + 1].any(axis=0).sum()) for i in range(self.n)))
        return most

    def density(self):
        every = self.n * (self.n + 1) // 2 if self.causal else self.n * self.n
        return Fraction(int(np.array(self.masks).sum()), every * len(self.masks) * len(self.masks[0]))

    def waste(self, rows, columns):
        """None where there are no pairs to divide by."""
        masks = np.array(self.masks)
        tops, lefts = range(0, self.n, rows), range(0, self.n, columns)
        tiles = sum(
            int(masks[:, :, top : top + rows, left : left + columns].any(axis=(2, 3)).sum())
            for top in tops
            for left in lefts
        )
        return Fraction(tiles * rows * columns, int(masks.sum())) if masks.any() else None

    def connected(self, depth, from_any_layer, to_past):
        depth = len(self.masks) if depth is None else depth
        wanted = np.ones((self.n, self.n), dtype=bool)
        wanted = np.tril(wanted) if self.causal or to_past else wanted
        last = len(self.masks) - depth if from_any_layer else 0
        return all(not (wanted & ~self._reached(first, depth)).any() for first in range(last + 1))

    def _reached(self, first, depth):
        reached = np.eye(self.n, dtype=np.float32)
        for row in self.masks[first : first + depth]:
            step = np.logical_or.reduce([np.eye(self.n, dtype=bool), *row]).astype(np.float32)
            reached = (step @ reached > 0).astype(np.float32)
        return reached > 0

    def value(self, expression):
        """A side of a comparison; None where it has no value."""
        match expression:
            case t.Number(text, "integer"):
                return int(text)
            case t.Number(text, "decimal"):
                return Fraction(text)
            case t.Number(text, "percent"):
                return Fraction(text.removesuffix("%")) / 100
            case t.Negative(operand):
                return -self.value(operand)
            case t.Name("n"):
                return self.n
            case t.Name("cache"):
                return self.cache()
            case t.Name("density"):
                return self.density()
            case t.Call(t.Word("pairs"), places):
                return self.pairs(*map(self.value, places))
            case t.Call(t.Word("waste"), sides):
                return self.waste(*map(self.value, sides))
            case t.Chain((left, right), (sign,)):
                return {"+": operator.add, "*": operator.mul}[sign.sign](self.value(left), self.value(right))

    def holds(self, condition):
        """Whether it holds; None where it has no value."""
        match condition:
            case t.Connected(depth, from_any_layer, to_past):
                return self.connected(depth and self.value(depth), from_any_layer, to_past)
            case t.Comparison(left, sign, right):
                left, right = self.value(left), self.value(right)
                return None if left is None or right is None else SIGNS[sign.sign](left, right)


@st.composite
def conditions(draw, truth: Truth):
    """Something to expect."""
    layers, heads = len(truth.counts), len(truth.counts[0])
    kinds = ["pairs", "pairs", "both", "cache", "density", "waste", "connected", "connected", "order", "crop", "n"]
    kind = draw(st.sampled_from(kinds))
    if kind == "connected":
        depth = draw(st.none() | st.integers(1, layers).map(integer))
        return t.Connected(depth, draw(st.booleans()), not truth.causal and draw(st.booleans()))
    if kind == "order":
        return t.Order(draw(st.sampled_from(GROWTHS)))
    if kind == "crop":
        return t.CropStable()
    if kind == "n":
        return t.Comparison(t.Name("n"), t.Operator("<="), integer(truth.n))
    one = call("pairs", integer(draw(st.integers(-layers, layers - 1))))
    of_head = call("pairs", integer(draw(st.integers(0, layers - 1))), integer(draw(st.integers(-heads, heads - 1))))
    sides = st.sampled_from([1, 2, 5, 16, 64]).map(integer)
    left = {
        "pairs": draw(st.sampled_from([one, of_head])),
        "both": chain("+", one, chain("*", integer(2), of_head)),
        "cache": t.Name("cache"),
        "density": t.Name("density"),
        "waste": call("waste", draw(sides), draw(sides)),
    }[kind]
    sign = t.Operator(draw(st.sampled_from(sorted(SIGNS))))
    value, off = truth.value(left), draw(st.integers(-1, 1))
    if kind == "density":
        right = t.Number(f"{max(0, int(value * 1000) + off) / 10}%", "percent")
    elif kind == "waste":
        right = t.Number(f"{max(0, int((value or 0) * 100) + off) / 100:.2f}", "decimal")
    else:
        right = integer(value + off)
    pair = (left, right) if draw(st.booleans()) else (right, left)
    return t.Comparison(pair[0], sign, pair[1])
