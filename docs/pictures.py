"""The pictures of the documentation, made by the tool itself: `python docs/pictures.py` makes all of them anew.

A page shows docs/pictures/NAME.svg; tests hold the files against this table, and the table against the pages.
"""

from dataclasses import dataclass
from pathlib import Path

import patternc

FOLDER = Path(__file__).resolve().parent / "pictures"


@dataclass(frozen=True)
class Shown:
    """A pattern at a length, as `patternc show -e PATTERN --causal --tokens N --svg FILE` draws it."""

    pattern: str
    tokens: int = 16
    direction: str = "causal"

    def svg(self) -> str:
        """The picture. A query without keys is no mistake here."""
        model = f"allow empty tokens {self.tokens} layers 1 {{ all: {self.pattern} }}"
        return patternc.compile(f"model shown {{ {self.direction} {model} }}").to_svg()


BOTH = "bidirectional"

PICTURES = {
    # windows
    "local": Shown("local(5)"),
    "local-two-sided": Shown("local(5)", direction=BOTH),
    "local-back-ahead": Shown("local(back = 4, ahead = 1)", direction=BOTH),
    "local-dilation": Shown("local(4, dilation = 3)", 24),
    # residues
    "stride": Shown("stride(6)", 24),
    "stride-at": Shown("stride(6, at = [0, 1])", 24, BOTH),
    "columns": Shown("columns(6, last = 2)", 24),
    "rows": Shown("rows(6)", 24, BOTH),
    # chunks and positions
    "past": Shown("past", direction=BOTH),
    "chunk": Shown("chunk(6)", 24),
    "chunks": Shown("chunks([3, 5, 8])", 24, BOTH),
    "keys": Shown("keys([0, 9..12])", 24, BOTH),
    "queries": Shown("queries([0, -1])", 24, BOTH),
    "global": Shown("global([0, -1])", 24, BOTH),
    "diagonals": Shown("diagonals([0, powers(2)])", 24),
    "random": Shown("random(3)", 24),
    "neighborhood": Shown("neighborhood(5)", direction=BOTH),
    "neighborhood-causal": Shown("neighborhood(3, dilation = 2)"),
    "neighborhood-group": Shown("neighborhood(6, group = 4)", 24, BOTH),
    # operators
    "union": Shown("local(4) | stride(4)", 24),
    "intersection": Shown("local(9) & chunk(6)", 24, BOTH),
    "difference": Shown("local(9) - stride(3)", 24, BOTH),
    # lifts
    "blocks": Shown("blocks(4, local(2))", 24),
    "within": Shown("within(6, local(3))", 24, BOTH),
    "slice": Shown("keys(0..8) | slice(8..n, chunk(4))", 24),
    "image-window": Shown("blocks(6, local(3)) & within(6, local(3))", 36, BOTH),
    "axial": Shown("chunk(6) | stride(6)", 36, BOTH),
    # published patterns
    "bigbird": Shown("blocks(4, local(3) | global([0, -1]) | random(2))", 64, BOTH),
    "fixed": Shown("chunk(6) | columns(6, last = 1)", 36),
    "prefix": Shown("past | keys(0..6)", 24, BOTH),
    "strided": Shown("local(128) | stride(128)", 16384),
}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, shown in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(shown.svg(), encoding="utf-8")
    print(f"{len(PICTURES)} pictures in {FOLDER}")
