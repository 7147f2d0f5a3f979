"""The page and the picture in the terminal: what they must say, at any width, and that nothing is lost on the way."""

import re

import numpy as np
import pytest

from patternc.algebra import relation as r
from patternc.analysis.picture import block_density
from patternc.analysis.report_program import report_program
from patternc.cli.render import render_report
from patternc.cli.sentences import cost_rows
from patternc.cli.sketch import mask_art, sketches
from tests.analysis.programs import ALL, BIGBIRD, CHUNKS, FIXED, WINDOW, program
from tests.strategies import mask


def page(text, path=None, **options):
    found = program(text)
    return render_report(report_program(found.checked, found.elaborated, path, found.remarks), **options)


def test_the_page_of_a_factorised_pattern():
    text = page(FIXED)
    for part in (
        "sparse   64 tokens   causal   6 layers of 4 heads (2 kv)   l = 8   c = 2",
        "chunk(l) | columns(l, last = c)",
        "  0, 2    0..4   local(l)",
        "l*n - l*(l - 1)/2",
        "for n >= l - 1",
        "grow like Theta(n^(3/2))",
        "✓ Every query sees every earlier token and itself after 2 layers of 6.",
        "layer 1: ",
        "head 0, stride(l)",
        "Crop-stable",
        "✓  connected within 2 layers",
        "3 kinds of layer",
    ):
        assert part in text, part


def test_the_page_says_why_and_what_would_help():
    window = page(WINDOW)
    assert (
        "✗ Not every query sees every earlier token and itself: after 3 layers, query 13 does not see key 0" in window
    )
    assert "It would take 4 layers of this schedule" in window
    assert "✗  connected" in window
    assert "key 0 never leaves 0..8" in page(CHUNKS)
    assert "warning[PA907]" in program(BIGBIRD).report_text()


def test_a_path():
    assert "How query 14 comes to see key 3:" in page(WINDOW, (3, 14))
    assert "Query 59 does not see key 0" in page(WINDOW, (0, 59))
    assert "they are the same token" in page(WINDOW, (7, 7))
    assert "2 keeps it (residual)" in page(
        "model m { causal tokens 8 allow empty layers 3 { 0: local(2)  1: keys(5)  2: diagonals(4) } }", (2, 6)
    )


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("width", [60, 80, 132])
def test_it_fits_and_has_no_colour_unless_asked(text, width):
    plain = page(text, width=width)
    assert max(map(len, plain.splitlines())) <= width
    assert "\x1b" not in plain
    assert plain.endswith("\n")
    coloured = page(text, width=width, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == plain.split()


def test_square_brackets_are_text():
    assert "keys([0, 3])" in page("model m { causal tokens 16 layers 1 { all: local(4) | keys([0, 3]) } }")


@pytest.mark.parametrize("n", [1, 5, 8, 33])
def test_with_as_many_cells_as_tokens_the_picture_is_the_mask(n):
    relation = r.union(r.Band(-1, 2), r.Keys(((0, 1),)), r.Band(0, None, 4))
    pairs = mask(relation, n)
    lines = mask_art(relation, n, n, n).split("\n")
    assert len(lines) == -(-n // 2)
    for at, line in enumerate(lines):
        assert len(line) == n
        for column, mark in enumerate(line):
            lower = bool(pairs[2 * at + 1, column]) if 2 * at + 1 < n else False
            assert mark == " ▀▄█"[int(pairs[2 * at, column]) + 2 * int(lower)]


@pytest.mark.parametrize(("n", "rows", "columns"), [(7, 3, 2), (50, 8, 50), (129, 16, 9)])
def test_cells_have_the_share_of_their_pairs(n, rows, columns):
    relation = r.union(r.Band(0, 5), r.Residue(7, (0,)))
    pairs = mask(relation, n)
    at = np.arange(n)
    found = block_density(relation, n, rows, columns)
    for row in range(rows):
        for column in range(columns):
            cell = pairs[np.ix_(at * rows // n == row, at * columns // n == column)]
            assert found[row, column] == cell.mean()


def test_long_sequences_are_drawn_from_tiles(monkeypatch):
    relation = r.union(r.Band(0, 300), r.Queries(((0, 64),)))
    exact = block_density(relation, 2048, 32, 32)
    monkeypatch.setattr("patternc.analysis.picture.MOST_EXACT", 0)
    assert (block_density(relation, 2048, 32, 32) == exact).all()
    large = mask_art(r.Band(0, 4095), 1 << 20, 64, 64).split("\n")
    assert [line.index("▀") for line in large[:8]] == [0, 2, 4, 6, 8, 10, 12, 14]


MIXED = "model m { causal tokens 64 heads 2 layers 4 { even: local(8)  odd: heads { 0: dense 1: self } } }"


def drawn(text, width):
    """The small masks of a program, and the one that `mask_art` draws of a layer and head."""
    found = program(text)
    rows = cost_rows(report_program(found.checked, found.elaborated).layers)
    side = min(24, found.schedule.tokens)

    def art(layer, head):
        relation = found.schedule.pattern(layer, head).relation
        return mask_art(relation, found.schedule.tokens, side, side).split("\n")

    return sketches(rows, found.schedule, width), art


def test_small_masks_stand_side_by_side_under_their_layers():
    lines, art = drawn(MIXED, 100)
    captions = ("layers 0, 2", "layers 1, 3, head 0", "layers 1, 3, head 1")
    assert lines[0] == "   ".join(caption.ljust(24) for caption in captions).rstrip()
    for line, *parts in zip(lines[1:], art(0, 0), art(1, 0), art(1, 1), strict=True):
        assert line == "   ".join(part.ljust(24) for part in parts).rstrip()
    found = program(MIXED)
    report = report_program(found.checked, found.elaborated)
    assert all(f"  {line}\n" in render_report(report, None, found.schedule) for line in lines)


def test_a_narrow_terminal_has_one_small_mask():
    lines, art = drawn("model m { causal tokens 16 layers 2 { 0: local(8) 1: dense } }", 30)
    assert lines == ["layer 0", *(line.rstrip() for line in art(0, 0))]
    assert drawn("model m { causal tokens 16 layers 2 { 0: local(8) 1: dense } }", 20)[0] == []


def test_long_sequences_have_no_small_masks():
    found = program("model m { causal tokens 200000 layers 1 { all: local(8) } }")
    assert sketches(cost_rows(report_program(found.checked, found.elaborated).layers), found.schedule, 100) == []
