"""Drawings: their rectangles are exactly the pairs, each in the colour of the first term that has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.budget import Budget
from patternc.algebra.schedule import Branch, Term, sum_of
from patternc.analysis import drawing as drawing_module
from patternc.analysis.drawing import FULL_LEVEL, LEAST_SHARES, draw, merged
from patternc.compiler import compile
from tests.strategies import mask, relations


def covered(rectangles, cells):
    """How many of the rectangles hold each cell, [cells, cells]."""
    times = np.zeros((cells, cells), dtype=np.int64)
    for each in rectangles:
        assert each.height > 0 < each.width
        assert 0 <= each.row <= cells - each.height
        assert 0 <= each.column <= cells - each.width
        times[each.row : each.row + each.height, each.column : each.column + each.width] += 1
    return times


@st.composite
def heads(draw_value, most_tokens):
    """(n, a head of up to three terms, in one branch or, as a sum, in two)."""
    n = draw_value(st.integers(1, most_tokens))
    parts = draw_value(st.lists(relations(n, 2), min_size=1, max_size=3))
    terms = tuple(Term(f"term{k}", part) for k, part in enumerate(parts))
    cut = draw_value(st.integers(0, len(terms) - 1))
    groups = [group for group in (terms[:cut], terms[cut:]) if group]
    return n, sum_of(*(Branch(r.union(*(term.relation for term in group)), group) for group in groups))


@given(heads(30))
def test_every_pair_has_the_colour_of_its_first_term_or_of_what_counts_twice(case):
    n, pattern = case
    drawing = draw(pattern, n, causal=False)
    times = sum(mask(branch.relation, n).astype(int) for branch in pattern.branches)
    twice, left = times > 1, times == 1
    assert drawing.total == times.sum()
    assert drawing.repeated == twice.sum()
    for number, term in [*enumerate(pattern.terms), (None, None)]:
        mine = twice if term is None else left & mask(term.relation, n)
        areas = [area for area in drawing.areas if area.term == number]
        assert len(areas) == mine.any()
        for area in areas:
            assert area.level == FULL_LEVEL
            assert (covered(area.rectangles, n) == mine).all()
        if term is not None:
            assert drawing.pairs[number] == mine.sum()
            left &= ~mine
    assert not left.any()


@given(heads(40), st.sampled_from([4, 7, 16]))
def test_a_coarse_cell_has_the_colour_of_most_of_its_pairs_and_the_level_of_their_share(case, most_cells):
    n, pattern = case
    drawing = draw(pattern, n, causal=False, most_cells=most_cells)
    cells, size = drawing.cells, drawing.cell
    assert cells <= most_cells
    starts = np.arange(cells) * size

    def by_cell(relation):
        return np.add.reduceat(np.add.reduceat(mask(relation, n).astype(int), starts, axis=0), starts, axis=1)

    whole, own = by_cell(pattern.relation), [by_cell(term.relation) for term in pattern.terms]
    excess = sum(by_cell(branch.relation) for branch in pattern.branches) - whole
    extent = np.minimum(size, n - starts)
    total = np.zeros((cells, cells), dtype=np.int64)
    for area in drawing.areas:
        times = covered(area.rectangles, cells)
        assert times.max() == 1
        for row, column in np.argwhere(times):
            share = whole[row, column] / (extent[row] * extent[column])
            assert (area.term is None) == (2 * excess[row, column] >= whole[row, column])
            if area.term is not None:
                assert own[area.term][row, column] == max(each[row, column] for each in own)
            if size > 1:
                assert share >= LEAST_SHARES[area.level]
                assert area.level == FULL_LEVEL or share < LEAST_SHARES[area.level + 1]
        total += times
    assert ((total == 1) == (whole > 0)).all()
    assert total.max(initial=0) <= 1
    assert drawing.total == (whole + excess).sum()


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.booleans(), min_size=n * n, max_size=n * n)))
def test_merged_rectangles_are_disjoint_and_exact(flat):
    side = int(len(flat) ** 0.5)
    cells = np.array(flat).reshape(side, side)
    assert (covered(merged(cells), side) == cells).all()


@pytest.mark.parametrize(
    ("pattern", "rectangles"),
    [("dense", 1), ("columns(8)", 8), ("rows(8)", 8), ("chunk(8)", 8), ("local(back = 3)", 64), ("keys(0..4)", 1)],
)
def test_runs_become_few_rectangles(pattern, rectangles):
    program = compile(f"model m {{ bidirectional tokens 64 allow empty layers 1 {{ all: {pattern} }} }}")
    (area,) = draw(program.pattern(), 64, causal=False).areas
    assert len(area.rectangles) == rectangles


def test_a_million_tokens_are_drawn_by_tiles():
    program = compile("model m { causal tokens 1048576 layers 1 { all: local(4096) | keys(0..8) } }")
    drawing = draw(program.pattern(), 1 << 20, causal=True)
    assert (drawing.cells, drawing.cell) == (128, 8192)
    assert drawing.total == program.report().pairs


@pytest.mark.parametrize(
    "pattern", ["local(100) | stride(64)", "blocks(32, local(3) | random(2))", "columns(96) - past"]
)
def test_cells_are_the_same_whatever_tiles_they_are_counted_on(pattern, monkeypatch):
    found = compile(f"model m {{ bidirectional tokens 9000 layers 1 {{ all: self | {pattern} }} }}").pattern()
    whole = draw(found, 9000, causal=False)
    assert whole.cell == 128
    monkeypatch.setattr(drawing_module, "CHEAP", Budget(mask_bytes=0))
    assert draw(found, 9000, causal=False) == whole


def test_a_million_tokens_in_random_blocks_have_a_picture():
    text = "model m { bidirectional tokens 1048576 layers 1 { all: blocks(64, local(3) | global(0) | random(3)) } }"
    found = draw(compile(text).pattern(), 1 << 20, causal=False)
    blocks = 1 << 14
    assert found.total % 4096 == 0
    assert 2 * blocks + 4 * blocks <= found.total // 4096 <= 2 * blocks + 6 * blocks


def test_a_million_tokens_of_a_stride_have_a_picture():
    text = "model m { causal tokens 1048576 layers 1 { all: local(128) | stride(128) } }"
    assert draw(compile(text).pattern(), 1 << 20, causal=True).total == 4_428_652_608
