"""Proofs for every length: known facts, and conditions against all lengths.

The oracle is the elaborated program at one length after another: its masks, and their composition by matrix products.
"""

import re
from math import floor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from patternc.analysis.proof import NoProof, Proof
from patternc.analysis.prove import prove
from patternc.compiler import analyse, check
from tests.analysis.written import checked, leaves, masks, patterns
from tests.conftest import LONG


def proof(layers, head="", causal=True, tokens=512, depth=None):
    """The proof of a model of `layers`: its entries, or, with `depth`, the pattern of all of them."""
    direction = "causal" if causal else "bidirectional"
    body = layers if depth is None else f"{depth} {{ all: {layers} }}"
    found = check(f"{head}\nmodel m {{ {direction} tokens {tokens} layers {body} }}")
    assert found.elaborated is not None
    assert found.elaborated.schedule is not None, found.diagnostics
    return prove(found.program, found.elaborated)


# -- facts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_a_window_is_incomplete_from_a_known_length_on(depth):
    found = proof("local(w)", "param w = 7", depth=depth)
    assert found.here.depth is None
    assert not found.here.never
    assert found.here.incomplete == f"n >= {depth * 6 + 2}"
    assert found.general.symbols == ("w",)
    assert found.general.incomplete == {1: "n >= w + 1", 2: "n >= 2 w", 3: "n >= 3 w - 1", 6: "n >= 6 w - 4"}[depth]
    assert [(pair.query, pair.key) for pair in found.here.missing] == [(str(depth * 6 + 1), "0")]


def test_a_window_and_a_stride_of_its_width_are_complete_in_two_layers():
    for layers in ("2 { all: local(k) | stride(k) }", "2 { 0: local(k) 1: stride(k) }"):
        found = proof(layers, "param k = 128")
        assert (found.here.depth, found.general.depth, found.general.symbols) == (2, 2, ("k",))


def test_a_narrower_window_needs_a_third_layer_from_a_known_length_on():
    pattern = "local(96) | stride(128)"
    found = proof(pattern, depth=2)
    assert found.here.incomplete == "n >= 225"
    assert [(pair.query, pair.key) for pair in found.here.missing] == [("224", "0")]
    assert proof(pattern, depth=3).here.depth == 3


def test_summary_columns_are_complete_in_two_layers_for_all_parameters():
    found = proof("chunk(k) | columns(k, last = c)", "param k = 128\nparam c = 8", depth=4)
    assert (found.here.depth, found.general.depth) == (2, 2)
    assert found.general.symbols == ("k", "c")
    assert found.general.assumes == "c >= 1 and k >= c"


def test_the_order_of_the_layers_matters():
    """The last layer goes to the summaries of other chunks, the first one from there to all of a chunk: not back."""
    chunks, summaries = "chunk(k)", "columns(k, last = 1)"
    found = proof(f"2 {{ 0: {chunks} 1: {summaries} }}", "param k = 128")
    assert (found.here.depth, found.general.depth) == (2, 2)
    found = proof(f"2 {{ 0: {summaries} 1: {chunks} }}", "param k = 128")
    assert found.here.incomplete == "n >= 129"
    assert [(pair.query, pair.key) for pair in found.here.missing] == [("128", "0")]


def test_sinks_do_not_extend_the_reach_of_a_window():
    found = proof("local(w) | keys(0..g)", "param w = 8\nparam g = 2", depth=3)
    assert found.here.incomplete == "n >= 25"
    assert found.general.incomplete == "n >= g + 3 w - 1"
    assert [(pair.query, pair.key) for pair in found.general.missing] == [("g + 3 w - 2", "g")]


def test_chunks_alone_never_connect():
    found = proof("chunk(128)", depth=2)
    assert found.here.incomplete == "n >= 129"
    assert found.here.never
    assert not proof("local(128)", depth=2).here.never


def test_hubs_connect_everything_in_two_layers():
    found = proof("local(back = h, ahead = h) | global(0..g)", "param h = 8\nparam g = 2", causal=False, depth=2)
    assert (found.here.depth, found.general.depth) == (2, 2)
    assert found.general.assumes == "g >= 1 and h >= 1"


def test_random_keys_are_left_out_where_they_are_not_needed():
    bigbird = "blocks(b, local(3) | global([0, -1]) | random(3))"
    found = proof(bigbird, "param b = 16", causal=False, depth=2)
    assert (found.here.depth, found.undrawn) == (2, True)
    assert found.general.symbols == ("b",)
    assert isinstance(proof("local(8) | random(3)", depth=2), NoProof)
    assert isinstance(proof("dense - random(3)", causal=False, depth=2), NoProof)


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ("2 { all: local(isqrt(n)) }", "the argument of `isqrt` is symbolic"),
        ("2 { all: stride(n // 4) | self }", "the distance of `stride` is symbolic"),
        ("n // 100 { all: dense }", "which layer has which pattern depends on n"),
        ("8 { all: diagonals([0, powers(2)]) }", "takes more than"),
    ],
)
def test_what_has_no_proof_says_why(layers, reason):
    found = proof(layers)
    assert isinstance(found, NoProof)
    assert reason in found.reason


