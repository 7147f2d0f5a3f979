"""What to compile for a case: an example file or a library pattern, with the case's parameters.

For: the translation of each system's configuration, one function a family, as a user would write it by hand. Not for:
deciding pairs; every pattern comes from `patternc/library` or `examples`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance.cases import Case

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


UNMET = {
    "natten_morton_8x8_k3": "tokens in Morton order: no lift takes every second bit of a position",
}
"""Cases that no pattern of the language gives, and why; docs/conformance.md lists the same."""


@dataclass(frozen=True, slots=True)
class Written:
    """Arguments of `patternc.compile`."""

    source: str | Path
    params: dict[str, int] = field(default_factory=dict[str, int])


def written(case: Case, draws: int | None = None) -> Written:
    """The program of a case; `draws` in place of its number of random blocks, where it has some."""
    return FAMILIES[case.family](case, random_blocks(case) if draws is None else draws)


def random_blocks(case: Case) -> int:
    """How many blocks a row of the case draws; what it draws is its generator's, and only that is not compared."""
    if case.family == "deepspeed":
        default = 1 if case.params["class"] == "BigBirdSparsityConfig" else 0
        return case.params["kwargs"].get("num_random_blocks", default)
    if case.params.get("model_type") == "big_bird" and case.params["training"]:
        return case.params["num_random_blocks"]
    return 0


# -- models -----------------------------------------------------------------------------------------------------------


def _model(
    library: str,
    pattern: str,
    *,
    heads: int = 1,
    kv_heads: int | None = None,
    causal: bool = False,
    empty: bool = False,
) -> str:
    """A model of one layer; `pattern` may use head and kv_head."""
    return _layers(library, f"all: heads {{ all: {pattern} }}", 1, heads, kv_heads, causal, empty)


def _layers(
    library: str,
    entries: str,
    layers: int,
    heads: int = 1,
    kv_heads: int | None = None,
    causal: bool = False,
    empty: bool = False,
) -> str:
    direction = "causal" if causal else "bidirectional"
    lines = (
        direction,
        *(("allow empty",) if empty else ()),
        "tokens 64",
        f"heads {heads}",
        f"kv_heads {heads if kv_heads is None else kv_heads}",
        f"layers {layers} {{ {entries} }}",
    )
    return f"use std.{library}\nmodel {library} {{\n" + "\n".join(lines) + "\n}\n"


def _ids(ids: Sequence[object]) -> str:
    """An id list as the language writes it; none at all is a range that has nothing."""
    return f"[{', '.join(str(item) for item in ids)}]" if ids else "0..0"


# -- DeepSpeed --------------------------------------------------------------------------------------------------------


def _deepspeed(case: Case, draws: int) -> Written:
    kwargs = case.params["kwargs"]
    pattern = DEEPSPEED[case.params["class"]](kwargs, case, draws)
    return Written(_model("deepspeed", f"blocks({kwargs['block']}, {pattern})", heads=kwargs["num_heads"]))


def _one_way(kwargs: dict[str, Any], default: str = "bidirectional") -> str:
    """The ending of the name of a pattern."""
    return "_unidirectional" if kwargs.get("attention", default) == "unidirectional" else ""


