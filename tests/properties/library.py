"""Random calls of patterns of the library, right at any place: arguments within what each says of itself.

For: `patterns.py`. Not for: what only some lengths take (`tests/library` has every pattern at one that it takes).
"""

from __future__ import annotations

from hypothesis import strategies as st

from patternc.grammar import tree as t
from tests.properties.expressions import Scope, call, chain, ids, integer, positives

CALLS = {
    "attention_gym": {
        "gym_sliding_window": ("size",),
        "gym_dilated_sliding_window": ("size", "size"),
        "gym_global_sliding_window": ("size", "ids"),
        "gym_prefix_lm": ("prefix",),
        "gym_documents": ("sizes",),
        "gym_prefix_of": ("ids", "ids"),
        "gym_batchify": ("size", "inside"),
    },
    "bigbird": {"bigbird": ("few", "seed"), "bigbird_fixed": (), "bigbird_evaluation_random": ()},
    "deepspeed": {
        "deepspeed_variable": ("sizes", "ids"),
        "deepspeed_variable_horizontal": ("sizes", "ids"),
        "deepspeed_variable_unidirectional": ("sizes", "ids"),
        "deepspeed_bigbird": ("size", "first", "few", "seed"),
        "deepspeed_bigbird_unidirectional": ("size", "first", "few", "seed"),
        "deepspeed_bslongformer": ("size", "ids"),
        "deepspeed_bslongformer_unidirectional": ("size", "ids"),
        "deepspeed_window": ("size",),
    },
    "images": {
        "axial_row": ("size",),
        "axial_column": ("size",),
        "image_window": ("size", "size"),
        "dalle_convolution": ("size", "size", "size"),
        "text_then_image": ("prefix", "pattern"),
        "swin": ("size", "size"),
        "swin_shifted": ("size", "size", "size"),
    },
    "longformer": {
        "longformer": ("size", "ids"),
        "longformer_one_side": ("size", "size", "ids"),
        "longformer_chunks": ("size", "ids"),
        "longformer_causal": ("size", "size"),
        "longformer_ordinary_rows": ("size", "ids"),
    },
    "longnet": {"longnet": ("size", "few", "zero")},
    "s2": {"s2": ("size", "size", "seed"), "s2_relative": ("size", "size", "size")},
    "sparse_transformer": {
        "sparse_transformer_window": ("size",),
        "sparse_transformer_stride": ("size",),
        "sparse_transformer_summary": ("size", "one"),
        "openai_local": ("size",),
        "openai_fixed": ("size", "one", "zero"),
        "tutorial_strided": ("size", "size"),
    },
    "streaming": {"streaming": ("prefix", "size"), "tri_shape": ("prefix", "size", "prefix")},
    "windows": {"keys_including_self": ("size",), "both_sides_together": ("size",), "each_side": ("size",)},
}
"""What of each file is called, and with arguments of which kinds."""

EVEN = {
    "natten": {
        "natten": ("odd", "size", "one"),
        "natten_causal": ("odd", "size", "one"),
        "natten_2d": ("divisor", "axis", "axis"),
    }
}
"""The same, of what every lift around has to divide n for."""

_DRAWING = "seed"


@st.composite
def library(draw, scope: Scope, draws_too: bool):
    """A pattern of a file in use."""
    names = sorted(scope.uses)
    calls = {
        name: kinds for file in names for name, kinds in {**CALLS, **(EVEN if scope.even else {})}.get(file, {}).items()
    }
    fine = [name for name, kinds in calls.items() if draws_too or _DRAWING not in kinds]
    if not fine:
        return t.Name("self")
    name = draw(st.sampled_from(fine))
    if not calls[name]:
        return t.Name(name)
    return call(name, *(draw(_argument(scope, kind)) for kind in calls[name]))


def _argument(scope: Scope, kind: str):
    n = scope.n
    match kind:
        case "size":
            return positives(scope)
        case "sizes":
            return st.lists(positives(scope), min_size=1, max_size=3).map(tuple).map(t.List)
        case "ids":
            return ids(scope)
        case "prefix":
            return st.sampled_from([integer(0), integer(1), t.Name("n"), chain("//", t.Name("n"), integer(2))])
        case "first" | "one":
            return st.just(integer(1))
        case "zero":
            return st.just(integer(0))
        case "few":
            return st.integers(1, 3).map(integer)
        case "seed":
            return st.integers(0, 9).map(integer)
        case "odd":
            return st.sampled_from([1, 3, 5, 7]).map(integer)
        case "divisor":
            return st.sampled_from([each for each in range(1, n + 1) if n % each == 0]).map(integer)
        case "axis":
            return st.integers(1, 5).map(lambda k: call("natten", integer(k), integer(1), integer(1)))
        case "inside" | "pattern":
            return st.sampled_from([t.Name("past"), call("chunk", integer(3)), call("local", integer(4))])
