"""Schedules for analysis tests, and the slow truth about them: dense boolean products."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.schedule import Branch, HeadPattern, Schedule, Term, sum_of
from tests.strategies import mask, relations


def head(**terms):
    """A head from its terms, each with its text."""
    return sum_of(Branch(r.union(*terms.values()), tuple(Term(text, relation) for text, relation in terms.items())))


def schedule(tokens, layers, *, causal=True, kv_heads=None, name="model"):
    """A schedule from a list of layers, each a list of HeadPatterns or Relations, one for each head."""
    rows = [[p if isinstance(p, HeadPattern) else sum_of(Branch(p, (Term("term", p),))) for p in row] for row in layers]
    distinct = list(dict.fromkeys(pattern for row in rows for pattern in row))
    heads = len(rows[0])
    return Schedule(
        name=name,
        tokens=tokens,
        causal=causal,
        layers=len(rows),
        heads=heads,
        kv_heads=heads if kv_heads is None else kv_heads,
        head_dim=64,
        allow_empty=True,
        params=(),
        patterns=tuple(distinct),
        table=tuple(tuple(distinct.index(pattern) for pattern in row) for row in rows),
    )


def uniform(tokens, layers, relation, *, causal=True):
    """`layers` equal layers of one head."""
    return schedule(tokens, [[relation]] * layers, causal=causal)


@dataclass(frozen=True)
class Truth:
    """R_l after each layer, by dense products: [layers] of bool [n, n]."""

    reached: list
    wanted: np.ndarray

    @property
    def missing_after(self):
        """The first missing pair after each layer, None where complete."""
        lacks = [np.argwhere(self.wanted & ~reached) for reached in self.reached]
        return [tuple(int(x) for x in pairs[0]) if len(pairs) else None for pairs in lacks]

    @property
    def depth(self):
        return next((layer + 1 for layer, pair in enumerate(self.missing_after) if pair is None), None)


def quantile(sizes, percent):
    """The least size that `percent` % of all do not exceed, by counting them up."""
    return next(size for size in sorted(sizes) if 100 * sum(each <= size for each in sizes) >= percent * len(sizes))


def grown(growth):
    """A layer's growth, without its number."""
    return growth.least, growth.low, growth.median, growth.high, growth.most, growth.total


def grown_by_counting(reached):
    """The same, from which query [n] sees which key [n]."""
    sizes = [int(size) for size in reached.sum(axis=1)]
    return min(sizes), *(quantile(sizes, percent) for percent in (10, 50, 90)), max(sizes), sum(sizes)


def truth(relations_by_layer, n, target):
    known = {relation: mask(relation, n) for relation in dict.fromkeys(relations_by_layer)}
    reached, now = [], np.eye(n, dtype=bool)
    for relation in relations_by_layer:
        step = known[relation] | np.eye(n, dtype=bool)
        now = (step.astype(np.uint8) @ now.astype(np.uint8)) > 0
        reached.append(now)
    return Truth(reached, np.tril(np.ones((n, n), dtype=bool)) if target == "past" else np.ones((n, n), dtype=bool))


@st.composite
def layer_lists(draw, max_tokens=90, max_layers=4):
    """(n, target, relations by layer): causal ones cut to j <= i."""
    n = draw(st.integers(1, max_tokens))
    causal = draw(st.booleans())
    target = "past" if causal else draw(st.sampled_from(["all", "all", "past"]))
    window = r.band(0 if causal else -2, draw(st.integers(0, 30)))
    options = draw(st.lists(relations(n, 1), min_size=1, max_size=3))
    if draw(st.booleans()):
        options = [r.union(option, window) for option in options]
    if causal:
        options = [r.intersection(r.PAST, option) for option in options]
    return n, target, draw(st.lists(st.sampled_from(options), min_size=1, max_size=max_layers))
