"""Choosing parameters: held against trying everything, with masks that `holds` makes and nothing of the analysis."""

import dataclasses
import json
from importlib.resources import files
from itertools import product

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import patternc
from patternc.analysis.design_json import to_json
from patternc.analysis.stages import listening
from patternc.codegen.explain import predicted
from patternc.compiler import analyse
from patternc.designer import explore, nothing_meets
from tests.strategies import mask

SCHEMA = json.loads(files("patternc.analysis").joinpath("design.schema.json").read_text())
SPARSE = """
param k = 16..1024
model sparse {
    causal
    tokens 16384
    heads 2
    layers 4 { all: local(k) | stride(k) }
}
expect connected within 2 layers
"""


# -- trying everything ------------------------------------------------------------------------------------------------


def depth_of(masks, causal):
    n = masks[0].shape[0]
    target = np.tril(np.ones((n, n), dtype=bool)) if causal else np.ones((n, n), dtype=bool)
    reached = np.eye(n, dtype=bool)
    for depth, layer in enumerate(masks, start=1):
        reached = ((layer | np.eye(n, dtype=bool)).astype(int) @ reached.astype(int)) > 0
        if reached[target].all():
            return depth
    return float("inf")


def cache_of(masks):
    """The largest number, over steps i and layers, of keys j <= i that a query at or after i attends."""
    n = masks[0].shape[0]
    return max(int((layer[i:, : i + 1].any(axis=0)).sum()) for layer in masks for i in range(n))


def figures_of(text, chosen, tokens, causal):
    """The objectives of one choice, and whether it is legal; None where it is an error."""
    try:
        program, _ = analyse(text, params=chosen)
    except patternc.PatternError:
        return None
    schedule = program.schedule
    masks = [mask(schedule.pattern(layer, 0).relation, tokens) for layer in range(schedule.layers)]
    if not all(each.any(axis=1).all() for each in masks):
        return None
    return {
        "pairs": int(sum(each.sum() for each in masks)),
        "depth": depth_of(masks, causal),
        "cache": cache_of(masks),
        "time": float(predicted(program.figures).forward),
    }


def frontier_of(figures, first, second):
    """The choices that no other beats in one objective without losing in the other, the earliest of equal ones."""
    found = []
    for chosen, each in sorted(figures.items(), key=lambda item: (item[1][first], item[0])):
        value = each[first], each[second]
        beaten = any(
            (other[first], other[second]) != value and other[first] <= value[0] and other[second] <= value[1]
            for other in figures.values()
        )
        if not beaten and value not in [(figures[one][first], figures[one][second]) for one in found]:
            found.append(chosen)
    return found


