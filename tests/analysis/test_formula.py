"""Formulas: the published values, and that none is wrong anywhere in the region it claims."""

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.evaluate import evaluate
from patternc.analysis import formula as formula_engine
from patternc.analysis.expression import value, write
from patternc.analysis.fit import Polynomial, fit
from patternc.analysis.formula import find_formula
from patternc.analysis.template import dissect, refill
from patternc.analysis.tiles import tile_map
from tests.strategies import causal_places, mask, places


def causal(relation):
    return (
        r.union(*(r.intersection(r.PAST, part) for part in relation.parts))
        if isinstance(relation, r.Union)
        else (r.intersection(r.PAST, relation))
    )


def local(w):
    return r.Band(0, w - 1)


def last(k, c):
    return r.Columns(k, tuple(range(k - c, k)))


def square(relation, n):
    at = np.arange(n)
    return int(evaluate(relation, at[:, None], at[None, :], n).sum())


# name: (pattern by n and parameters, parameters, n, formula, conditions)
PATTERNS = {
    "local": (lambda n, w: local(w), {"w": 64}, 1000, "n*w - w*(w - 1)/2", ["n >= w - 1"]),
    "two-sided": (lambda n, w: r.Band(-(w // 2), w // 2), {"w": 64}, 1000, "-h**2 + 2*h*n - h + n", ["n >= h"]),
    "stride": (lambda n, k: r.Band(0, None, k), {"k": 100}, 1050, "(q + 1)*(k*q + 2*r)/2", []),
    "chunk": (lambda n, k: causal(r.Chunk((k,))), {"k": 128}, 16384, "(k**2*q + k*q + r**2 + r)/2", []),
    "chunk, two-sided": (lambda n, k: r.Chunk((k,)), {"k": 128}, 16385, "k**2*q + r**2", []),
    "local | stride": (
        lambda n, w, k: r.union(local(w), r.Band(0, None, k)),
        {"w": 50, "k": 100},
        1050,
        "k*q**2/2 + k*q*w - k*q/2 + q*r + r*w - w**2/2 + w/2",
        ["w <= k", "n >= w - 1"],
    ),
    "fixed": (
        lambda n, k, c: causal(r.union(r.Chunk((k,)), last(k, c))),
        {"k": 128, "c": 8},
        16384,
        "(c*k*q**2 - c*k*q + 2*c*q*r + k**2*q + k*q + r**2 + r)/2",
        None,
    ),
    "window and globals": (
        lambda n, w, g: r.union(r.Band(-(w // 2), w // 2), r.Keys(((0, g),)), r.Queries(((0, g),))),
        {"w": 512, "g": 4},
        16384,
        "n*(2*g + 2*h + 1) - (g + h)*(g + h + 1)",
        ["n >= g + h"],
    ),
    "sinks": (
        lambda n, w, g: r.union(local(w), causal(r.Keys(((0, g),)))),
        {"w": 512, "g": 4},
        16384,
        None,
        ["n >= g + w - 1"],
    ),
    "past": (lambda n: r.PAST, {}, 777, "n*(n + 1)/2", []),
    "dense": (lambda n: r.FULL, {}, 777, "n**2", []),
    "self": (lambda n: r.Band(0, 0), {}, 777, "n", []),
    "keys": (lambda n, g: causal(r.Keys(((0, g),))), {"g": 40}, 1000, "g*n - g*(g - 1)/2", None),
    "last keys": (lambda n, g: r.Keys(((n - g, n),)), {"g": 5}, 1000, "g*n", None),
    "blocks": (lambda n, b: r.Blocks(b, r.Band(-1, 1)), {"b": 64}, 4096, None, None),
    "block globals": (
        lambda n, b: r.Blocks(b, r.union(r.Band(-1, 1), r.Keys(((0, 1), (-(-n // b) - 1, -(-n // b)))))),
        {"b": 64},
        4096,
        None,
        None,
    ),
    "causal blocks": (lambda n, b, w: causal(r.Blocks(b, local(w))), {"b": 64, "w": 3}, 4096, None, None),
    "image window": (
        lambda n, w: causal(r.intersection(r.Blocks(w, r.Band(-1, 1)), r.Within(w, r.Band(-1, 1)))),
        {"w": 32},
        1024,
        None,
        None,
    ),
    "text and rows": (
        lambda n, t, w: causal(r.union(r.Keys(((0, t),)), r.Slice(t, n, r.Chunk((w,))))),
        {"t": 64, "w": 32},
        1088,
        None,
        None,
    ),
    "columns": (lambda n, k, c: causal(last(k, c)), {"k": 128, "c": 8}, 1024, None, None),
    "dilated": (lambda n, w, d: r.Band(0, (w - 1) * 4, 4), {"w": 64, "d": 4}, 8192, "n*w - 2*w*(w - 1)", None),
    "random": (lambda n, s: causal(r.Random(s, (3,), True)), {"s": 20}, 1000, "n*s - s*(s - 1)/2", None),
    "dense without stride": (lambda n, k: causal(r.Residue(k, tuple(range(1, k)))), {"k": 7}, 1000, None, None),
    "shifted chunks": (lambda n, w: r.Chunk((w // 2, w)), {"w": 64}, 1024, "64*n - 2048", None),
    "long window, few columns": (
        lambda n, w: causal(r.union(local(w), r.Columns(16, (0,)))),
        {"w": 64},
        1024,
        None,
        None,
    ),
}


def program(pattern):
    """`at`, as the formula search asks for it: None where the parameters make no pattern."""

    def at(n, params):
        if any(number < 1 for number in params.values()) or params.get("c", 0) > params.get("k", n):
            return None
        return pattern(n, **params)

    return at


@pytest.mark.parametrize("name", PATTERNS)
def test_known_patterns(name):
    pattern, params, n, text, valid = PATTERNS[name]
    relation = pattern(n, **params)
    pairs = tile_map(relation, n, 128, 64).pairs
    formula = find_formula(relation, n, pairs, params, program(pattern))
    assert formula is not None
    assert value(formula, {"n": n, **params}) == pairs
    written = write(formula)
    assert text is None or written.text == text
    assert valid is None or list(written.valid) == valid
    # Anywhere in the region it claims, small members and lengths included, it is the count.
    draws = random.Random(name)
    inside = 0
    for _ in range(150):
        at = {key: draws.randint(1, 14) for key in params}
        length = draws.randint(1, 90)
        found = value(formula, {"n": length, **at})
        member = program(pattern)(length, at)
        if found is not None and member is not None:
            inside += 1
            assert found == square(member, length), (length, at)
    frozen = any("==" in condition for condition in written.valid)
    assert inside >= (0 if frozen else 10)


@given(st.one_of(places(max_tokens=40, depth=1), causal_places(max_tokens=40, depth=1)))
def test_no_formula_is_wrong(place):
    """Random relations, without a program to ask: a formula in n alone, for this relation at other lengths."""
    n, relation = place
    formula = find_formula(relation, n, int(mask(relation, n).sum()), {}, None)
    if formula is not None:
        assert value(formula, {"n": n}) == mask(relation, n).sum()
        for length in (*range(1, 30), 41, 60, 64, 83):
            found = value(formula, {"n": length})
            assert found is None or found == square(relation, length), length


def test_counts_that_depend_on_the_draw_have_no_formula():
    relation = r.union(local(5), r.Random(3, (1,), True))
    assert find_formula(relation, 500, square(relation, 500), {}, lambda n, params: relation) is None


def test_a_pattern_that_changes_with_the_length_has_no_formula():
    def log_sparse(n, params):
        return r.union(*(r.Band(d, d) for d in [0] + [2**k for k in range(20) if 2**k < n]))

    relation = log_sparse(1024, {})
    assert find_formula(relation, 1024, square(relation, 1024), {}, log_sparse) is None


@pytest.mark.parametrize("at", [lambda n, params: r.Chunk((n - 15,)), lambda n, params: r.Band(0, None, n - 15)])
def test_a_period_that_changes_with_the_length_has_no_formula(at):
    assert find_formula(at(20, {}), 20, square(at(20, {}), 20), {}, at) is None


@pytest.mark.parametrize("width", [1, 100, 800, 3000])
def test_a_polynomial_in_the_length_is_found_wherever_it_begins(width):
    """Two moduli have no formula but in n: below 800 tokens, and in the longest window at most of them, another one."""
    relation = causal(r.union(r.intersection(r.Columns(48, (0,)), r.Blocks(64, r.Band(0, 3))), local(width)))
    formula = find_formula(relation, 4800, square(relation, 4800), {}, lambda n, params: relation)
    assert formula is not None
    claimed = [n for n in range(192, 6000, 192) if value(formula, {"n": n}) is not None]
    assert max(width, 192) <= claimed[0] <= 2 * width + 384
    assert claimed[-1] == 5952
    assert all(value(formula, {"n": n}) == square(relation, n) for n in claimed)


def test_a_wrong_count_is_no_formula():
    relation = local(64)
    assert find_formula(relation, 1000, 64 * 1000, {}, lambda n, params: relation) is None


def test_a_polynomial_that_is_right_here_and_wrong_elsewhere_is_no_formula(monkeypatch):
    real = formula_engine.count_family

    def tilted(members, tokens, pairs):
        counted = real(members, tokens, pairs)
        (terms,) = (counted.polynomial.terms,)
        tilt = (((1, 0), Fraction(1)), ((0, 0), Fraction(-1000)))
        return replace(counted, polynomial=Polynomial((*terms, *tilt)))

    monkeypatch.setattr(formula_engine, "count_family", tilted)
    formula = find_formula(local(64), 1000, square(local(64), 1000), {"w": 64}, lambda n, params: local(params["w"]))
    assert "w == 64" in write(formula).valid  # the formula in the length alone, found without it
    assert value(formula, {"n": 700, "w": 64}) in (None, square(local(64), 700))


@pytest.mark.parametrize("bend", [lambda n: n // 16, lambda n: max(62, n // 40), lambda n: min(62, 50000 // n * 50)])
def test_a_window_that_follows_the_length_elsewhere_has_no_formula(bend):
    """The width does not change near the compiled length, but it does far from it."""

    def at(n, params):
        return local(max(1, bend(n)))

    assert find_formula(at(1000, {}), 1000, square(at(1000, {}), 1000), {}, at) is None


def test_a_parameter_that_bends_is_kept_as_it_is():
    """min(w, 100): straight around w = 64, so that only far values show it."""

    def at(n, params):
        return local(min(params["w"], 100)) if params["w"] >= 1 else None

    formula = find_formula(local(64), 1000, square(local(64), 1000), {"w": 64}, at)
    assert "w == 64" in write(formula).valid
    assert value(formula, {"n": 500, "w": 64}) == square(local(64), 500)
    assert value(formula, {"n": 500, "w": 300}) is None


def test_fit_finds_the_polynomial_or_says_so():
    draws = random.Random(5)
    points = [tuple(draws.randint(1, 12) for _ in range(3)) for _ in range(60)]
    counts = [x * (x + 1) // 2 * y - 3 * z * z + 7 for x, y, z in points]
    found = fit(points, counts, 3)
    assert [found(point) for point in points] == counts
    assert found((100, 200, 300)) == 5050 * 200 - 3 * 90000 + 7
    assert fit(points, [count + (at == 17) for at, count in enumerate(counts)], 3) is None
    assert fit(points[:5], counts[:5], 3) is None
    assert fit([(x, x) for x in range(40)], list(range(40)), 2) is None


@given(places(depth=3))
def test_refilling_with_its_own_numbers_is_the_relation(place):
    n, relation = place
    shape, slots, numbers = dissect(relation, n)
    again = refill(relation, slots, numbers, n)
    assert (mask(again, n) == mask(relation, n)).all()
    assert dissect(relation, n, slots) == (shape, slots, numbers)
