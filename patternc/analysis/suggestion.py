"""Suggestion: one piece of advice of a report.

For: what `suggest.py` has tried and `codegen/crossing.py` predicts. Not for: finding it. Needs no library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from patternc.diagnostics import Label

Kind = Literal["block", "depth", "length", "dense", "classes"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One piece of advice; `change` is the name of a parameter with its better value, where it is about one."""

    kind: Kind
    text: str
    label: Label | None = None
    change: tuple[str, int] | None = None