PATTERNS = [
    ("local(k) | stride(k)", {"k": "1..{n}"}),
    ("local(w) | stride(k)", {"w": "[1, 2, 4]", "k": "2..7"}),
    ("local(k)", {"k": "0..{n}"}),
    ("chunk(k) | columns(k, last = c)", {"k": "2..9", "c": "1..3"}),
    ("local(2) | keys(0..k)", {"k": "0..5"}),
    ("blocks(k, local(2) | keys(0))", {"k": "1..8"}),
    ("self | stride(k, at = 1)", {"k": "1..6"}),
    ("local(2) | random(k, seed = 3)", {"k": "0..4"}),
]
EXPECTATIONS = [
    ("connected", lambda figures, layers, n: figures["depth"] <= layers),
    ("connected within 1 layers", lambda figures, layers, n: figures["depth"] <= 1),
    ("cache <= n // 2", lambda figures, layers, n: figures["cache"] <= n // 2),
    ("pairs(0) <= 5 * n", lambda figures, layers, n: figures["pairs"] <= 5 * n * layers),
]


@given(
    st.sampled_from(PATTERNS),
    st.sets(st.sampled_from(EXPECTATIONS), max_size=2),
    st.sampled_from(["causal", "bidirectional"]),
    st.integers(4, 24),
    st.integers(1, 3),
    st.permutations(["pairs", "depth", "cache", "time"]),
)
def test_the_frontier_is_that_of_trying_everything(pattern, expected, direction, n, layers, objectives):
    written, lists = pattern
    first, second, *_ = objectives
    lists = {name: numbers.format(n=n) for name, numbers in lists.items()}
    text = "\n".join(
        [
            *(f"param {name} = {numbers}" for name, numbers in lists.items()),
            f"model m {{ {direction} tokens {n} layers {layers} {{ all: {written} }} }}",
        ]
    )
    found = explore(text + "".join(f"\nexpect {each}" for each, _ in expected), minimise=(first, second))
    names = [name for name, _ in found.lists]
    figures = {
        tuple(zip(names, values, strict=True)): figures_of(
            text, dict(zip(names, values, strict=True)), n, direction == "causal"
        )
        for values in product(*(numbers for _, numbers in found.lists))
    }
    feasible = {
        chosen: each
        for chosen, each in figures.items()
        if each is not None and all(holds(each, layers, n) for _, holds in expected)
    }
    assert found.choices == len(figures)
    assert [point.chosen for point in found.frontier] == frontier_of(feasible, first, second)
    for point in found.frontier:
        each = figures[point.chosen]
        assert (point.pairs, point.cache) == (each["pairs"], each["cache"])
        assert (point.depth or float("inf")) == each["depth"]
        assert point.forward_seconds == each["time"]
    assert (found.best is None) == (not feasible)
    jsonschema.validate(to_json(found), SCHEMA)
    if found.best is None:
        assert nothing_meets(found).code == "PA607"
        legal = [each for each in figures.values() if each is not None]
        counts = {each.text: each.count for each in found.excluded}
        for what, holds in expected:
            assert counts.get(what, 0) == sum(not holds(each, layers, n) for each in legal)


# -- what is known ----------------------------------------------------------------------------------------------------


def test_the_best_stride_of_the_sparse_transformer():
    """Least of k q (q - 1) / 2 + k q w + q r + r w - w (w - 1) / 2 with w = k: near the root of n / 2."""

    def pairs(k, n=16384):
        q, r = divmod(n, k)
        return k * q * (q - 1) // 2 + k * q * k + q * r + r * k - k * (k - 1) // 2

    found = patternc.design(SPARSE)
    least = min(range(16, 1024), key=pairs)
    assert found.best.chosen == (("k", least),) == (("k", 91),)
    assert abs(least**2 - 16384 / 2) < 200
    assert found.best.pairs == 8 * pairs(least)
    assert (found.best.depth, found.proof.here.depth) == (2, 2)
    assert found.frontier == (found.best,)
    assert (found.choices, found.judged) == (1008, 1)
    assert found.by_formula > 1000


def test_pairs_against_depth():
    text = "param w = 1..64\nmodel m { causal tokens 64 layers 4 { all: local(w) } }\nexpect connected"
    found = patternc.design(text)
    # local(w) connects n tokens in L layers iff n <= L (w - 1) + 1
    assert [(dict(each.chosen)["w"], each.depth) for each in found.frontier] == [(17, 4), (22, 3), (33, 2)]
    assert patternc.design(text.replace("1..64", "1..65")).frontier[-1].depth == 1


def test_what_is_not_known_is_not_feasible_and_said():
    text = "param r = 1..4\nmodel m { causal tokens 64 layers 1 { all: self | random(r) } }\nexpect order n"
    with pytest.raises(patternc.PatternError) as caught:
        patternc.design(text)
    (error,) = caught.value.diagnostics
    assert error.code == "PA607"
    found = explore(text)
    assert [(each.text, each.count) for each in found.excluded] == [("order n (not known)", 3)]


def test_mistakes_that_every_choice_has_are_those_of_the_program():
    text = "param k = 1..9\nmodel m { causal tokens 64 layers 2 { 0: local(k) } }"
    with pytest.raises(patternc.PatternError) as caught:
        patternc.design(text)
    assert [each.code for each in caught.value.diagnostics] == ["PA501"]


def test_numbers_from_outside():
    text = SPARSE.replace("16..1024", "128")
    for given_ in (range(64, 128), "64..128", [*range(64, 128)], np.arange(64, 128)):
        found = patternc.design(text, params={"k": given_}, tokens=4096)
        assert found.best.chosen == (("k", 64),)
    assert patternc.compile(text, tokens=4096, params=dict(found.best.chosen)).facts.counts.total == found.best.pairs


def test_the_value_is_frozen():
    found = patternc.design(SPARSE, tokens=1024, params={"k": "16..64"})
    for value in (found, found.best, found.tried[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, dataclasses.fields(value)[0].name, 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"minimise": "depth pairs"}, "what can be minimised"),
        ({"minimise": ("pairs", "pairs")}, "two different ones"),
        ({"minimise": ()}, "minimise one thing"),
        ({"minimise": ("pairs", "time", "cache")}, "two different ones"),
        ({"minimise": "time", "target": "cpu"}, "no predictions of time for cpu"),
        ({"target": "tpu"}, "target is cpu or cuda"),
    ],
)
def test_arguments_there_are_none_of(arguments, error):
    with pytest.raises(ValueError, match=error):
        patternc.design(SPARSE, **arguments)


def test_without_predictions_all_else_is_found():
    found = patternc.design(SPARSE, tokens=1024, target="cpu", minimise="cache")
    assert found.best.forward_seconds is None
    assert found.device is None


def test_an_end_of_the_search_leaves_what_was_found():
    """KeyboardInterrupt after the frontier's first point; without anyone looking on it is raised as ever."""
    text = "param w = 1..64\nmodel m { causal tokens 64 layers 4 { all: local(w) } }\nexpect connected"

    def interrupt(stage):
        if stage == "judging 20 of 63 choices":
            raise KeyboardInterrupt

    with listening(interrupt):
        found = explore(text, partial=True)
        with pytest.raises(KeyboardInterrupt):
            patternc.design(text)
    assert found.interrupted
    assert [dict(each.chosen)["w"] for each in found.frontier] == [17]
    assert len(found.tried) == 63
