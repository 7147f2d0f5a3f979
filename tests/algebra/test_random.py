"""The generator against its published vectors, the vectorised draw against the scalar one."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternc.algebra import random as rnd
from patternc.algebra import relation as r
from patternc.algebra.holds import candidates
from patternc.algebra.rowspans import drawn_keys
from tests.strategies import randoms

KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((rnd.WORD,) * 4, (rnd.WORD,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, words):
    assert rnd.philox(counter, key) == words


def test_philox_rows_is_philox():
    rows = np.array([0, 1, 5, 2**32 - 1, 2**32 + 17, 2**40], dtype=np.int64)
    for block, key in [(0, (0, 0)), (3, (0xA4093822, 0x299F31D0))]:
        arrays = rnd.philox_rows(block, rows, key)
        for index, row in enumerate(rows.tolist()):
            words = rnd.philox((block, row & rnd.WORD, row >> 32, 0), key)
            assert tuple(int(a[index]) for a in arrays) == words


def published_vectors():
    pattern = re.compile(r"^ +(\d+), (\(.*?\)), +(\d+), +0\.\.(\d+) +-> ([\d ]+)$", re.M)
    found = pattern.findall(rnd.__doc__)
    assert len(found) == 4
    return found


@pytest.mark.parametrize(("count", "seed", "row", "stop", "keys"), published_vectors())
def test_published_draws(count, seed, row, stop, keys):
    elements = tuple(int(part) for part in seed.strip("()").split(",") if part.strip())
    expected = [int(key) for key in keys.split()]
    assert rnd.draw(int(count), elements, int(row), range(int(stop))) == expected
    ranks = rnd.draw_ranks(int(count), elements, np.array([int(row)]), np.array([int(stop)]))
    assert [key for key in ranks[0].tolist() if key >= 0] == expected


@given(
    st.integers(0, 12),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(tuple),
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 20)), max_size=12),
)
def test_draw_ranks_is_draw(count, seed, rows):
    ranks = rnd.draw_ranks(
        count, seed, np.array([i for i, _ in rows], dtype=np.int64), np.array([m for _, m in rows], dtype=np.int64)
    )
    assert ranks.shape == (len(rows), count)
    for (row, size), drawn in zip(rows, ranks.tolist(), strict=True):
        expected = rnd.draw(count, seed, row, range(size))
        assert drawn == expected + [-1] * (count - len(expected))
        assert len(set(expected)) == len(expected) == min(count, size)


@given(st.data())
def test_drawn_keys_is_the_definition(data):
    n = data.draw(st.integers(1, 40))
    random = data.draw(randoms(n, 2))
    keys = drawn_keys(random, np.arange(n), n)
    for i in range(n):
        expected = rnd.draw(random.count, random.seed, i, candidates(random, i, n))
        assert [key for key in keys[i].tolist() if key >= 0] == expected


def test_a_causal_row_does_not_depend_on_n():
    random = r.Random(4, (3,), causal=True, avoid=r.Band(0, 2))
    short, long = drawn_keys(random, np.arange(50), 50), drawn_keys(random, np.arange(300), 300)
    assert (short == long[:50]).all()


def test_more_draws_extend_fewer():
    rows, sizes = np.arange(64), np.arange(64) + 1
    assert (rnd.draw_ranks(5, (9,), rows, sizes)[:, :3] == rnd.draw_ranks(3, (9,), rows, sizes)).all()


def test_every_key_is_drawn_about_equally_often():
    # 60,000 rows draw 3 of 12 keys: each expects 15,000, standard deviation about 106; the bound is six of them.
    ranks = rnd.draw_ranks(3, (1,), np.arange(60_000), np.full(60_000, 12))
    counts = np.bincount(ranks.ravel(), minlength=12)
    assert abs(counts - 15_000).max() < 640
    # The first draw alone as well: 5,000 each, standard deviation about 68.
    assert abs(np.bincount(ranks[:, 0], minlength=12) - 5_000).max() < 410
