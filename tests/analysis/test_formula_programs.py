"""Formulas of programs with parameters: none is wrong at any small length and parameters in the region it claims."""

import os
import random
import re

import numpy as np
import pytest

from patternc.algebra.evaluate import multiplicities
from patternc.analysis.expression import value, write
from patternc.compiler import analyse
from patternc.diagnostics import PatternError
from patternc.source import Source

LONG = os.environ.get("PATTERNC_LONG") == "1"
ROUNDS, POINTS = (2, 500) if LONG else (1, 200)
MOST_TOKENS = 40
OUT_OF_RANGE = {"PA401", "PA407"}

PATTERNS = [
    ("causal", "local(w)"),
    ("bidirectional", "local(w)"),
    ("bidirectional", "local(w, dilation = k)"),
    ("causal", "local(w) | stride(k)"),
    ("causal", "stride(k, at = c)"),
    ("causal", "columns(k, at = c)"),
    ("bidirectional", "columns(k, at = c) | self"),
    ("causal", "columns(k, last = c) | chunk(k)"),
    ("bidirectional", "local(w) | keys([0, -1])"),
    ("bidirectional", "local(w) | global([0, -1])"),
    ("bidirectional", "blocks(1, local(w)) | keys([0, -1])"),
    ("causal", "local(back = w) - keys([0, -1])"),
    ("bidirectional", "(self | local(k)) - local(2) | keys([0, -1])"),
    ("causal", "keys(-c..n) - keys([0, -1])"),
    ("bidirectional", "keys(-c..n) & blocks(k, local(w))"),
    ("causal", "keys(0..c) | local(w)"),
    ("bidirectional", "keys(0..c) | chunk(k)"),
    ("bidirectional", "queries(0..c) | local(w)"),
    ("bidirectional", "neighborhood(w)"),
    ("causal", "neighborhood(w)"),
    ("bidirectional", "neighborhood(w, group = k)"),
    ("causal", "dense - stride(k)"),
    ("causal", "dense - local(w)"),
    ("causal", "chunk(k) - local(w)"),
    ("bidirectional", "chunk(k) & local(w)"),
    ("causal", "chunk(w) | local(k) | keys(0..c)"),
    ("causal", "blocks(k, local(w))"),
    ("bidirectional", "blocks(k, local(w) | global([0]))"),
    ("bidirectional", "blocks(k, local(w)) & within(k, local(c))"),
    ("causal", "slice(c..n, chunk(k)) | keys(0..c)"),
    ("bidirectional", "slice(c..n, local(w)) | self"),
    ("bidirectional", "slice(0..-c, local(w)) | self"),
    ("causal", "local(w) + stride(k)"),
    ("causal", "local(w) | local(c, dilation = k)"),
]


def program(direction, pattern, tokens, params):
    source = "".join(f"param {name} = {number}\n" for name, number in params.items())
    source += f"model m {{ {direction} tokens {tokens} layers 1 {{ all: {pattern} }} allow empty }}\n"
    try:
        return analyse(Source("m", source))[0]
    except PatternError as refused:
        if {each.code for each in refused.diagnostics} <= OUT_OF_RANGE:
            return None
        raise


def drawn(pattern, draws, most):
    return {name: draws.randint(1, most) for name in "wkc" if re.search(rf"\b{name}\b", pattern)}


def pairs_of(schedule):
    at = np.arange(schedule.tokens)
    return multiplicities(schedule.pattern(0, 0).relations, at[:, None], at[None, :], schedule.tokens).sum()


@pytest.mark.parametrize(("direction", "pattern"), PATTERNS)
def test_no_formula_of_a_program_is_wrong(direction, pattern):
    draws = random.Random(pattern)
    for most in (9, 4) * ROUNDS:
        made = None
        while made is None:
            params, tokens = drawn(pattern, draws, most), draws.randint(8, 70)
            made = program(direction, pattern, tokens, params)
        formula = made.facts.formula
        if formula is None:
            continue
        assert value(formula, {"n": tokens, **params}) == made.facts.counts.total
        for _ in range(POINTS):
            length, others = draws.randint(1, MOST_TOKENS), drawn(pattern, draws, 9)
            said = value(formula, {"n": length, **others})
            schedule = None if said is None else made.facts.origin.at(length, others)
            if schedule is not None:
                assert said == pairs_of(schedule), (tokens, params, length, others)


@pytest.mark.parametrize(
    ("pattern", "params", "valid"),
    [
        ("local(w) | keys([0, -1])", {"w": 5}, ("n >= h + 1",)),
        ("neighborhood(w)", {"w": 4}, ("n >= 4", "w == 4")),
        ("keys(-c..n) | local(w * k)", {"c": 1, "w": 2, "k": 4}, ("n >= 7", "c == 1", "k == 4", "w == 2")),
        (
            "blocks(k, local(w)) & within(k, local(c))",
            {"w": 3, "k": 2, "c": 4},
            ("n >= 2", "n >= 2*h", "c == 4", "k == 2"),
        ),
    ],
)
def test_what_is_claimed_ends_where_it_should(pattern, params, valid):
    made = program("bidirectional", pattern, 40, params)
    assert write(made.facts.formula).valid == valid
