"""The colours of pictures, for light and for dark readers.

For: masks (`svg.py`, `png.py`) and figures (`svg_figure.py`), and the page around them. Colours of terms are those of
Okabe and Ito, which people who are colour-blind tell apart; neighbours in the list differ in lightness, too, for print
in grey. Not for: what has which colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from patternc.cli.figure import Ink


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as CSS has them. `terms`: of the terms; where there are more, the rest share the last one."""

    paper: str
    never: str
    """Of cells that a causal model never attends."""
    grid: str
    frame: str
    ink: str
    faint: str
    accent: str
    terms: tuple[str, ...]
    repeated: str
    """Of pairs that count more than once."""

    @property
    def numbered(self) -> tuple[str, ...]:
        """The colours of terms, and that of repeated pairs behind them."""
        return (*self.terms, self.repeated)

    def ink_of(self, ink: Ink) -> str:
        """The colour of a line or a word."""
        match ink:
            case "ink":
                return self.ink
            case "faint":
                return self.faint
            case "frame":
                return self.frame
            case "grid":
                return self.grid
            case "accent":
                return self.accent


LIGHT = Theme(
    paper="#ffffff",
    never="#e9ecef",
    grid="#e9ecef",
    frame="#8b949e",
    ink="#1f2328",
    faint="#57606a",
    accent="#0072b2",
    terms=("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c5a2b"),
    repeated="#b3261e",
)
DARK = Theme(
    paper="#161b22",
    never="#262d36",
    grid="#262d36",
    frame="#6e7681",
    ink="#e6edf3",
    faint="#9aa5b1",
    accent="#4aa3df",
    terms=("#4aa3df", "#f0b429", "#2fbf96", "#e39ac3", "#9bd3f5", "#c08a55"),
    repeated="#ff6b5e",
)
INKS: tuple[Ink, ...] = get_args(Ink)
COLOURS = len(LIGHT.terms)
COLOUR_NAMES = ("blue", "orange", "green", "pink", "light blue", "brown", "red")
REPEATED = COLOURS
"""The number of the colour of pairs that count more than once."""
OPACITY = (0.35, 0.6, 0.8, 1.0)
"""By level of a cell."""


def colour_of(term: int | None) -> int:
    """The number of the colour of a term, or of what counts more than once."""
    return REPEATED if term is None else min(term, COLOURS - 1)
