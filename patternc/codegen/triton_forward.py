"""The text of forward kernels: an item's queries against the keys of its tiles, in one pass.

For: online softmax in base 2. The scale (times log2 e) enters one multiply-add an element: masks apply to the raw
products, which is the same since the scale is positive. The running maximum starts at a finite -1e30, so that no
step needs a guard: a row that attends nothing ends with the sum 0 and gives output 0 and lse -inf. Not for: the
blocks that backward kernels have too (`triton_blocks.py`).
"""

from __future__ import annotations

from patternc.codegen.plan import KernelSpec
from patternc.codegen.signature import signature
from patternc.codegen.triton_blocks import (
    Lines,
    dims_constant,
    function_head,
    indent,
    item_block,
    joined,
    load,
    own_start,
    program_block,
    segment_block,
    store_mask,
)
from patternc.codegen.triton_cap import capped_walk
from patternc.codegen.triton_loops import Walk, bounds_block, loops, offsets_block
from patternc.codegen.triton_rows import again_block, constants, own_address, own_rows, rows_block
from patternc.codegen.triton_shares import WHOLE, whole_or_share

SOFTMAX_STEP = '''@triton.jit
def softmax_step(scores, v, o, row_max, row_sum, score_scale):
    """One tile of the online softmax: (o, row_max, row_sum) after the raw `scores` of [rows, columns]."""
    new_max = tl.maximum(row_max, tl.max(scores, 1) * score_scale)
    weights = tl.exp2(scores * score_scale - new_max[:, None])
    decay = tl.exp2(row_max - new_max)
    o = tl.dot(weights.to(v.dtype), v, o * decay[:, None], input_precision="ieee")
    return o, new_max, row_sum * decay + tl.sum(weights, 1)
'''

WALK = Walk(
    tensors=(("k", "k_ptr"), ("v", "v_ptr")),
    vectors=(),
    row="k_row",
    heads=False,
    scores='tl.dot(q, tl.trans(k), input_precision="ieee")',
    step="o, row_max, row_sum = softmax_step(scores, v, o, row_max, row_sum, score_scale)",
)


def forward_kernel(spec: KernelSpec, about: str) -> Lines:
    """The whole function; `about` is its docstring."""
    walk = capped_walk(WALK, WALK.step) if spec.soft_cap else WALK
    body = joined(
        [f'"""{about}"""', *constants(spec)],
        program_block(),
        item_block(spec),
        segment_block(spec),
        _pointers(spec),
        rows_block(spec),
        [f"q = {load(own_address('q', own_rows(spec), 'q_row'), spec.head_dim, 'live')}", *offsets_block(spec, walk)],
        bounds_block(spec),
        state_block(spec, "QUERIES", shares=spec.slots),
        loops(spec, walk),
        RESULT,
        [*again_block(spec), *whole_or_share(spec, store_block(spec), rows_of_dims=("o",), rows=("lse",))],
    )
    return [*function_head(spec.name, signature(spec)), *indent(body)]


def _pointers(spec: KernelSpec) -> Lines:
    start = own_start(spec)
    return [
        f"q_ptr += batch * q_batch + head * q_head + {start} * q_row",
        "k_ptr += batch * k_batch + kv_head * k_head + base * k_row",
        "v_ptr += batch * k_batch + kv_head * k_head + base * k_row",
    ]


def state_block(spec: KernelSpec, height: str, *, shares: bool) -> Lines:
    """What the softmax of `height` rows starts from; with `shares`, an item may be one of several for its rows."""
    if spec.accumulate:
        return _left_by_others(spec, shares)
    state = "# The state of the softmax: weighted values, running maximum, sum of weights."
    accumulator = f"o = tl.zeros(({height}, {dims_constant(spec.head_dim)}), tl.float32)"
    if not spec.sinks:
        return [
            state,
            accumulator,
            f"row_max = tl.full(({height},), LOWEST, tl.float32)",
            f"row_sum = tl.zeros(({height},), tl.float32)",
        ]
    lines = [
        f"{state} The head's sink is a logit",
        "# without a value: it is there before the first key.",
        accumulator,
        "sink = tl.load(sinks_ptr + head) * LOG2_E",
    ]
    if shares:
        lines.append(f'sink = tl.where({WHOLE}, sink, float("-inf"))  # once for all shares: in their merge')
    return [
        *lines,
        f"row_max = tl.zeros(({height},), tl.float32) + tl.maximum(sink, LOWEST)",
        "row_sum = tl.exp2(sink - row_max)",
    ]


def _left_by_others(spec: KernelSpec, shares: bool) -> Lines:
    rows, start = own_rows(spec), own_start(spec)
    mask = store_mask(spec.head_dim)
    lines = [
        "# The state of the softmax: weighted values, running maximum, sum of weights. It goes on from what earlier",
        "# launches left: their o, with the weight 1 at their lse, or nothing where that is -inf.",
    ]
    if shares:
        lines.append(f"left = live & ({WHOLE})  # a share starts from nothing: its merge takes what is left")
        mask = mask.replace("live", "left")
    return [
        *lines,
        f"o_left_ptr += batch * o_batch + head * o_head + {start} * o_row",
        f"lse_left_ptr = lse_ptr + batch * lse_batch + head * lse_head + {start}",
        f"own_offsets = {rows}[:, None] * o_row + dims[None, :]",
        f"o = tl.load(o_left_ptr + own_offsets, mask={mask}, other=0.0)",
        f'lse = tl.load(lse_left_ptr + {rows}, mask={"left" if shares else "live"}, other=float("-inf"))',
        "row_max = tl.maximum(lse * LOG2_E, LOWEST)",
        'row_sum = tl.where(lse == float("-inf"), 0.0, 1.0)',
    ]


RESULT = [
    "# A row that attended nothing gives 0, and its lse is -inf.",
    "attended = row_sum > 0.0",
    "row_sum = tl.where(attended, row_sum, 1.0)",
    "o = o / row_sum[:, None]",
    'lse = tl.where(attended, (row_max + tl.log2(row_sum)) * LN_2, float("-inf"))',
]


def store_block(spec: KernelSpec) -> Lines:
    """Writes the results of own rows."""
    return [
        f"o_ptr += batch * o_batch + head * o_head + {own_start(spec)} * o_row",
        f"lse_ptr += batch * lse_batch + head * lse_head + {own_start(spec)}",
        f"own_offsets = {own_rows(spec)}[:, None] * o_row + dims[None, :]",
        f"tl.store(o_ptr + own_offsets, o.to(o_ptr.dtype.element_ty), mask={store_mask(spec.head_dim)})",
        f"tl.store(lse_ptr + {own_rows(spec)}, lse, mask=live)",
    ]
