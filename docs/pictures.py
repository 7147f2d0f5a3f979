"""The pictures of the documentation, made by the tool itself: `python docs/pictures.py` makes all of them anew.

A page shows docs/pictures/NAME.svg; tests hold the files against this table, and the table against the pages.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import patternc

FOLDER = Path(__file__).resolve().parent / "pictures"


@dataclass(frozen=True)
class Shown:
    """A pattern at a length, as `patternc show -e PATTERN --causal --tokens N --svg FILE` draws it."""

    pattern: str
    tokens: int = 16
    direction: str = "causal"
    library: str = ""
    """The name after `use std.`, where the pattern comes from there."""

    def svg(self) -> str:
        """The picture. A query without keys is no mistake here."""
        model = f"allow empty tokens {self.tokens} layers 1 {{ all: {self.pattern} }}"
        use = f"use std.{self.library}\n" if self.library else ""
        return patternc.compile(f"{use}model shown {{ {self.direction} {model} }}").to_svg()


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
    "sum": Shown("local(4) + stride(4)", 24),
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

LIBRARY = {
    "attention_gym": (
        Shown("gym_sliding_window(4)"),
        Shown("gym_dilated_sliding_window(6, 2)", 24, BOTH),
        Shown("gym_global_sliding_window(3, [0])", 24, BOTH),
        Shown("gym_prefix_lm(6)", 24, BOTH),
        Shown("gym_documents([6, 10, 8])", 24),
        Shown("gym_documents([6, 10, 8]) | gym_prefix_of(6..24, 0..6)", 24),
        Shown("gym_block_diffusion(12, 4)", 24, BOTH),
        Shown("gym_svg_spatial(4, 8, 1, 4)", 36, BOTH),
        Shown("gym_svg_temporal(4, 8, 2, 4)", 36, BOTH),
        Shown("gym_natten_wide(4, 6, 3, 3)", 24, BOTH),
        Shown("gym_batchify(8, past)", 24, BOTH),
    ),
    "bigbird": (
        Shown("bigbird(2, 0)", 24, BOTH),
        Shown("bigbird_fixed", 24, BOTH),
        Shown("bigbird_training(2, 0)", 24, BOTH),
        Shown("bigbird_fixed | bigbird_legacy_random(2, 15, 0)", 24, BOTH),
        Shown("bigbird_fixed | bigbird_evaluation_random", 24, BOTH),
    ),
    "deepspeed": (
        Shown("deepspeed_fixed(4, 1, 0, n)", 24, BOTH),
        Shown("deepspeed_fixed_horizontal(4, 1, 0, n)", 24, BOTH),
        Shown("deepspeed_fixed_unidirectional(6, 2, 0, n)", 24, BOTH),
        Shown("deepspeed_variable([2, 3, 5], [0, 9])", 24, BOTH),
        Shown("deepspeed_variable_horizontal([2, 3, 5], [0, 9])", 24, BOTH),
        Shown("deepspeed_variable_unidirectional([2, 3, 5], [0, 9])", 24, BOTH),
        Shown("deepspeed_global_range(6, 9)", 24, BOTH),
        Shown("deepspeed_bigbird(3, 1, 1, 0)", 24, BOTH),
        Shown("deepspeed_bigbird_unidirectional(3, 1, 1, 0)", 24, BOTH),
        Shown("deepspeed_bslongformer(3, [0, 9])", 24, BOTH),
        Shown("deepspeed_bslongformer_unidirectional(3, [0, 9])", 24, BOTH),
        Shown("deepspeed_window(3)", 24, BOTH),
        Shown("deepspeed_window_unidirectional(3)", 24, BOTH),
        Shown("deepspeed_random(2, 0)", 24, BOTH),
    ),
    "images": (
        Shown("axial_row(6)", 36, BOTH),
        Shown("axial_column(6)", 36, BOTH),
        Shown("image_window(6, 3)", 36, BOTH),
        Shown("dalle_convolution(6, 3, 1)", 36),
        Shown("text_then_image(8, axial_row(4))", 24),
        Shown("swin(6, 3)", 36, BOTH),
        Shown("swin_shifted(6, 3, 1)", 36, BOTH),
    ),
    "longformer": (
        Shown("longformer(4, [0, 9])", 24, BOTH),
        Shown("longformer_one_side(2, 2, [0])", 24, BOTH),
        Shown("longformer_chunks(4, [0])", 24, BOTH),
        Shown("longformer_causal(3, 2)", 24),
        Shown("longformer_ordinary_rows(4, [0, 9])", 24, BOTH),
        Shown("longformer_global_rows([0, 9])", 24, BOTH),
    ),
    "longnet": (Shown("longnet(12, 2, 1)", 24),),
    "natten": (
        Shown("natten(5, 1, 1)", 24, BOTH),
        Shown("natten_causal(3, 2, 1)", 24, BOTH),
        Shown("natten_2d(6, natten(3, 1, 1), natten(3, 1, 1))", 36, BOTH),
        Shown("natten_3d(3, 4, natten_causal(2, 1, 1), natten(3, 1, 1), natten(3, 1, 1))", 48, BOTH),
    ),
    "s2": (Shown("s2(3, 5, 1)", 24), Shown("s2_relative(3, 2, 5)", 24, BOTH)),
    "sparse_transformer": (
        Shown("sparse_transformer_window(6)", 36),
        Shown("sparse_transformer_stride(6)", 36),
        Shown("sparse_transformer_chunk(6)", 36),
        Shown("sparse_transformer_summary(6, 2)", 36),
        Shown("openai_local(6)", 36),
        Shown("openai_strided(6)", 36),
        Shown("openai_fixed(6, 2, 1)", 36),
        Shown("tutorial_strided(6, 6)", 36, BOTH),
    ),
    "streaming": (Shown("streaming(2, 5)", 24), Shown("a_shape(2, 5)", 24), Shown("tri_shape(2, 5, 4)", 24)),
    "windows": (
        Shown("keys_including_self(5)", direction=BOTH),
        Shown("keys_before_self(5)", direction=BOTH),
        Shown("distances(4, 1)", direction=BOTH),
        Shown("both_sides_together(5)", direction=BOTH),
        Shown("each_side(5)", direction=BOTH),
    ),
}
"""For each file of the library, its patterns for users in their order; docs/library.md shows them."""

PICTURES |= {
    f"std-{library}-{number}": replace(shown, library=library)
    for library, patterns in LIBRARY.items()
    for number, shown in enumerate(patterns, 1)
}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, shown in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(shown.svg(), encoding="utf-8")
    print(f"{len(PICTURES)} pictures in {FOLDER}")
