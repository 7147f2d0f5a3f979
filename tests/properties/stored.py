"""Stored layouts of random programs: the name of a file says which pairs it has.

For: `patterns.py`, which names files, `meaning.py`, which reads arrays off the names, and `stages.py`, which writes
them. A text with layouts is a whole case that way. Not for: how layouts are read (`tests/grammar/test_layout.py`).
"""

from __future__ import annotations

import re

import numpy as np

_NAME = re.compile(r"(?:(\d+)heads_)?(\d+)_(\d+)percent_(\d+)\.npy")


def name_of(heads: int | None, side: int, percent: int, seed: int) -> str:
    """The name of the file that has `percent` of the pairs, for each of `heads` heads if they differ."""
    return f"{'' if heads is None else f'{heads}heads_'}{side}_{percent}percent_{seed}.npy"


def array_of(name: str) -> np.ndarray:
    """What the file of this name holds: bool [side, side], or [heads, side, side]."""
    heads, side, percent, seed = _NAME.fullmatch(name).groups()
    shape = (int(side), int(side)) if heads is None else (int(heads), int(side), int(side))
    return np.random.default_rng(int(seed)).random(shape) * 100 < int(percent)


def save_layouts(text: str, directory) -> None:
    """Write the files that a program names."""
    for found in _NAME.finditer(text):
        np.save(directory / found[0], array_of(found[0]))
