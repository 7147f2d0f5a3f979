"""neighborhood: the window that shifts inward, against the formula evaluated pair by pair.

The masks that NATTEN itself made are in `tests/conformance`.
"""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.elaborate import elaborate
from patternc.algebra.evaluate import evaluate
from patternc.algebra.holds import holds
from patternc.compiler import check
from tests.grammar.front import codes, model, program_of, relation_of, schedule_of


def direct(n, width, dilation=1, group=1, causal=False):
    """The mask by the formula of NATTEN's documentation, a class shorter than the width seen whole."""

    def sees(i, j):
        if i % dilation != j % dilation:
            return False
        place, other = i // dilation, j // dilation
        members = len(range(i % dilation, n, dilation))
        if causal:
            leader = min(place // group * group + group - 1, members - 1)
            return max(0, leader - width + 1) <= other <= place
        leader = min(place // group * group + group // 2, members - 1)
        start = max(0, min(leader - width // 2, members - width))
        return start <= other < start + width

    return np.array([[sees(i, j) for j in range(n)] for i in range(n)])


def mask_of(relation, n):
    positions = np.arange(n)
    return evaluate(relation, positions[:, None], positions[None, :], n)


def written(width, dilation=1, group=1, causal=False):
    direction = "causal" if causal else "bidirectional"
    return f"neighborhood({width}, dilation = {dilation}, group = {group}, {direction})"


@st.composite
def neighborhoods(draw):
    """(n, width, dilation, group, causal), ends and uneven classes within reach of each other."""
    n = draw(st.integers(1, 48))
    width = draw(st.integers(1, n + 2) | st.integers(1, 5))
    dilation = draw(st.integers(1, n + 2) | st.integers(1, 4))
    group = draw(st.just(1) | st.integers(1, width))
    return n, width, dilation, group, draw(st.booleans())


@given(neighborhoods())
@example((20, 3, 3, 2, False))  # the longer classes end with a group of one
@example((20, 3, 3, 2, True))
@example((23, 5, 4, 5, False))
def test_any_neighborhood_is_the_formula(case):
    n, *numbers = case
    relation = relation_of(written(*numbers), n, "bidirectional")
    assert np.array_equal(mask_of(relation, n), direct(n, *numbers))


@given(neighborhoods())
def test_every_query_sees_exactly_the_width_or_its_whole_class(case):
    n, width, dilation, group, _ = case
    mask = mask_of(relation_of(written(width, dilation, group), n, "bidirectional"), n)
    members = np.array([len(range(i % dilation, n, dilation)) for i in range(n)])
    assert np.array_equal(mask.sum(1), np.minimum(members, width))


@pytest.mark.parametrize(
    "axes",
    [
        [(3, 1, 1, False), (3, 1, 1, False), (3, 1, 1, False)],
        [(2, 1, 2, True), (3, 2, 1, False), (4, 1, 3, False)],
        [(5, 1, 1, False), (2, 2, 1, True), (3, 1, 1, False)],
    ],
)
def test_three_axes_nest_once_more(axes):
    lengths = (4, 6, 5)
    plane = lengths[1] * lengths[2]
    inner = f"blocks({lengths[2]}, {written(*axes[1])}) & within({lengths[2]}, {written(*axes[2])})"
    text = f"blocks({plane}, {written(*axes[0])}) & within({plane}, {inner})"
    wanted = np.ones((1, 1), dtype=bool)
    for length, numbers in zip(lengths, axes, strict=True):
        wanted = np.kron(wanted, direct(length, *numbers))
    assert np.array_equal(mask_of(relation_of(text, prod(lengths), "bidirectional"), prod(lengths)), wanted)


def test_the_plain_ones_are_a_band_and_two_corners():
    assert relation_of("neighborhood(7)", 64, "bidirectional") == r.union(
        r.Band(-3, 3),
        r.intersection(r.Queries(((0, 3),)), r.Keys(((0, 7),))),
        r.intersection(r.Queries(((61, 64),)), r.Keys(((57, 64),))),
    )
    assert relation_of("neighborhood(7)", 64) == r.Band(0, 6)
    assert relation_of("neighborhood(7, dilation = 4)", 64) == r.Band(0, 24, 4)
    assert relation_of("neighborhood(1)", 64, "bidirectional") == r.Band(0, 0)
    assert relation_of("neighborhood(16, dilation = 4)", 64, "bidirectional") == r.Residue(4, (0,))
    assert relation_of("neighborhood(64)", 64, "bidirectional") == r.FULL


def test_direction():
    two_sided = direct(24, 5)
    past = np.tri(24, dtype=bool)
    assert np.array_equal(mask_of(relation_of("neighborhood(5, bidirectional)", 24), 24), two_sided & past)
    assert relation_of("neighborhood(5, causal)", 24, "bidirectional") == relation_of("neighborhood(5)", 24)
    # `within` does not hand the direction on, `blocks` and `slice` do
    assert relation_of("within(8, neighborhood(3))", 24) == r.intersection(
        r.PAST, r.Within(8, relation_of("neighborhood(3)", 8, "bidirectional"))
    )
    assert relation_of("blocks(3, neighborhood(3))", 24) == r.intersection(r.PAST, r.Blocks(3, r.Band(0, 2)))


def test_lengths_that_a_lift_cuts_short():
    for pattern in (
        "blocks(5, neighborhood(3))",
        "within(5, neighborhood(3))",
        "blocks(4, blocks(5, neighborhood(3)))",
    ):
        assert codes(model(pattern, 24)) == ["PA413"]
    assert codes(model("blocks(6, within(3, neighborhood(2)))", 24)) == ["PA413"]
    assert codes(model("blocks(5, slice(0..4, neighborhood(3)))", 24)) == ["PA413"]
    assert codes(model("blocks(4, blocks(3, neighborhood(2)))", 24)) == []
    assert codes(model("slice(1..24, neighborhood(3)) | slice(4..24, blocks(5, neighborhood(3)))", 24)) == []
    assert check("pattern p = blocks(5, neighborhood(3))", needs_model=False).diagnostics == ()  # another length may do
    another = elaborate(program_of(model("blocks(4, neighborhood(3))", 24)), tokens=30, clip_ids=True)
    assert [each.code for each in another.diagnostics] == ["PA413"]


def test_the_text_of_a_head_is_what_was_written():
    text = "neighborhood(7, dilation = 2, group = 3, bidirectional)"
    assert schedule_of(model(text, 64)).pattern(0, 0).text == text


@pytest.mark.parametrize(("width", "dilation"), list(product((1, 4, 5), (1, 3))))
def test_holds_agrees(width, dilation):
    relation = relation_of(written(width, dilation), 17, "bidirectional")
    by_definition = np.array([[holds(relation, i, j, 17) for j in range(17)] for i in range(17)])
    assert np.array_equal(by_definition, direct(17, width, dilation))
