"""Attention: the torch module that runs a compiled program, layer by layer.

For: checking a call completely before anything runs, and finding the plan and tables that serve it: those compiled,
or, for another length, head_dim, dtype or device, new ones made from the program (milliseconds) and kept. Not for:
reading files (`load.py`) or the work itself (`op.py`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from patternc.algebra.budget import TileBudgetError
from patternc.codegen.lower import LONGEST, Lowered
from patternc.codegen.plan import Dtype
from patternc.codegen.plan_json import layer_to_json
from patternc.grammar import typed
from patternc.runtime import op
from patternc.runtime.errors import AttentionInputError
from patternc.runtime.remake import Shape, plan_of
from patternc.runtime.tensors import table_tensors

DTYPES: dict[torch.dtype, Dtype] = {
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float32: "float32",
    torch.float64: "float64",
}
KEPT_SHAPES = 32
"""Plans kept for other shapes than the compiled one; the oldest makes room."""

_Layers = tuple[tuple[str, list[Tensor]], ...]
"""For each layer: the plan's text and its tables on one device."""
_Place = tuple[int, int, torch.dtype, torch.device]
"""Tokens, head_dim, dtype and device of a call."""


class Attention(nn.Module):
    """The attention of every layer of a compiled model. It has no parameters and no state to save.

    `attention(q, k, v, layer=3)` gives what `scaled_dot_product_attention` with that layer's mask would. Made by
    `patternc.load` and `Program.module`.
    """

    def __init__(
        self,
        program: typed.Program,
        lowered: Lowered,
        shape: Shape,
        *,
        name: str,
        strict: bool = False,
    ) -> None:
        """Attention of `program` (parameters bound), compiled as `lowered` for `shape`.

        `strict` refuses calls at any other shape; otherwise they are planned when they come.
        """
        super().__init__()
        first = lowered.plan.distinct[0]
        self.name = name
        self.layers = len(lowered.plan.layers)
        self.heads, self.kv_heads = first.heads, first.kv_heads
        self.shape = shape
        self.strict = strict
        self.program = program
        self.lowered = lowered
        self._ready: dict[_Place, _Layers] = {}

    def extra_repr(self) -> str:
        """What print(module) shows."""
        shape = self.shape
        return (
            f"{self.name}: {self.layers} layers, {self.heads} heads, {self.kv_heads} key heads; compiled for "
            f"{shape.tokens:,} tokens, head_dim {shape.head_dim}, {shape.dtype}, {shape.target}"
        )

    def forward(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        layer: int = 0,
        *,
        sinks: Tensor | None = None,
        scale: float | None = None,
        return_lse: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Attend with the pattern of one layer.

        Args:
            q: [B, H, N, D], float16, bfloat16, float32 or (on the CPU) float64; any strides.
            k: [B, Hkv, N, D], v likewise; query head h uses key head h // (H // Hkv).
            v: see k.
            layer: which layer's pattern, 0 <= layer < layers.
            sinks: [H], one more logit in the denominator of every row of a head; float32 or q's dtype.
            scale: what scores are multiplied with; 1 / sqrt(D) unless said.
            return_lse: whether to give the log-sum-exp of each row's scaled scores, sink included, as well.

        Returns:
            o [B, H, N, D] in q's dtype; with `return_lse` (o, lse [B, H, N]), lse float64 for float64 inputs, else
            float32, natural log. Both are differentiable (once). A row that attends nothing gives o = 0 and lse =
            -inf, or the sink.

        Raises:
            AttentionInputError: the call cannot be served; nothing has run.
        """
        self._check(q, k, v, layer, sinks, scale)
        plan, tables = self._prepared(q.shape[2], q.shape[3], q.dtype, q.device)[layer]
        factor = 1 / math.sqrt(q.shape[3]) if scale is None else scale
        o, lse = op.attention(q, k, v, sinks, tables, plan, factor)
        return (o, lse) if return_lse else o

    def prepare(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device | str) -> None:
        """Make plans and tables for calls of this shape now, instead of at the first one.

        Needed before torch.compile or torch.export traces a shape for the first time. Raises AttentionInputError.
        """
        # A tensor knows its device by index, where "cuda" means the current one.
        self._prepared(tokens, head_dim, dtype, torch.empty(0, device=device).device)

    def _prepared(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device) -> _Layers:
        place = (tokens, head_dim, dtype, device)
        layers = self._ready.get(place)
        if layers is not None:
            return layers
        if torch.compiler.is_compiling():
            raise AttentionInputError(
                f"no plan yet for {tokens} tokens, head_dim {head_dim}, {dtype} on {device}, and planning cannot be "
                f"traced: call attention.prepare({tokens}, {head_dim}, {dtype}, {str(device)!r}) before compiling"
            )
        shape = self._shape_of(*place)
        lowered = self.lowered if shape == self.shape else self._planned(shape)
        texts = [layer_to_json(plan) for plan in lowered.plan.distinct]
        # Tables made inside inference mode could not serve a call that trains.
        with torch.inference_mode(False):
            tables = [table_tensors(plan, lowered.tables, device) for plan in lowered.plan.distinct]
        layers = tuple((texts[index], tables[index]) for index in lowered.plan.layers)
        # Under a FakeTensorMode they have no values: nothing to keep.
        if all(type(each) is Tensor for each in tables[0]):
            while len(self._ready) >= KEPT_SHAPES:
                self._ready.pop(next(iter(self._ready)), None)
            self._ready[place] = layers
        return layers

    def _shape_of(self, tokens: int, head_dim: int, dtype: torch.dtype, device: torch.device) -> Shape:
        shape = Shape(tokens, head_dim, DTYPES[dtype], _target(device))
        if self.strict and shape != self.shape:
            raise AttentionInputError(
                f"compiled for {_described(self.shape)}, called with {_described(shape)}; strict=True refuses to plan "
                "anew: load without it, or compile for this shape"
            )
        return shape

    def _planned(self, shape: Shape) -> Lowered:
        try:
            return plan_of(self.program, shape)
        except (ValueError, TileBudgetError) as error:
            raise AttentionInputError(f"cannot serve {_described(shape)}: {error}") from error

    def _check(self, q: Tensor, k: Tensor, v: Tensor, layer: int, sinks: Tensor | None, scale: float | None) -> None:
        for name, rows, heads in (("q", q, self.heads), ("k", k, self.kv_heads), ("v", v, self.kv_heads)):
            if rows.dim() != 4:
                raise AttentionInputError(
                    f"{name} has shape {_dims(rows)}; expected 4 dimensions, [batch, {heads} heads, tokens, head_dim]"
                )
            if rows.shape[1] != heads:
                likely = "; are tokens and heads swapped? q.transpose(1, 2) would do" if rows.shape[2] == heads else ""
                raise AttentionInputError(
                    f"{name} has {rows.shape[1]} heads (shape {_dims(rows)}), but {self.name} has {heads} for {name}"
                    f"{likely}"
                )
            if rows.dtype not in DTYPES:
                raise AttentionInputError(f"{name} is {rows.dtype}; expected one of {_names(DTYPES)}")
            if rows.layout != torch.strided:
                raise AttentionInputError(
                    f"{name} has layout {rows.layout}; expected a dense tensor: {name}.to_dense()"
                )
            for what, got, expected in (
                ("dtype", rows.dtype, q.dtype),
                ("device", rows.device, q.device),
                ("batch size", rows.shape[0], q.shape[0]),
                ("number of tokens", rows.shape[2], q.shape[2]),
                ("head_dim", rows.shape[3], q.shape[3]),
            ):
                if got != expected:
                    raise AttentionInputError(
                        f"the {what} of {name} is {got}, but that of q is {expected}; all three must agree"
                    )
        if not 1 <= q.shape[2] <= LONGEST:
            raise AttentionInputError(f"q has {q.shape[2]} tokens; expected 1 to {LONGEST:,}")
        if q.shape[3] < 1:
            raise AttentionInputError(f"q has head_dim {q.shape[3]}; expected at least 1")
        if isinstance(layer, bool) or not isinstance(layer, int) or not 0 <= layer < self.layers:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
            raise AttentionInputError(f"layer is {layer!r}; {self.name} has layers 0 to {self.layers - 1}")
        if scale is not None and not (math.isfinite(scale) and scale > 0):
            raise AttentionInputError(f"scale is {scale}; expected a positive number, such as 1 / sqrt(head_dim)")
        if sinks is not None:
            self._check_sinks(q, sinks)

    def _check_sinks(self, q: Tensor, sinks: Tensor) -> None:
        if sinks.shape != (self.heads,):
            raise AttentionInputError(f"sinks have shape {_dims(sinks)}; expected [{self.heads}], one a query head")
        if sinks.dtype not in (torch.float32, q.dtype):
            raise AttentionInputError(f"sinks are {sinks.dtype}; expected torch.float32 or q's {q.dtype}")
        if sinks.device != q.device:
            raise AttentionInputError(f"sinks are on {sinks.device}, but q is on {q.device}; move them there")


def _target(device: torch.device) -> str:
    if device.type == "cpu":
        return "cpu"
    if device.type == "cuda" and torch.version.hip is None:
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return f"cuda:{major}{minor}"
        raise AttentionInputError(
            f"{device} has compute capability {major}.{minor}; kernels need 8.0 or newer: move q, k and v to the CPU"
        )
    raise AttentionInputError(f"q, k and v are on {device}; expected cpu or a CUDA device: move them with .to('cpu')")


def _described(shape: Shape) -> str:
    return f"{shape.tokens:,} tokens, head_dim {shape.head_dim}, {shape.dtype}, {shape.target}"


def _dims(tensor: Tensor) -> str:
    return str(list(tensor.shape))


def _names(dtypes: dict[torch.dtype, Dtype]) -> str:
    return ", ".join(str(dtype) for dtype in dtypes)
