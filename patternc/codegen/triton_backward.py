"""The text of backward kernels: dq on the forward tables, dk and dv on the transposed ones, and what precedes both.

For: with p = exp(score - lse) and dp = do . v, the gradient of a score is ds = p * (dp - delta), where
delta = rowsum(o * do) - dlse: the second term is the gradient that reaches the lse itself. A sink changes lse alone,
so nothing here knows of it; a cap multiplies ds by its slope. `delta_<head_dim>` writes delta, and lse in base 2 with
+inf for rows that attended nothing: every weight of such a row is exp2(-inf) = 0, without a guard. A row is written by
one program in a fixed order, so gradients are the same bits every time. Not for: the blocks that forward kernels have
too (`triton_blocks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from patternc.codegen.plan import KernelSpec
from patternc.codegen.signature import row_signature, signature
from patternc.codegen.triton_blocks import (
    PRESENT,
    Lines,
    dims_constant,
    dims_line,
    function_head,
    head_dim_constants,
    indent,
    is_padded,
    item_block,
    joined,
    kv_program_block,
    load,
    own_start,
    program_block,
    segment_block,
    store_mask,
)
from patternc.codegen.triton_cap import capped_walk, step_text
from patternc.codegen.triton_loops import Walk, bounds_block, loops, offsets_block
from patternc.codegen.triton_rows import again_block, constants, own_address, own_rows, rows_block
from patternc.codegen.triton_shares import WHOLE, whole_or_share

ROWS = 64
"""Rows that a program of `delta_<head_dim>` takes."""

_DQ_STEP = '''@triton.jit
def {capped}dq_step(scores, k, v, do, lse2, delta, dq, score_scale):
    """dq / scale after one tile of {kind} `scores` [queries, keys]."""
    weights = tl.exp2(scores * score_scale - lse2[:, None])
    d_weights = tl.dot(do, tl.trans(v), input_precision="ieee")
    d_scores = weights * (d_weights - delta[:, None]){slope}
    return tl.dot(d_scores.to(k.dtype), k, dq, input_precision="ieee")
'''

_DKV_STEP = '''@triton.jit
def {capped}dkv_step(scores, q, v, do, lse2, delta, dk, dv, score_scale):
    """(dk / scale, dv) after one tile of {kind} `scores`, transposed: [keys, queries]."""
    weights = tl.exp2(scores * score_scale - lse2[None, :])
    dv = tl.dot(weights.to(do.dtype), do, dv, input_precision="ieee")
    d_weights = tl.dot(v, tl.trans(do), input_precision="ieee")
    d_scores = weights * (d_weights - delta[None, :]){slope}
    dk = tl.dot(d_scores.to(q.dtype), q, dk, input_precision="ieee")
    return dk, dv
'''

DQ_STEP, CAPPED_DQ_STEP = (step_text(_DQ_STEP, capped=capped) for capped in (False, True))
DKV_STEP, CAPPED_DKV_STEP = (step_text(_DKV_STEP, capped=capped) for capped in (False, True))

DQ_WALK = Walk(
    tensors=(("k", "k_ptr"), ("v", "v_ptr")),
    vectors=(),
    row="k_row",
    heads=False,
    scores='tl.dot(q, tl.trans(k), input_precision="ieee")',
    step="dq = dq_step(scores, k, v, do, lse2, delta, dq, score_scale)",
)

DKV_WALK = Walk(
    tensors=(("q", "q_ptr"), ("do", "do_ptr")),
    vectors=(("lse2", "lse2_ptr", 'float("inf")'), ("delta", "delta_ptr", "0.0")),
    row="q_row",
    heads=True,
    scores='tl.dot(k, tl.trans(q), input_precision="ieee")',
    step="dk, dv = dkv_step(scores, q, v, do, lse2, delta, dk, dv, score_scale)",
)


def dq_kernel(spec: KernelSpec, about: str) -> Lines:
    """The whole function; `about` is its docstring."""
    rows, start = own_rows(spec), own_start(spec)
    walk = capped_walk(DQ_WALK, DQ_WALK.step.replace("dq_step", "capped_dq_step")) if spec.soft_cap else DQ_WALK
    body = joined(
        [f'"""{about}"""', *constants(spec)],
        program_block(),
        item_block(spec),
        segment_block(spec),
        [
            f"q_ptr += batch * q_batch + head * q_head + {start} * q_row",
            "k_ptr += batch * k_batch + kv_head * k_head + base * k_row",
            "v_ptr += batch * k_batch + kv_head * k_head + base * k_row",
            f"do_ptr += batch * q_batch + head * q_head + {start} * q_row",
            f"lse2_ptr += batch * lse_batch + head * lse_head + {start}",
            f"delta_ptr += batch * lse_batch + head * lse_head + {start}",
        ],
        rows_block(spec),
        [
            f"q = {load(own_address('q', rows, 'q_row'), spec.head_dim, 'live')}",
            f"do = {load(own_address('do', rows, 'q_row'), spec.head_dim, 'live')}",
            f'lse2 = tl.load(lse2_ptr + {rows}, mask=live, other=float("inf"))',
            f"delta = tl.load(delta_ptr + {rows}, mask=live, other=0.0)",
            *offsets_block(spec, walk),
        ],
        bounds_block(spec),
        [*start_dq(spec, "QUERIES", shares=spec.slots), *(["dq /= scale"] if spec.accumulate else [])],
        loops(spec, walk),
        ["dq *= scale"],
        [*again_block(spec), *whole_or_share(spec, store_dq(spec), rows_of_dims=("dq",), rows=())],
    )
    return [*function_head(spec.name, signature(spec)), *indent(body)]


def dkv_kernel(spec: KernelSpec, about: str) -> Lines:
    """The whole function; `about` is its docstring."""
    rows, start = own_rows(spec), own_start(spec)
    walk = capped_walk(DKV_WALK, DKV_WALK.step.replace("dkv_step", "capped_dkv_step")) if spec.soft_cap else DKV_WALK
    body = joined(
        [f'"""{about}"""', *constants(spec)],
        kv_program_block(),
        item_block(spec),
        segment_block(spec),
        [
            "q_ptr += batch * q_batch + base * q_row",
            f"k_ptr += batch * k_batch + kv_head * k_head + {start} * k_row",
            f"v_ptr += batch * k_batch + kv_head * k_head + {start} * k_row",
            "do_ptr += batch * q_batch + base * q_row",
            "lse2_ptr += batch * lse_batch + base",
            "delta_ptr += batch * lse_batch + base",
        ],
        rows_block(spec),
        [
            f"k = {load(own_address('k', rows, 'k_row'), spec.head_dim, 'live')}",
            f"v = {load(own_address('v', rows, 'k_row'), spec.head_dim, 'live')}",
            *offsets_block(spec, walk),
        ],
        bounds_block(spec),
        [*start_dkv(spec, "KEYS", shares=spec.slots), *(["dk /= scale"] if spec.accumulate else [])],
        loops(spec, walk),
        ["dk *= scale"],
        [*again_block(spec), *whole_or_share(spec, store_dkv(spec), rows_of_dims=("dk", "dv"), rows=())],
    )
    return [*function_head(spec.name, signature(spec)), *indent(body)]


def start_dq(spec: KernelSpec, height: str, *, shares: bool) -> Lines:
    """What dq / scale of `height` rows starts from; with `shares`, an item may be one of several for its rows."""
    return _start(spec, height, _DQ, shares)


def start_dkv(spec: KernelSpec, height: str, *, shares: bool) -> Lines:
    """What dk / scale and dv start from, as `start_dq`."""
    return _start(spec, height, _DKV, shares)


def store_dq(spec: KernelSpec) -> Lines:
    """Writes dq of own rows."""
    return _store(spec, _DQ)


def store_dkv(spec: KernelSpec) -> Lines:
    """Writes dk and dv of own rows."""
    return _store(spec, _DKV)


@dataclass(frozen=True, slots=True)
class _Result:
    """Tensors with the same strides, which are called after the first one, of heads called `head`."""

    names: tuple[str, ...]
    head: str


_DQ, _DKV = _Result(("dq",), "head"), _Result(("dk", "dv"), "kv_head")


def _start(spec: KernelSpec, height: str, result: _Result, shares: bool) -> Lines:
    if not spec.accumulate:
        return [f"{name} = tl.zeros(({height}, {dims_constant(spec.head_dim)}), tl.float32)" for name in result.names]
    mask = store_mask(spec.head_dim)
    lines = ["# The sums start from what earlier launches left; this program alone writes these rows."]
    if shares:
        lines.append(f"left = live & ({WHOLE})  # a share starts from nothing: its merge takes what is left")
        mask = mask.replace("live", "left")
    lines += _own_offsets(spec, result)
    for name in result.names:
        lines.append(f"{name}_left_ptr += {_first_row(spec, result)}")
        lines.append(f"{name} = tl.load({name}_left_ptr + own_offsets, mask={mask}, other=0.0)")
    return lines


def _store(spec: KernelSpec, result: _Result) -> Lines:
    lines = _own_offsets(spec, result)
    for name in result.names:
        lines.append(f"{name}_ptr += {_first_row(spec, result)}")
    for name in result.names:
        value = f"{name}.to({name}_ptr.dtype.element_ty)"
        lines.append(f"tl.store({name}_ptr + own_offsets, {value}, mask={store_mask(spec.head_dim)})")
    return lines


def _first_row(spec: KernelSpec, result: _Result) -> str:
    name = result.names[0]
    return f"batch * {name}_batch + {result.head} * {name}_head + {own_start(spec)} * {name}_row"


def _own_offsets(spec: KernelSpec, result: _Result) -> Lines:
    return [f"own_offsets = {own_rows(spec)}[:, None] * {result.names[0]}_row + dims[None, :]"]


def row_kernel(name: str, head_dim: int) -> Lines:
    """The kernel that writes delta and the lse in base 2, `ROWS` rows of one head a program."""
    body = joined(
        [
            '"""What a backward pass needs of each row: delta = rowsum(o * do) - dlse, and lse in base 2."""',
            f"ROWS: tl.constexpr = {ROWS}",
            *head_dim_constants(head_dim),
        ],
        [
            "program = tl.program_id(0)",
            "tiles = tl.cdiv(tokens, ROWS)",
            "head = (program // tiles % heads).to(tl.int64)",
            "batch = (program // (tiles * heads)).to(tl.int64)",
            "first = (program % tiles * ROWS).to(tl.int64)",
            "rows = tl.arange(0, ROWS)",
            "live = rows < tokens - first",
            dims_line(head_dim),
            *([PRESENT] if is_padded(head_dim) else []),
        ],
        [
            "o_ptr += batch * o_batch + head * o_head + first * o_row",
            "do_ptr += batch * do_batch + head * do_head + first * do_row",
            *(f"{x}_ptr += batch * lse_batch + head * lse_head + first" for x in ("lse", "dlse", "lse2", "delta")),
        ],
        [
            f"o = {load(own_address('o', 'rows', 'o_row'), head_dim, 'live')}",
            f"do = {load(own_address('do', 'rows', 'do_row'), head_dim, 'live')}",
            "dlse = tl.load(dlse_ptr + rows, mask=live, other=0.0)",
            "products = o.to(tl.float32) * do.to(tl.float32)",
            "tl.store(delta_ptr + rows, tl.sum(products, 1) - dlse, mask=live)",
        ],
        [
            "# The lse of a row that attended nothing becomes +inf: all its weights are 0.",
            "lse = tl.load(lse_ptr + rows, mask=live, other=0.0)",
            'tl.store(lse2_ptr + rows, tl.where(lse == float("-inf"), float("inf"), lse * LOG2_E), mask=live)',
        ],
    )
    return [*function_head(name, row_signature()), *indent(body)]
