"""The cases: what another system's own code said, on disk.

For: reading them, and bringing their masks to one form. Not for: patterns (`programs.py`) or comparing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Case:
    """One dump: `family` is its folder, `params` what configured the system."""

    family: str
    name: str
    params: dict[str, Any]
    path: Path

    @property
    def tokens(self) -> int:
        return self.params["n"]

    @property
    def block(self) -> int:
        """The side of a block; 1 where masks are token by token."""
        return self.params["block"] if self.params["level"] == "block" else 1

    @property
    def has_numbers(self) -> bool:
        return self.name.startswith("io_")

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.path) as stored:
            return {name: stored[name] for name in stored.files if name not in ("name", "params")}

    def by_layer_and_head(self, name: str) -> np.ndarray:
        """`mask` or `count` as [layers, heads, queries, keys]; an axis that the dump leaves out has length 1."""
        array = self.arrays[name]
        kinds = [axis.split()[0] for axis in self.params["axes"][:-2]]
        if "layer" not in kinds:
            array = array[None]
        if "head" not in kinds and "one" not in kinds:
            array = array[:, None]
        assert array.ndim == 4, self.name
        return array


def read_cases() -> dict[str, Case]:
    """Every case by its name, in the order of the names."""
    cases: dict[str, Case] = {}
    for path in sorted(DATA.glob("*/*.npz")):
        with np.load(path) as stored:
            name = str(stored["name"])
            assert name not in cases, name
            cases[name] = Case(path.parent.name, name, json.loads(str(stored["params"])), path)
    return cases


CASES = read_cases()