def test_the_quota_decides_alone_and_every_time_alike():
    found = check("param k = 128\nparam w = 96\nmodel m { causal tokens 512 layers 3 { all: local(w) | stride(k) } }")
    answers = [[prove(found.program, found.elaborated, quota) for _ in range(2)] for quota in (10, 3000, 100_000)]
    assert all(first == second for first, second in answers)
    assert isinstance(answers[0][0], NoProof)
    assert isinstance(answers[2][0], Proof)


# -- conditions against every length ----------------------------------------------------------------------------------


def incomplete(found, length, depth, causal, params=None):
    """Whether `depth` layers leave a pair of the target at a length; None: no program."""
    left = unreached(found, length, depth, causal, params)
    return None if left is None else bool(left.any())


def first_missing(found, length, depth, causal):
    query, key = np.argwhere(unreached(found, length, depth, causal))[0]
    return int(query), int(key)


def unreached(found, length, depth, causal, params=None):
    """The pairs [n, n] of the target that `depth` layers leave: by products of matrices; None: no program."""
    steps = masks(found, length, params)
    if steps is None:
        return None
    reached = np.eye(length, dtype=bool)
    for layer in range(depth):
        step = steps[layer % len(steps)] | np.eye(length, dtype=bool)
        reached = (step.astype(int) @ reached.astype(int)) > 0
    target = np.tril(np.ones((length, length), dtype=bool), 0 if causal else length)
    return target & ~reached


def holds_at(condition, **values):
    """Whether the text of a condition holds, read as Python; None where it is in isl's own words."""
    if "exists" in condition:
        return None
    text = re.sub(r"(\d),(\d)", r"\1\2", condition)
    text = re.sub(r"(\d) ([a-z(])(?!nd|r )", r"\1*\2", text)
    text = re.sub(r"(?<![<>=])=", "==", text).replace(" mod ", " % ")
    return eval(text, {"floor": floor}, values)  # the text is our own


@settings(max_examples=200 if LONG else 25)
@given(patterns(leaves(), depth=1), st.booleans(), st.integers(1, 3))
def test_a_statement_holds_at_every_length_that_is_tried(pattern, causal, layers):
    found = checked(pattern, causal, 24, layers=layers)
    assume(found is not None)
    answer = prove(found.program, found.elaborated)
    if isinstance(answer, NoProof):
        return
    here = answer.here
    for length in range(1, 24):
        if here.assumes and not holds_at(here.assumes, n=length):
            continue
        if here.depth is not None:
            assert incomplete(found, length, here.depth, causal) in (False, None)
            continue
        expected = incomplete(found, length, layers, causal)
        said = holds_at(here.incomplete or "True", n=length)
        assert expected is None or said is None or said == expected, (length, here)
        if here.never and expected:
            assert incomplete(found, length, 3 * length, causal)
    if here.at_hand is not None and not answer.undrawn:
        left = incomplete(found, 24, here.at_hand.depth or layers, causal)
        assert left == (here.at_hand.missing is not None)
        assert here.at_hand.depth in (None, 1) or incomplete(found, 24, here.at_hand.depth - 1, causal)
        if left:
            assert here.at_hand.missing == first_missing(found, 24, layers, causal)
    if here.depth is not None and here.depth > 1:
        assert any(incomplete(found, length, here.depth - 1, causal) for length in range(1, 64))


@settings(max_examples=100 if LONG else 15)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 8), st.integers(1, 40), st.integers(1, 2))
def test_general_statements_hold_for_other_parameters(w, k, c, length, layers):
    for pattern in (
        "local(w) | stride(k)",
        "chunk(k) | columns(k, last = c)",
        "local(w) | keys(0..c)",
        "local(w)",
        "diagonals(-c..c) | stride(k)",
        "diagonals(0..w) | stride(k)",
        "keys(0..c) | stride(k)",
    ):
        found = checked(pattern, True, 64, head="param w = 3\nparam k = 8\nparam c = 2", layers=layers)
        general = prove(found.program, found.elaborated).general
        values = {"w": w, "k": k, "c": c, "n": length, "q": length // k, "r": length % k}
        if general.assumes and not holds_at(general.assumes, **values):
            continue
        depth = layers if general.depth is None else general.depth
        expected = incomplete(found, length, depth, True, {"w": w, "k": k, "c": c})
        said = False if general.depth is not None else holds_at(general.incomplete or "True", **values)
        assert said == expected, (pattern, general, values)


def test_a_proof_answers_at_a_length_that_is_too_long_to_be_followed():
    """Two coprime moduli at a million tokens: no period, no blocks, too long to sweep."""
    made, _ = analyse("model m { causal tokens 1048576 layers 3 { all: chunk(1000) | columns(777) } }")
    reach = made.facts.reach
    assert (reach.complete, reach.exact, reach.missing) == (False, True, (1000, 778))
    assert reach.method == "a proof for every length"
