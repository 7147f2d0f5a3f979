"""The residue classes of a strided component: which are alike, and what each kind is.

For: everything that works on a strided component class by class (row counts, tile maps). Not for: how a relation looks
in a class (`lattice.py`) or which components are strided (`normalise.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patternc.algebra import relation as r
from patternc.algebra.lattice import class_length, restrict
from patternc.algebra.normalise import Strided, simplify

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Class:
    """What every class of a kind is: its length, and its relation in class coordinates."""

    length: int
    relation: r.Relation


def class_kinds(strided: Strided, n: int) -> tuple[list[Class], Int64]:
    """The distinct classes of a strided component, and which of them each class is, [min(step, n)]."""
    kinds: dict[Class, int] = {}
    labels: list[int] = []
    for start in strided.starts:
        restricted = restrict(strided.relation, strided.step, start)
        assert restricted is not None  # a component is strided only if its classes have a form
        length = class_length(strided.step, start, n)
        kind = Class(length, simplify(restricted, length))
        labels.append(kinds.setdefault(kind, len(kinds)))
    alike = np.diff(np.array([*strided.starts, min(strided.step, n)], dtype=np.int64))
    return list(kinds), np.repeat(np.array(labels, dtype=np.int64), alike)
