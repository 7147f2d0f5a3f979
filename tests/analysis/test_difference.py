"""Differences of masks: counts and first pairs against the definition, and the JSON against its schema."""

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra.relation import union
from patternc.analysis.difference import Recounted, shared
from patternc.analysis.difference_json import to_json
from patternc.compiler import analyse
from tests.strategies import mask, places, relations

SCHEMA = json.loads(files("patternc.analysis").joinpath("difference.schema.json").read_text())


@st.composite
def two(draw):
    """Two sums; now and then with the same branches, or with the union of the other's."""
    n, relation = draw(places(max_tokens=40))
    some, others = st.lists(relations(n), max_size=2), st.lists(relations(n), min_size=1, max_size=3)
    a = [relation, *draw(some)]
    b = draw(some.map(lambda more: [*reversed(a), *more]) | st.just([union(*a)]) | others)
    return n, a, b


def first(pairs):
    return None if not pairs.any() else tuple(int(each) for each in np.argwhere(pairs)[0])


@given(two())
def test_what_two_sums_share(case):
    n, a, b = case
    left, right = (sum(mask(branch, n).astype(int) for branch in branches) for branches in (a, b))
    found = shared(a, b, n)
    only_a, only_b = (left > 0) & (right == 0), (right > 0) & (left == 0)
    other = (left > 0) & (right > 0) & (left != right)
    assert found.both == ((left > 0) & (right > 0)).sum()
    assert (found.only_a, found.only_b, found.recounted) == (only_a.sum(), only_b.sum(), other.sum())
    assert (found.first_only_a, found.first_only_b) == (first(only_a), first(only_b))
    if found.first_recounted is None:
        assert not other.any()
    else:
        at = found.first_recounted.pair
        assert at == first(other)
        assert (found.first_recounted.a, found.first_recounted.b) == (left[at], right[at])
    assert found.same_pairs == bool(((left > 0) == (right > 0)).all())
    assert found.equal == bool((left == right).all())


def program(layers, settings="causal tokens 96 heads 4", before="", **options):
    return analyse(f"{before}\nmodel m {{ {settings} layers {layers} }}", **options)[0]


def test_a_long_sequence_takes_no_square_of_it():
    n = 1 << 18
    a = program("1 { all: local(64) | stride(512) }", f"causal tokens {n}")
    b = program("1 { all: local(65) | stride(512) }", f"causal tokens {n}")
    (group,) = a.diff(b).groups
    # distance 64 is in no stride of 512: one more pair for each query from 64 on
    assert (group.shared.only_a, group.shared.only_b) == (0, n - 64)
    assert group.shared.first_only_b == (64, 0)
    assert group.shared.both == a.diff(a).a.pairs


BASE = "3 { 0: dense  rest: heads { even: local(8)  odd: stride(4) | self } }"


def test_places_that_are_alike_are_one_group():
    other = "3 { 0: dense  rest: heads { even: local(9)  odd: self | stride(4) } }"
    found = program(BASE).diff(program(other))
    assert not found.equal
    assert [(group.layers, group.heads, group.shared.equal) for group in found.groups] == [
        ((0,), (0, 1, 2, 3), True),
        ((1, 2), (0, 2), False),
        ((1, 2), (1, 3), True),
    ]
    assert found.groups[1].shared.first_only_b == (8, 0)
    assert found.settings == ()


def test_equal_masks_written_in_other_words():
    assert program(BASE).diff(program("3 { 0: past  rest: heads { even: local(8) & dense  odd: stride(4) } }")).equal


def test_a_sum_is_not_the_union():
    """The two have the same pairs; the window's keys that a stride has are counted twice by one of them."""
    n = 1 << 18
    a = program("1 { all: local(64) + stride(16) }", f"causal tokens {n}")
    b = program("1 { all: local(64) | stride(16) }", f"causal tokens {n}")
    found = a.diff(b)
    (group,) = found.groups
    assert not found.equal
    assert group.shared.same_pairs
    # distances 0, 16, 32 and 48
    assert group.shared.recounted == 4 * n - (16 + 32 + 48)
    assert group.shared.first_recounted == Recounted((0, 0), 2, 1)
    assert group.shared.recounted == found.a.pairs - found.b.pairs


def test_branches_in_another_order_are_the_same_sum():
    a = program("1 { all: local(8) + stride(4) + self + self }")
    assert a.diff(program("1 { all: self + stride(4) + self + local(8) }")).equal
    found = a.diff(program("1 { all: self + stride(4) + local(8) }"))
    assert not found.equal
    (group,) = found.groups
    assert (group.shared.recounted, group.shared.first_recounted) == (96, Recounted((0, 0), 4, 3))


def test_models_of_other_sizes():
    small = "causal tokens 96 heads 2"
    found = program("2 { all: local(8) }", small).diff(program("3 { all: local(8) }", small.replace("2", "4")))
    assert not found.equal
    assert [(group.layers, group.heads, group.shared.equal) for group in found.groups] == [((0, 1), (0, 1), True)]
    assert {each.name: (each.a, each.b) for each in found.settings} == {
        "layers": (2, 3),
        "heads": (2, 4),
        "kv_heads": (2, 4),
    }
    longer = program("2 { all: local(8) }", "causal tokens 128 heads 2")
    found = program("2 { all: local(8) }", small).diff(longer)
    assert (found.comparable, found.equal, found.groups) == (False, False, ())
    assert program("2 { all: local(8) }", small).diff(program("2 { all: local(8) }", small, tokens=96)).equal


def test_settings_and_parameters_that_differ():
    before = "param w = 8"
    a = program("1 { all: local(w) }", "causal tokens 64", before)
    b = program("1 { all: local(w) }", "bidirectional tokens 64 head_dim 32 allow empty", before, params={"w": 9})
    found = a.diff(b)
    assert {each.name: (each.a, each.b) for each in found.settings} == {
        "causal": (True, False),
        "head_dim": (None, 32),
        "allow empty": (False, True),
        "param w": (8, 9),
    }
    assert found.b.pairs == int(b.mask().sum())


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (program(BASE), program(BASE)),
        (program(BASE), program("2 { all: random(3) | self }")),
        (program("1 { all: local(8) + self }"), program("1 { all: local(8) }")),
        (program(BASE), program("2 { all: dense }", "bidirectional tokens 64 head_dim 16", target="cpu")),
    ],
)
def test_json_fits_the_schema(a, b):
    data = json.loads(json.dumps(to_json(a.diff(b))))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    for wrong in ({**data, "extra": 1}, {key: data[key] for key in data if key != "groups"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA, cls=jsonschema.Draft202012Validator)