def _ds_dense(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    return "dense"


def _ds_fixed(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    form = "_horizontal" if kwargs.get("horizontal_global_attention") else _one_way(kwargs)
    turns = kwargs.get("num_different_global_patterns", 1) if kwargs.get("different_layout_per_head") else 1
    made = case.params["made_at"] // case.block if "made_at" in case.params else "n"
    local, summary = kwargs.get("num_local_blocks", 4), kwargs.get("num_global_blocks", 1)
    return f"deepspeed_fixed{form}({local}, {summary}, head % {turns}, {made})"


def _ranges(kwargs: dict[str, Any], blocks: int) -> list[tuple[int, int]]:
    """The global blocks as half-open ranges, what lies beyond the sequence left out."""
    starts = kwargs.get("global_block_indices", [0])
    stops = kwargs.get("global_block_end_indices") or [start + 1 for start in starts]
    return [(start, min(stop, blocks)) for start, stop in zip(starts, stops, strict=True) if start < blocks]


def _ds_variable(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    ranges = _ranges(kwargs, case.tokens // case.block)
    form = "_horizontal" if kwargs.get("horizontal_global_attention") else _one_way(kwargs)
    windows = _ids(kwargs.get("local_window_blocks", [4]))
    if form == "_unidirectional":
        terms = [f"deepspeed_variable_unidirectional({windows}, 0..0)"]
        terms += [f"deepspeed_global_range({start}, {stop})" for start, stop in ranges]
    else:
        terms = [f"deepspeed_variable{form}({windows}, {_ids([f'{start}..{stop}' for start, stop in ranges])})"]
    if draws:
        terms.append(f"deepspeed_random({draws}, {_seed(kwargs)})")
    return " | ".join(terms)


def _ds_bigbird(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    window, globals_ = kwargs.get("num_sliding_window_blocks", 3), kwargs.get("num_global_blocks", 1)
    return f"deepspeed_bigbird{_one_way(kwargs)}({window}, {globals_}, {draws}, {_seed(kwargs)})"


def _seed(kwargs: dict[str, Any]) -> str:
    return "layer * heads + head" if kwargs.get("different_layout_per_head") else "layer"


def _ds_bslongformer(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    ranges = [f"{start}..{stop}" for start, stop in _ranges(kwargs, case.tokens // case.block)]
    window = kwargs.get("num_sliding_window_blocks", 3)
    return f"deepspeed_bslongformer{_one_way(kwargs)}({window}, {_ids(ranges)})"


def _ds_window(kwargs: dict[str, Any], case: Case, draws: int) -> str:
    window = kwargs.get("num_sliding_window_blocks", 3)
    return f"deepspeed_window{_one_way(kwargs, 'unidirectional')}({window})"


DEEPSPEED: dict[str, Callable[[dict[str, Any], Case, int], str]] = {
    "DenseSparsityConfig": _ds_dense,
    "FixedSparsityConfig": _ds_fixed,
    "VariableSparsityConfig": _ds_variable,
    "BigBirdSparsityConfig": _ds_bigbird,
    "BSLongformerSparsityConfig": _ds_bslongformer,
    "LocalSlidingWindowSparsityConfig": _ds_window,
}


# -- Hugging Face -----------------------------------------------------------------------------------------------------


def _hf(case: Case, draws: int) -> Written:
    model, params = case.params["model_type"], case.params
    if model == "big_bird":
        return Written(_bigbird(case, draws))
    if model == "longformer":
        return Written(_longformer(case))
    documents = [int(part) for part in case.name.split("_")[2:-1]] if "packed" in case.name else []
    if documents:
        return Written(_packed(case, documents))
    parameter, setting = HF_WINDOWS[model]
    name = HF_EXAMPLES.get(model, model)
    if params["overrides"].get("use_bidirectional_attention"):
        name += "_encoder"
    return Written(EXAMPLES / f"{name}.attn", {parameter: params["overrides"][setting]})


HF_EXAMPLES = {"gemma3_text": "gemma3", "llama4_text": "llama4", "phi3": "mistral"}
"""Examples that are not called as their model is; Phi-3 has Mistral's pattern."""

HF_WINDOWS = {
    "gpt_neo": ("window", "window_size"),
    "modernbert": ("window", "local_attention"),
    "llama4_text": ("chunk_size", "attention_chunk_size"),
} | {name: ("window", "sliding_window") for name in ("mistral", "phi3", "cohere2", "gemma2", "gemma3_text", "gpt_oss")}
"""Each model's parameter in the example, and its name in the model's configuration."""


def _bigbird(case: Case, draws: int) -> str:
    layers, heads = case.by_layer_and_head("mask").shape[:2]
    drawn, block, seed = case.params["num_random_blocks"], case.block, "layer * heads + head"
    if not case.params["training"]:
        branches = ["bigbird_fixed", *["bigbird_evaluation_random"] * drawn]
    elif case.tokens in (1024, 3072, 4096):
        branches = ["bigbird_fixed", f"bigbird_legacy_random({draws}, {1024 // block - 1}, {seed})"]
    else:
        branches = [f"bigbird_fixed | bigbird_near_blocks({draws}, {2 * drawn + 3}, {seed})"]
    pattern = " + ".join(f"blocks({block}, {branch})" for branch in branches)
    return _layers("bigbird", f"all: heads {{ all: {pattern} }}", layers, heads)


def _longformer(case: Case) -> str:
    windows, ids = case.params["attention_window"], _ids(case.params["global_ids"])
    windows = windows if isinstance(windows, list) else [windows]
    padding = f" - global({_ids(case.params['masked_ids'])})" if case.params["masked_ids"] else ""
    entries = "\n        ".join(
        f"{layer}: longformer({window}, {ids}){padding}" for layer, window in enumerate(windows)
    )
    return _layers("longformer", entries, len(windows), heads=2, empty=bool(padding))


def longformer_halves(case: Case) -> str:
    """A layer with projections of its own for global rows: the ordinary rows as layer 0, the global ones as layer 1."""
    ids = _ids(case.params["global_ids"])
    padding = f" - global({_ids(case.params['masked_ids'])})" if case.params["masked_ids"] else ""
    ordinary = f"longformer_ordinary_rows({case.params['attention_window']}, {ids}){padding}"
    entries = f"0: {ordinary}\n1: longformer_global_rows({ids}){padding}\n"
    return _layers("longformer", entries, 2, heads=2, empty=True)


def picked_blocks(case: Case) -> str:
    """A BigBird layer with the blocks that numpy drew for it, head by head and row by row."""
    counts = case.by_layer_and_head("count")[0].astype(int)
    blocks = counts.shape[1]
    ends = (0, blocks - 1)
    fixed = abs(np.subtract.outer(np.arange(blocks), np.arange(blocks))) <= 1
    fixed[ends, :] = fixed[:, ends] = True
    heads = [
        " | ".join(f"queries({row}) & keys({_ids(drawn[row].nonzero()[0].tolist())})" for row in range(1, blocks - 1))
        for drawn in counts - fixed
    ]
    entries = "  ".join(
        f"{head}: blocks({case.block}, bigbird_fixed) + blocks({case.block}, {picks})"
        for head, picks in enumerate(heads)
    )
    return _layers("bigbird", f"all: heads {{ {entries} }}", 1, len(heads))


def _packed(case: Case, documents: list[int]) -> str:
    """Documents side by side in one row: known beforehand here, and so a pattern."""
    overrides, layers = case.params["overrides"], len(case.by_layer_and_head("mask"))
    if case.params["model_type"] == "mistral":
        entry = f"all: chunks({_ids(documents)}) & keys_including_self({overrides['sliding_window']})"
        return _layers("windows", entry, layers, causal=True)
    bounds = [sum(documents[:count]) for count in range(len(documents) + 1)]
    chunk = overrides["attention_chunk_size"]
    chunks = " | ".join(f"slice({start}..{stop}, chunk({chunk}))" for start, stop in pairwise(bounds))
    entries = f"3: chunks({_ids(documents)})\n        rest: {chunks}"
    return _layers("windows", entries, layers, causal=True)


# -- the others -------------------------------------------------------------------------------------------------------


def _openai(case: Case, draws: int) -> Written:
    params = case.params
    mode, context = params["attn_mode"], params.get("local_attn_ctx")
    pattern = {"all": "past", "local": f"openai_local({context})", "strided": f"openai_strided({context})"}.get(mode)
    if pattern is None:
        summary = params["vertsize"] * params["blocksize"]
        pattern = f"openai_fixed({context}, {summary}, head % {params['num_verts']})"
    return Written(_model("sparse_transformer", pattern, heads=params["heads"], causal=True))


def _s2(case: Case, draws: int) -> Written:
    params = case.params
    heads, kv_heads = params["heads"], params.get("num_kv_heads", params["heads"])
    causal, stride = params.get("causal", True), params["vert_stride"]
    if causal:
        shift = f"kv_head * max(1, {stride} // heads) + {params.get('head_sliding_offset', 0)}"
        pattern = f"s2({params['local_blocks']}, {stride}, {shift})"
    else:
        pattern = f"s2_relative({params['local_blocks']}, {params['local_blocks']}, {stride})"
    dense = heads - params.get("num_dense_heads", 0)
    lifted = f"blocks({params['block']}, {pattern})"
    entries = f"0..{dense}: {lifted}" + (f"  {dense}..{heads}: dense" if dense < heads else "")
    return Written(_layers("s2", f"all: heads {{ {entries} }}", 1, heads, kv_heads, causal))


def _longnet(case: Case, draws: int) -> Written:
    params = case.params
    branches = [
        f"longnet({segment}, {ratio}, head // ceildiv(heads, {ratio}))"
        for segment, ratio in zip(params["segment_length"], params["dilated_ratio"], strict=True)
    ]
    pattern = " + ".join(branches)
    return Written(_model("longnet", pattern, heads=params["heads"], causal=params["causal"], empty=True))


def _natten(case: Case, draws: int) -> Written:
    params = case.params
    axes = [
        f"natten{'_causal' if causal else ''}({kernel}, {dilation}, {stride})"
        for kernel, dilation, stride, causal in zip(
            params["kernel_size"], params["dilation"], params["stride"], params["is_causal"], strict=True
        )
    ]
    pattern = axes[0] if len(axes) == 1 else f"natten_2d({params['shape'][1]}, {axes[0]}, {axes[1]})"
    return Written(_model("natten", pattern))


def _attn_gym(case: Case, draws: int) -> Written:
    params, factory = case.params, case.params["factory"]
    if factory == "generate_natten":
        width, height = params["canvas_w"], params["canvas_h"]
        rows, columns = params["kernel_w"], params["kernel_h"]  # it counts rows by what it calls width
        if width > height:
            return Written(_model("attention_gym", f"gym_natten_wide({height}, {width}, {rows}, {columns})"))
        return Written(_model("natten", f"natten_2d({width}, natten({rows}, 1, 1), natten({columns}, 1, 1))"))
    return Written(_model("attention_gym", ATTN_GYM[factory](params)))


def _shared_prefix(params: dict[str, Any]) -> str:
    bounds = list(pairwise(params["offsets"]))
    terms = [f"gym_documents({_ids([stop - start for start, stop in bounds])})"]
    for document, prefix in enumerate(params["prefix_document_id"]):
        (start, stop), (first, last) = bounds[document], bounds[prefix]
        if document != prefix:  # its own prefix is none
            terms.append(f"gym_prefix_of({start}..{stop}, {first}..{last})")
    return " | ".join(terms)


ATTN_GYM: dict[str, Callable[[dict[str, Any]], str]] = {
    "causal_mask": lambda params: "past",
    "generate_sliding_window": lambda params: f"gym_sliding_window({params['window_size']})",
    "generate_dilated_sliding_window": lambda params: (
        f"gym_dilated_sliding_window({params['window_size']}, {params['dilation']})"
    ),
    "generate_global_sliding_window": lambda params: (
        f"gym_global_sliding_window({params['window_size']}, {_ids(params['global_ids'])})"
    ),
    "generate_prefix_lm_mask": lambda params: f"gym_prefix_lm({params['prefix_length']})",
    "generate_shared_prefix_mask_mod": _shared_prefix,
    "generate_block_diffusion_mask": lambda params: f"gym_block_diffusion({params['seq_len']}, {params['block_size']})",
    "generate_spatial_head_mask_mod": lambda params: (
        f"gym_svg_spatial({params['prompt_length']}, {params['token_per_frame']}, {params['width']}, "
        f"{params['round_width']})"
    ),
    "generate_temporal_head_mask_mod": lambda params: (
        f"gym_svg_temporal({params['prompt_length']}, {params['token_per_frame']}, {params['width']}, "
        f"{params['num_frames']})"
    ),
}


FAMILIES: dict[str, Callable[[Case, int], Written]] = {
    "attn_gym": _attn_gym,
    "deepspeed": _deepspeed,
    "hf": _hf,
    "longnet": _longnet,
    "natten": _natten,
    "openai": _openai,
    "s2": _s2,
}
